"""Windows that move over pictures (batch, height, width, channels)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.windows import windows
from littoral_converters.operators import Substitute

BELOW_ALL = -1e30
"""Around pictures, for a largest value that is to lie inside them."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {"Dilation2D": _dilation, "ExtractImagePatches": _patches}
    if format_name == "onnx":
        return both
    return {
        **both,
        "MaxPool": _largest_integers,
        "MaxPoolWithArgmax": _largest,
        "MirrorPad": _mirrored,
    }


def _mirrored(operation: Any, inputs: Sequence[Any]) -> Any:
    """A border that mirrors what it surrounds, picked along each axis: rows are copied whole.

    LiteRT's own kernel looks each number up: 20x20 pixels of 32 channels take 88 us, these 3.
    """
    x, around = inputs[0], tf.get_static_value(inputs[1])
    if around is None or None in [x.shape[axis] for axis in np.flatnonzero(around.any(axis=1))]:
        raise NotImplementedError
    kind = operation.get_attr("mode").decode().lower()
    for axis in np.flatnonzero(around.any(axis=1)):
        places = np.pad(np.arange(x.shape[axis]), around[axis], kind)
        x = tf.gather(x, tf.constant(places, tf.int32), axis=int(axis))
    return x


def _patches(operation: Any, inputs: Sequence[Any]) -> Any:
    (images,) = inputs
    sizes, steps, rates = (operation.get_attr(name)[1:3] for name in ("ksizes", "strides", "rates"))
    return windows(images, sizes, steps, rates, operation.get_attr("padding").decode())


def _largest(operation: Any, inputs: Sequence[Any]) -> Any:
    """The largest values of each channel, and their places in the pictures laid flat."""
    (images,) = inputs
    _, height, width, channels = images.shape
    if None in (height, width, channels) or operation.get_attr("include_batch_in_index"):
        raise NotImplementedError
    size, steps = operation.get_attr("ksize")[1:3], operation.get_attr("strides")[1:3]
    padding = operation.get_attr("padding").decode()
    places = np.arange(height * width, dtype=np.float32).reshape(1, height, width, 1)
    values = _inside(images, size, steps, (1, 1), padding)
    numbers = _windows(tf.constant(places), size, steps, (1, 1), padding)
    best = tf.argmax(values, axis=3)
    chosen = tf.one_hot(best, size[0] * size[1], axis=3)
    place = tf.reduce_sum(chosen * numbers, axis=3)
    index = tf.cast(place, tf.int32) * channels + tf.range(channels)
    return [tf.reduce_max(values, axis=3), tf.cast(index, operation.outputs[1].dtype)]


def _dilation(operation: Any, inputs: Sequence[Any]) -> Any:
    """The largest sum of a window and a filter (rows, columns, channels)."""
    images, filters = inputs
    rows, columns, channels = filters.shape
    values = _inside(
        images,
        (rows, columns),
        operation.get_attr("strides")[1:3],
        operation.get_attr("rates")[1:3],
        operation.get_attr("padding").decode(),
    )
    return tf.reduce_max(values + tf.reshape(filters, [rows * columns, channels]), axis=3)


def _inside(
    images: Any, size: Sequence[int], steps: Sequence[int], rates: Sequence[int], padding: str
) -> Any:
    """Windows with `BELOW_ALL` where they leave the pictures."""
    values = _windows(images, size, steps, rates, padding)
    if padding == "VALID":
        return values
    known = np.ones((1, *images.shape[1:3], 1), np.float32)
    beside = 1 - _windows(tf.constant(known), size, steps, rates, padding)
    return values + BELOW_ALL * beside


def _windows(
    images: Any, size: Sequence[int], steps: Sequence[int], rates: Sequence[int], padding: str
) -> Any:
    """What each window sees, (batch, height, width, pixels, channels)."""
    seen = windows(images, size, steps, rates, padding)
    return tf.reshape(seen, [-1, *seen.shape[1:3], size[0] * size[1], images.shape[-1]])


def _largest_integers(operation: Any, inputs: Sequence[Any]) -> Any:
    """The largest whole number of each window, place by place: TFLite's own takes floats."""
    (x,) = inputs
    if x.dtype not in (tf.int32, tf.int64) or operation.get_attr("data_format") != b"NHWC":
        raise NotImplementedError
    padding = operation.get_attr("padding")
    windows = operation.get_attr("ksize"), operation.get_attr("strides")
    for axis, (window, step) in enumerate(zip(*windows, strict=True)):
        if (window, step) != (1, 1):
            x = _largest_along(x, axis, window, step, padding)
    return x


def _largest_along(x: Any, axis: int, window: int, step: int, padding: bytes) -> Any:
    size = x.shape[axis]
    if size is None or padding not in (b"SAME", b"VALID"):
        raise NotImplementedError
    count = -(-size // step) if padding == b"SAME" else (size - window) // step + 1
    reach = (count - 1) * step
    missing = max(reach + window - size, 0)
    around = [[0, 0] for _ in x.shape]
    around[axis] = [missing // 2, missing - missing // 2]
    padded = tf.pad(x, around, constant_values=x.dtype.min) if missing else x
    before = [slice(None)] * axis
    places = [padded[(*before, slice(at, at + reach + 1, step))] for at in range(window)]
    return reduce(tf.maximum, places)
