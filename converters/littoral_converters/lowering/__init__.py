"""Lowerings: how a layer is expressed while its model is traced. One file a layer family.

The stock converters do badly on several Keras 3 layers. A lowering stands in for the methods of one
layer for the length of the trace, so it works alike in Sequential, functional, nested, shared and
subclassed models, and the layer keeps its weights. What no lowering claims is traced as Keras
wrote it.

A lowering module offers one function:

    replacements(layer, plan) -> Mapping[str, object]

the attributes to put on that layer while tracing, empty when it does not claim the layer. They are
computed before the trace begins, so weights can be read as NumPy arrays.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from littoral import plugins

MISSING = object()


@dataclass(frozen=True)
class Plan:
    """What a trace is made for.

    Attributes:
        format: ``"tflite"`` or ``"onnx"``.
        recurrent: How a recurrence is written: ``"auto"``, ``"unrolled"``, ``"loop"``, ``"fused"``.
        batch: Size of the batch axis, None for any.
    """

    format: str
    recurrent: str = "auto"
    batch: int | None = 1


@contextmanager
def lowered(model: Any, plan: Plan) -> Iterator[None]:
    """Put the lowerings on every layer of a model, and take them off again.

    Args:
        model: A built keras.Model.
        plan: What the trace is made for.

    Yields:
        Nothing; the model computes the same as before, in operators that the format has.
    """
    changed: list[tuple[Any, str, object]] = []
    try:
        for layer in every_layer(model):
            for name, value in _replacements(layer, plan).items():
                changed.append((layer, name, vars(layer).get(name, MISSING)))
                object.__setattr__(layer, name, value)
        yield
    finally:
        for layer, name, before in reversed(changed):
            if before is MISSING:
                object.__delattr__(layer, name)
            else:
                object.__setattr__(layer, name, before)


def every_layer(model: Any) -> Iterator[Any]:
    """Every layer of a model once, nested ones and cells too, the model itself first."""
    seen: set[int] = set()
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer


def _replacements(layer: Any, plan: Plan) -> dict[str, object]:
    found: dict[str, object] = {}
    package = sys.modules[__name__]
    for name in plugins.names(package):
        found.update(plugins.load(package, name).replacements(layer, plan))
    return found
