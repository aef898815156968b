"""Pictures seen through a projective transform, or through a filter at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import tensor_util

from littoral_converters.lowering.resizing import product
from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    del format_name
    return {"ImageProjectiveTransformV3": _transform, "ScaleAndTranslate": _resampled}


def _resampled(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pictures (batch, height, width, channels) through a filter, by a matrix along each axis."""
    images, *places = inputs
    sizes, scales, shifts = map(tf.get_static_value, places)
    if sizes is None or scales is None or shifts is None or None in images.shape[1:3]:
        raise NotImplementedError
    images = tf.cast(images, tf.float32)
    for axis, place in enumerate(zip(sizes, scales, shifts, strict=True), 1):
        images = product(_filter(operation, images.shape[axis], *place), images, axis)
    return images


def _filter(operation: Any, count: int, size: int, scale: float, shift: float) -> Any:
    """What each of `size` places takes of each of `count`, float32 (size, count)."""
    with tf.Graph().as_default() as graph:
        taken = tf.raw_ops.ScaleAndTranslate(
            images=tf.reshape(tf.eye(count), [1, count, 1, count]),
            size=[size, 1],
            scale=[scale, 1.0],
            translation=[shift, 0.0],
            kernel_type=operation.get_attr("kernel_type"),
            antialias=operation.get_attr("antialias"),
        )
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(taken).reshape(size, count)


def _transform(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pictures (batch, height, width, channels) where a transform (batch or 1, 8) puts them."""
    images, transforms, _, fill_value = inputs
    size = tensor_util.constant_value_as_shape(operation.inputs[2])
    if size.rank != 2 or None in (*size, *images.shape[1:]):
        raise NotImplementedError
    edge = operation.get_attr("fill_mode").decode()
    beyond = _BEYOND.get(edge, lambda place, size: place)
    x, y = (
        beyond(place, count)
        for place, count in zip(_places(transforms, *size), images.shape[2:0:-1], strict=True)
    )
    fill = tf.cast(fill_value, images.dtype) if edge == "CONSTANT" else None
    if operation.get_attr("interpolation").decode() == "NEAREST":
        return _pixels(images, _rounded(x), _rounded(y), fill)
    left, top = tf.floor(x), tf.floor(y)
    mixed: Any = 0.0
    for dx in (0, 1):
        for dy in (0, 1):
            share = (1 - tf.abs(x - left - dx)) * (1 - tf.abs(y - top - dy))
            mixed += share[..., None] * _pixels(images, left + dx, top + dy, fill)
    return mixed


def _places(transforms: Any, height: int, width: int) -> tuple[Any, Any]:
    """Where each pixel (batch or 1, height, width) is taken from: x and y."""
    a, b, c, d, e, f, g, h = (part[:, None] for part in tf.unstack(transforms, num=8, axis=1))
    columns = tf.range(width, dtype=tf.float32)[None, None]
    rows = tf.range(height, dtype=tf.float32)[None, :, None]
    depth = g[..., None] * columns + h[..., None] * rows + 1
    x = a[..., None] * columns + b[..., None] * rows + c[..., None]
    y = d[..., None] * columns + e[..., None] * rows + f[..., None]
    return x / depth, y / depth


def _reflected(x: Any, size: int) -> Any:
    """Places inside an axis, for those outside it, as in a mirror that shows its edge twice."""
    below = 2.0 * size * tf.floor(-x / (2 * size)) + x
    below = tf.where(below < -size, below + 2 * size, -below - 1)
    above = x - 2.0 * size * tf.floor(x / (2 * size))
    above = tf.where(above >= size, 2 * size - 1 - above, above)
    return tf.clip_by_value(tf.where(x < 0, below, above), 0.0, size - 1.0)


def _wrapped(x: Any, size: int) -> Any:
    """Places inside an axis, for those outside it, as if it began anew."""
    if size == 1:
        return tf.zeros_like(x)
    below = x + float(size) * (tf.floor(-x / (size - 1)) + 1)
    above = x - float(size) * tf.floor(x / (size - 1))
    inside = tf.where(x < 0, below, tf.where(x > size - 1, above, x))
    return tf.clip_by_value(inside, 0.0, size - 1.0)


_BEYOND = {"REFLECT": _reflected, "WRAP": _wrapped}
"""Where pixels beyond an edge are taken from; with a fill, or from the edge, they stay there."""


def _rounded(x: Any) -> Any:
    """The nearest whole number, halves away from 0."""
    return tf.sign(x) * tf.floor(tf.abs(x) + 0.5)


def _pixels(images: Any, x: Any, y: Any, fill: Any) -> Any:
    """Pixels at whole places, those outside filled, or the nearest where there is no filling."""
    _, height, width, channels = images.shape
    inside_x = tf.clip_by_value(x, 0.0, width - 1.0)
    inside_y = tf.clip_by_value(y, 0.0, height - 1.0)
    index = tf.cast(inside_y * width + inside_x, tf.int32)
    flat = tf.reshape(images, [-1, height * width, channels])
    if x.shape[0] == 1:
        taken = tf.gather(flat, index[0], axis=1)
    else:
        taken = tf.gather(flat, index, axis=1, batch_dims=1)
    if fill is None:
        return taken
    is_inside = tf.logical_and(tf.equal(inside_x, x), tf.equal(inside_y, y))
    return tf.where(is_inside[..., None], taken, fill)
