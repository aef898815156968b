"""Pictures seen through a projective transform, or through a filter at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

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
    height, width = operation.outputs[0].shape[1:3]
    edge = operation.get_attr("fill_mode").decode()
    is_known = None not in (height, width, *images.shape[1:])
    if not is_known or edge not in ("CONSTANT", "NEAREST"):
        raise NotImplementedError
    x, y = _places(transforms, height, width)
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
