"""Colours of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "AdjustHue": _adjust_hue,
        "AdjustSaturation": _adjust_saturation,
        "HSVToRGB": lambda operation, inputs: _hsv_to_rgb(inputs[0]),
        "RGBToHSV": lambda operation, inputs: _rgb_to_hsv(inputs[0]),
    }
    return both if format_name == "onnx" else {**both, "AdjustContrastv2": _adjust_contrast}


def _adjust_contrast(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pictures (..., height, width, channels) stretched about the mean of each channel."""
    del operation
    images, factor = inputs
    mean = tf.reduce_mean(images, axis=[-3, -2], keepdims=True)
    return (images - mean) * factor + mean


def _adjust_hue(operation: Any, inputs: Sequence[Any]) -> Any:
    del operation
    hue, saturation, value = tf.split(_rgb_to_hsv(inputs[0]), 3, axis=-1)
    turned = hue + inputs[1]
    return _hsv_to_rgb(tf.concat([turned - tf.floor(turned), saturation, value], axis=-1))


def _adjust_saturation(operation: Any, inputs: Sequence[Any]) -> Any:
    del operation
    hue, saturation, value = tf.split(_rgb_to_hsv(inputs[0]), 3, axis=-1)
    changed = tf.clip_by_value(saturation * inputs[1], 0.0, 1.0)
    return _hsv_to_rgb(tf.concat([hue, changed, value], axis=-1))


def _rgb_to_hsv(images: Any) -> Any:
    """Red, green and blue (..., 3) -> hue, saturation and value, all in [0, 1]."""
    red, green, blue = tf.unstack(images, num=3, axis=-1)
    value = tf.maximum(red, tf.maximum(green, blue))
    spread = value - tf.minimum(red, tf.minimum(green, blue))
    sixth = _over(tf.ones_like(spread), 6 * spread)
    hue = tf.where(
        tf.equal(red, value),
        sixth * (green - blue),
        tf.where(
            tf.equal(green, value),
            sixth * (blue - red) + 2 / 6,
            sixth * (red - green) + 4 / 6,
        ),
    )
    return tf.stack([tf.where(hue < 0, hue + 1, hue), _over(spread, value), value], axis=-1)


def _over(x: Any, y: Any) -> Any:
    """The quotient, and 0 where y is not above 0."""
    positive = y > 0
    return tf.where(positive, x / tf.where(positive, y, tf.ones_like(y)), tf.zeros_like(x))


def _hsv_to_rgb(images: Any) -> Any:
    """Hue, saturation and value (..., 3) -> red, green and blue."""
    hue, saturation, value = tf.unstack(images, num=3, axis=-1)
    sixths = 6 * hue
    red = tf.abs(sixths - 3) - 1
    green = 2 - tf.abs(sixths - 2)
    blue = 2 - tf.abs(sixths - 4)
    pure = [tf.clip_by_value(part, 0.0, 1.0) for part in (red, green, blue)]
    return tf.stack([((part - 1) * saturation + 1) * value for part in pure], axis=-1)
