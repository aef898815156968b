"""The worker says which layer is at work, so that a crash can be laid at its door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from littoral_converters import isolation
from littoral_converters.nesting import every_layer
from littoral_converters.watching import watched


@contextmanager
def narrated(model: Any) -> Iterator[None]:
    """Have each of a model's layers named while it is traced or run.

    Args:
        model: A built keras.Model.

    Yields:
        Nothing; outside of the worker it changes nothing.
    """

    def enter(layer: Any) -> None:
        isolation.entering(f"{layer.name!r} ({type(layer).__name__})")

    def leave(layer: Any, given: Any, result: Any) -> None:
        del layer, given, result
        isolation.leaving()

    if not isolation.is_worker():
        yield
        return
    layers = [layer for layer in every_layer(model) if layer is not model]
    with watched(layers, enter, leave):
        yield
