"""A loop over time steps of any kind, whose outputs have a place for each turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice

from littoral_converters.graphs.axes import sizes
from littoral_converters.lowering import Plan

Turn = Callable[[Any, list[Any]], tuple[list[Any], list[Any]]]
"""(number of the turn, what the turn before handed on) -> (what to hand on, outputs)"""


def turns(
    turn: Turn, count: Any, carry: Sequence[Any], like: Sequence[Any], some: Any, plan: Plan
) -> tuple[list[Any], list[Any]]:
    """Take turns, each from what the one before it handed on.

    Args:
        turn: One turn.
        count: How many to take; a number or a scalar.
        carry: What the first turn starts from. Its shapes hold throughout.
        like: A tensor in the shape of each output of a turn.
        some: Any tensor that depends on the model's inputs.
        plan: What the trace is made for.

    Returns:
        What the last turn handed on, and each output of all turns, (turns, ...).
    """
    make = _Rows if plan.format == "tflite" else _Array
    rooms = [make(each, count, some) for each in like]

    def body(at: Any, carry: list[Any], kept: list[Any]) -> Any:
        new, outputs = turn(at, carry)
        for value, before in zip(new, carry, strict=True):
            value.set_shape(before.shape)
        kept = [room.put(k, at, o) for room, k, o in zip(rooms, kept, outputs, strict=True)]
        return at + 1, new, kept

    begun = (tf.constant(0), list(carry), [room.empty for room in rooms])
    _, ends, kept = tf.while_loop(lambda at, *_: at < count, body, begun)
    return ends, [room.whole(each) for room, each in zip(rooms, kept, strict=True)]


def written_out(turn: Turn, count: int, carry: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Every turn by itself: the same as `turns`, without a loop."""
    carry, each = list(carry), []
    for at in range(count):
        carry, outputs = turn(at, carry)
        each.append(outputs)
    return carry, [tf.stack(own) for own in zip(*each, strict=True)]


class _Array:
    """Outputs in TensorFlow's array, which becomes what ONNX's loop gathers by itself."""

    def __init__(self, like: Any, count: Any, some: Any) -> None:
        del some
        self.empty = tf.TensorArray(like.dtype, count, element_shape=like.shape)

    def put(self, kept: Any, at: Any, output: Any) -> Any:
        return kept.write(at, output)

    def whole(self, kept: Any) -> Any:
        return kept.stack()


class _Rows:
    """Outputs as rows of a tensor: TFLite has no array for elements of an open size.

    What stands there before the first turn is never read. Zeros would be as many bytes of the file
    as the outputs are; a number of the model's inputs has to be put there as it runs.
    """

    def __init__(self, like: Any, count: Any, some: Any) -> None:
        number = tf.cast(tf.reshape(some, [-1])[0], like.dtype)
        self.empty = tf.fill([count, *sizes(like)], number)

    def put(self, kept: Any, at: Any, output: Any) -> Any:
        return dynamic_update_slice(kept, output[None], [at, *[0] * len(output.shape)])

    def whole(self, kept: Any) -> Any:
        return kept
