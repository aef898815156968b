"""Axes of one taken away where sizes are open, for TFLite; values moved around an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import open_shape
from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    moved: dict[str, Substitute] = {"Roll": rolled}
    return {**moved, "Squeeze": _squeeze} if format_name == "tflite" else moved


def rolled(operation: Any, inputs: Sequence[Any]) -> Any:
    """What is moved out at one end of an axis comes in at the other."""
    del operation
    x, shifts, axes = inputs
    along, known = tf.get_static_value(axes), tf.get_static_value(shifts)
    if along is None:
        raise NotImplementedError
    shifts = tf.reshape(shifts, [-1])
    for number, axis in enumerate(int(each) % len(x.shape) for each in np.ravel(along)):
        if known is None or x.shape[axis] is None:
            x = _taken_around(x, shifts[number], axis)
        elif count := int(np.ravel(known)[number]) % x.shape[axis]:
            around = [slice(None)] * axis
            last, first = x[(*around, slice(-count, None))], x[(*around, slice(None, -count))]
            x = tf.concat([last, first], axis)
    return x


def _taken_around(x: Any, shift: Any, axis: int) -> Any:
    """An axis moved by a shift, or of a size, that only an input tells."""
    size = tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]
    places = tf.math.floormod(tf.range(size) - tf.cast(shift, tf.int32), size)
    return tf.gather(x, places, axis=axis)


def _squeeze(operation: Any, inputs: Sequence[Any]) -> Any:
    """TFLite's converter swaps one with a transpose before it, and then refuses what it made."""
    (x,) = inputs
    left = operation.outputs[0].shape
    if left.rank is None or left.is_fully_defined():
        raise NotImplementedError
    if list(left).count(None) == 1:
        return tf.reshape(x, open_shape(list(left)))
    gone = {axis % len(x.shape) for axis in operation.get_attr("squeeze_dims")}
    return x[tuple(0 if axis in gone else slice(None) for axis in range(len(x.shape)))]
