"""The layers of a Keras model, however deep they lie in one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def every_layer(model: Any) -> Iterator[Any]:
    """Every layer of a model once, nested ones and cells too, the model itself first."""
    seen: set[int] = set()
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer
