"""A loop of a replayed graph that stays a loop, with its lists of tensors as tensors of their rows.

TFLite's converter reads TensorFlow's lists where the shape of an element is known to the last axis:
not those of an open batch, nor those that a tf.TensorArray is made of without saying a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from littoral.errors import ConversionError
from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice

from littoral_converters.graphs.axes import sizes

Value = Any
"""A tensor, a Python list of tensors, or `Rows`."""


@dataclass(frozen=True)
class Rows:
    """A list of tensors of one shape.

    Attributes:
        count: How many; a number or a scalar tensor.
        tensor: All of them, (count, ...); None while none is set.
    """

    count: Any
    tensor: Any | None = None

    def at(self, index: Any) -> Any:
        """One of them."""
        if self.tensor is None:
            raise ConversionError("a loop reads from a list before it sets it")
        return tf.gather(self.tensor, index)

    def put(self, index: Any, element: Any) -> Rows:
        """The list with another element in a place; zeros in those that nothing was put in."""
        tensor = self._zeros(element, sizes(element)) if self.tensor is None else self.tensor
        begin = [index, *[0] * element.shape.rank]
        return Rows(self.count, dynamic_update_slice(tensor, element[None], begin))

    def begun(self, after: Rows) -> Rows:
        """The list before a loop, as a tensor; `after` is what the first turn makes of it."""
        if self.tensor is not None:
            return self
        if after.tensor is None:
            return Rows(self.count, tf.zeros([self.count]))
        return Rows(self.count, self._zeros(after.tensor, sizes(after.tensor)[1:]))

    def _zeros(self, like: Any, shape: Sequence[Any]) -> Any:
        return tf.zeros([self.count, *shape], like.dtype)


def kept(
    condition: Callable[[list[Value]], Any],
    body: Callable[[list[Value]], list[Value]],
    values: Sequence[Value],
) -> list[Value]:
    """A loop as one of the current trace.

    Args:
        condition: What the loop asks before each turn.
        body: A turn.
        values: The loop's variables before the first turn; lists among them.

    Returns:
        Its variables behind the last turn; lists are `Rows`.

    Raises:
        ConversionError: A list is read before it is set.
    """
    # A turn whose results nobody takes, but for the shapes of what it puts into lists.
    before = [_rows(value) for value in values]
    after = body(before)
    begun = [
        one.begun(other) if isinstance(one, Rows) else one
        for one, other in zip(before, after, strict=True)
    ]

    def wrapped(tensors: Sequence[Any]) -> list[Value]:
        return [
            Rows(value.count, tensor) if isinstance(value, Rows) else tensor
            for value, tensor in zip(begun, tensors, strict=True)
        ]

    def turn(*tensors: Any) -> list[Any]:
        return [_tensor(value) for value in body(wrapped(tensors))]

    first = [_tensor(value) for value in begun]
    shapes = [
        one.shape
        if isinstance(to, Rows)
        else one.shape.most_specific_compatible_shape(_tensor(to).shape)
        for one, to in zip(first, after, strict=True)
    ]
    ends = tf.while_loop(
        lambda *tensors: condition(wrapped(tensors)), turn, first, shape_invariants=shapes
    )
    return wrapped(ends)


def _rows(value: Value) -> Value:
    """A list as its rows."""
    if not isinstance(value, list):
        return value
    rows = Rows(len(value))
    for index, element in enumerate(value):
        rows = rows if element is None else rows.put(index, element)
    return rows


def _tensor(value: Value) -> Any:
    return value.tensor if isinstance(value, Rows) else tf.convert_to_tensor(value)
