"""Recurrences that keep their state between calls, begun from zeros at every call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from littoral_converters.lowering import every_layer, stand_ins


@contextmanager
def clean_state(model: Any) -> Iterator[tuple[str, ...]]:
    """Let stateful layers start from zeros and keep nothing, for a while.

    A file says the same at every call. What its state would be between them is the caller's, who
    gets it in and out of a file that `convert` makes with ``streaming``.

    Args:
        model: A built keras.Model.

    Yields:
        Names of the layers that are stateful.
    """
    kept = [layer for layer in every_layer(model) if getattr(layer, "stateful", False)]
    with stand_ins() as put:
        for layer in kept:
            put(layer, "stateful", False)
        yield tuple(layer.name for layer in kept)
