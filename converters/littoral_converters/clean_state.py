"""What a model keeps between calls: recurrences begin from zeros, variables stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.nesting import every_layer
from littoral_converters.stand_ins import stand_ins


@contextmanager
def clean_state(model: Any) -> Iterator[tuple[str, ...]]:
    """Let stateful layers start from zeros and keep nothing, for a while.

    What a layer assigns to its variables meanwhile, a moving average say, is taken back in the end.

    A file says the same at every call. What its state would be between them is the caller's, who
    gets it in and out of a file that `convert` makes with ``streaming``.

    Args:
        model: A built keras.Model.

    Yields:
        Names of the layers that are stateful.
    """
    kept = [layer for layer in every_layer(model) if getattr(layer, "stateful", False)]
    with stand_ins() as put, _kept(model):
        for layer in kept:
            put(layer, "stateful", False)
        yield tuple(layer.name for layer in kept)


@contextmanager
def _kept(model: Any) -> Iterator[None]:
    """Give a model's variables back what they were before they were assigned to."""
    own = {id(variable) for variable in model.variables}
    before: dict[int, tuple[Any, Any]] = {}
    original = keras.Variable.assign

    def assign(self: Any, value: Any) -> Any:
        if id(self) in own and id(self) not in before:
            with tf.init_scope():  # also while a graph is traced that will assign when it runs
                before[id(self)] = (self, tf.identity(self.value))
        return original(self, value)

    try:
        with stand_ins() as put:
            put(keras.Variable, "assign", assign)
            yield
    finally:
        for variable, value in before.values():
            variable.assign(value)
