"""What a resizing takes of each pixel, where only the file's input tells how many there are.

The filters are those of TensorFlow's ScaleAndTranslate and, for cubic ones that are not
antialiased, ResizeBicubic, which looks its weights up in steps of 1/1024 of a pixel.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

_STEPS = 1024
"""Places between two pixels that ResizeBicubic knows weights of."""

_NO_DISTANCE = 1e-3
"""Below which a Lanczos filter is 1."""


def matrix(size: Any, wanted: int, interpolation: str, antialias: bool) -> Any:
    """What each of the wanted places takes of each place there is.

    Args:
        size: How many there are, an int32 scalar.
        wanted: How many there are to be.
        interpolation: ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        antialias: Whether a filter that makes an image smaller grows with it.

    Returns:
        float32, (wanted, size).
    """
    scale = tf.cast(size, tf.float32) / wanted
    centers = (tf.range(wanted, dtype=tf.float32) + 0.5) * scale - 0.5
    if interpolation == "bicubic" and not antialias:
        centers = tf.round(centers * _STEPS) / _STEPS
    places = tf.cast(tf.range(size), tf.float32)
    distances = tf.abs(places - centers[:, None])
    if antialias:
        distances /= tf.maximum(scale, 1.0)
    weights = _weights(distances, interpolation)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _weights(distances: Any, interpolation: str) -> Any:
    if interpolation == "bilinear":
        return tf.maximum(1 - distances, 0)
    if interpolation == "bicubic":
        return _cubic(distances)
    return _lanczos(distances, float(interpolation.removeprefix("lanczos")))


def _cubic(x: Any) -> Any:
    """Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tf.where(x < 1, near, tf.where(x < 2, far, 0.0))


def _lanczos(x: Any, radius: float) -> Any:
    angle = math.pi * tf.maximum(x, _NO_DISTANCE)
    value = radius * tf.sin(angle) * tf.sin(angle / radius) / (angle * angle)
    return tf.where(x > radius, 0.0, tf.where(x <= _NO_DISTANCE, 1.0, value))
