"""Regions cut out of pictures and brought to one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"CropAndResize": _crop} if format_name == "tflite" else {}


def _crop(operation: Any, inputs: Sequence[Any]) -> Any:
    """Regions (boxes, rows, columns, channels) of pictures (batch, height, width, channels).

    What lies outside a picture is filled.
    """
    images, boxes, owners, size = inputs
    wanted = tf.get_static_value(size)
    if wanted is None or None in images.shape[1:]:
        raise NotImplementedError
    top, left, bottom, right = tf.unstack(boxes, num=4, axis=1)
    y, is_row = _places(top, bottom, int(wanted[0]), images.shape[1])
    x, is_column = _places(left, right, int(wanted[1]), images.shape[2])
    y, x = y[:, :, None], x[:, None, :]
    if operation.get_attr("method") == b"nearest":
        taken = _pixels(images, owners, tf.floor(y + 0.5), tf.floor(x + 0.5))
    else:
        taken = _mixed(images, owners, y, x)
    is_inside = tf.logical_and(is_row[:, :, None], is_column[:, None, :])
    return tf.where(is_inside[..., None], taken, operation.get_attr("extrapolation_value"))


def _places(start: Any, end: Any, count: int, size: int) -> tuple[Any, Any]:
    """Where along an axis of pictures `count` places between two shares of it lie.

    Returns:
        The places inside the picture that are nearest, and whether they are the places, each
        (boxes, count).
    """
    if count == 1:
        places = ((start + end) * (0.5 * (size - 1)))[:, None]
    else:
        step = (end - start) * ((size - 1) / (count - 1))
        places = (start * (size - 1))[:, None] + step[:, None] * tf.range(count, dtype=tf.float32)
    return tf.clip_by_value(places, 0.0, size - 1.0), tf.logical_and(
        places >= 0.0, places <= size - 1.0
    )


def _mixed(images: Any, owners: Any, y: Any, x: Any) -> Any:
    """The four pixels around a place, each by its nearness."""
    top, left = tf.floor(y), tf.floor(x)
    down, aside = (y - top)[..., None], (x - left)[..., None]
    below = tf.minimum(top + 1, images.shape[1] - 1.0)
    beside = tf.minimum(left + 1, images.shape[2] - 1.0)
    upper, lower = (
        _pixels(images, owners, row, left) * (1 - aside)
        + _pixels(images, owners, row, beside) * aside
        for row in (top, below)
    )
    return upper * (1 - down) + lower * down


def _pixels(images: Any, owners: Any, y: Any, x: Any) -> Any:
    """Pixels at whole places (boxes, rows, 1) and (boxes, 1, columns) of each box's picture."""
    _, height, width, channels = images.shape
    flat = tf.reshape(tf.cast(images, tf.float32), [-1, channels])
    inside = tf.cast(y * width + x, tf.int32)
    return tf.gather(flat, tf.cast(owners, tf.int32)[:, None, None] * (height * width) + inside)
