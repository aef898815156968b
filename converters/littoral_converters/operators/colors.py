"""Colours of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    del format_name
    return {"HSVToRGB": _hsv_to_rgb, "RGBToHSV": _rgb_to_hsv}


def _rgb_to_hsv(operation: Any, inputs: Sequence[Any]) -> Any:
    """Red, green and blue (..., 3) -> hue, saturation and value, all in [0, 1]."""
    del operation
    red, green, blue = tf.unstack(inputs[0], num=3, axis=-1)
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


def _hsv_to_rgb(operation: Any, inputs: Sequence[Any]) -> Any:
    """Hue, saturation and value (..., 3) -> red, green and blue."""
    del operation
    hue, saturation, value = tf.unstack(inputs[0], num=3, axis=-1)
    sixths = 6 * hue
    red = tf.abs(sixths - 3) - 1
    green = 2 - tf.abs(sixths - 2)
    blue = 2 - tf.abs(sixths - 4)
    pure = [tf.clip_by_value(part, 0.0, 1.0) for part in (red, green, blue)]
    return tf.stack([((part - 1) * saturation + 1) * value for part in pure], axis=-1)
