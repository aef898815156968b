"""Axes of tensors: which is the channels' or the samples', and sizes where they are open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

MOST_UNEVEN_AXES = 4
"""Up to which every kernel of TFLite repeats an operand along an axis, whatever the sizes."""

MOST_JOINED = 5
"""Tensors that XNNPACK joins in one operator."""


def channels_first(data_format: str | None) -> bool:
    """Whether a data format, or Keras's default when None, is channels first."""
    return (data_format or keras.config.image_data_format()) == "channels_first"


def channels_last(inputs: Any, back: bool = False) -> Any:
    """Move the channels from axis 1 to the end, or back."""
    rank = len(inputs.shape)
    order = [0, rank - 1, *range(1, rank - 1)] if back else [0, *range(2, rank), 1]
    return tf.transpose(inputs, order)


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One number per axis, as Keras takes either."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def sizes(tensor: Any) -> list[Any]:
    """The size of each axis: a number, or a scalar tensor where it is open."""
    dynamic = tf.shape(tensor)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(tensor.shape)]


def size_of(lengths: Sequence[Any]) -> Any:
    """The size of several axes together: a number where each is one."""
    known = math.prod(length for length in lengths if isinstance(length, int))
    for length in lengths:
        if not isinstance(length, int):
            known = length if isinstance(known, int) and known == 1 else known * length
    return known


def by_sample(condition: Any, value: Any, otherwise: Any) -> Any:
    """A value for the samples that a condition (batch,) holds for, another for the others."""
    return tf.where(tf.reshape(condition, [-1, *[1] * (len(value.shape) - 1)]), value, otherwise)


def open_shape(shape: list[Any]) -> list[Any]:
    """A shape whose only unknown size, if there is just one, is left to be told: -1."""
    unknown = [axis for axis, length in enumerate(shape) if not isinstance(length, int)]
    return [-1 if [axis] == unknown else length for axis, length in enumerate(shape)]
