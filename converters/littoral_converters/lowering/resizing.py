"""Resizing of images by any filter, antialiased or not, cropped or padded to an aspect ratio.

TFLite and ONNX know two filters, nearest and bilinear, and tf2onnx rounds the sizes of what is no
whole multiple. Every filter is linear along one axis and then the other, so what the format lacks
is a product with a constant matrix per axis. TensorFlow's own operator fills the matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import channels_first, channels_last, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._filters import matrix
from littoral_converters.lowering._onnx_operator import operator
from littoral_converters.lowering.repeating import can_repeat, repeated


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Of an upsampling of images: to the nearest, Keras repeats rows and then columns.

    Bilinear it compares sizes that a trace does not know where they are open. All else is resized
    where layers and `keras.ops` meet, in `functions`.
    """
    if isinstance(layer, keras.layers.UpSampling2D):
        if layer.interpolation == "bilinear":
            return {"call": partial(_upsample, layer, layer.call)}
        if layer.interpolation == "nearest":
            return {"call": partial(_enlarge, plan.format, layer, layer.call)}
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {"backend.tensorflow.image.resize": partial(_resize, plan.format)}


def _upsample(layer: Any, original: Callable[..., Any], inputs: Any) -> Any:
    first = channels_first(layer.data_format)
    images = channels_last(inputs) if first else inputs
    if None not in images.shape[1:3]:
        return original(inputs)
    resized = tf.image.resize(images, tf.shape(images)[1:3] * layer.size, "bilinear")
    resized = tf.cast(resized, inputs.dtype)
    return channels_last(resized, back=True) if first else resized


def _enlarge(format_name: str, layer: Any, original: Callable[..., Any], inputs: Any) -> Any:
    first = channels_first(layer.data_format)
    if format_name == "onnx" and inputs.dtype == tf.float32:
        images = inputs if first else channels_last(inputs, back=True)
        enlarged = _nearest_operator(images, layer.size)
        return enlarged if first else channels_last(enlarged)
    images = channels_last(inputs) if first else inputs
    if format_name != "tflite" or not _is_repeated(images, layer.size):
        return original(inputs)
    enlarged = _repeated(images, layer.size)
    return channels_last(enlarged, back=True) if first else enlarged


def _is_repeated(images: Any, factors: Sequence[int]) -> bool:
    return all(can_repeat(images, factor, axis) for axis, factor in enumerate(factors, 1))


def _repeated(images: Any, factors: Sequence[int]) -> Any:
    """Columns first: the rows are then copied whole."""
    return repeated(repeated(images, factors[1], 2), factors[0], 1)


def _nearest_operator(images: Any, factors: Sequence[int]) -> Any:
    """ONNX's Resize of channels first, which no transpose has to be put around."""
    scales = tf.constant([1, 1, *factors], tf.float32)
    rows, columns = (
        None if size is None else size * factor
        for size, factor in zip(images.shape[2:], factors, strict=True)
    )
    (resized,) = operator(
        "Resize",
        [images, None, scales],
        [(images.dtype, [*images.shape[:2], rows, columns])],
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        },
    )
    return resized


def _resize(
    format_name: str,
    original: Callable[..., Any],
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    del original, fill_mode
    images = tf.convert_to_tensor(images)
    first = channels_first(data_format)
    batch = images if len(images.shape) == 4 else images[None]
    batch = channels_last(batch) if first else batch
    if crop_to_aspect_ratio:
        batch = _crop(batch, size)
    elif pad_to_aspect_ratio:
        batch = _pad(batch, size, fill_value)
    batch = _resample(format_name, batch, tuple(size), interpolation, antialias)
    batch = channels_last(batch, back=True) if first else batch
    return batch if len(images.shape) == 4 else batch[0]


def _ratio(size: Any, wanted: int, other: int) -> Any:
    """Keras's arithmetic, in float32 as there."""
    if isinstance(size, int):
        return int(np.float32(size * wanted) / np.float32(other))
    return tf.cast(tf.cast(size * wanted, tf.float32) / other, tf.int32)


def _smaller(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tf.minimum(a, b)


def _larger(a: Any, b: Any) -> Any:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else tf.maximum(a, b)


def _crop(images: Any, size: Sequence[int]) -> Any:
    _, height, width, _ = sizes(images)
    kept = _larger(1, _smaller(height, _ratio(width, size[0], size[1])))
    kept_width = _larger(1, _smaller(width, _ratio(height, size[1], size[0])))
    top, left = (height - kept) // 2, (width - kept_width) // 2
    return images[:, top : top + kept, left : left + kept_width]


def _pad(images: Any, size: Sequence[int], fill_value: float) -> Any:
    _, height, width, _ = sizes(images)
    above = (_larger(height, _ratio(width, size[0], size[1])) - height) // 2
    beside = (_larger(width, _ratio(height, size[1], size[0])) - width) // 2
    edges = [[0, 0], [above, above], [beside, beside], [0, 0]]
    return tf.pad(images, edges, constant_values=tf.cast(fill_value, images.dtype))


def _resample(
    format_name: str, images: Any, size: tuple[int, ...], interpolation: str, antialias: bool
) -> Any:
    if interpolation == "nearest":
        return _nearest(format_name, images, size)
    images = tf.cast(images, tf.float32)
    if interpolation == "bilinear" and not antialias:
        if format_name == "onnx":
            return _linear_operator(images, size)
        return tf.image.resize(images, size, interpolation)
    for axis, wanted in enumerate(size, 1):
        count = images.shape[axis]
        if count is None:
            weights = matrix(tf.shape(images)[axis], wanted, interpolation, antialias)
        else:
            weights = _matrix(count, wanted, interpolation, antialias)
        images = product(weights, images, axis)
    return images


def _nearest(format_name: str, images: Any, size: tuple[int, ...]) -> Any:
    if format_name == "tflite":
        counts = images.shape[1:3]
        if None not in counts and not any(n % count for n, count in zip(size, counts, strict=True)):
            factors = [n // count for n, count in zip(size, counts, strict=True)]
            if _is_repeated(images, factors):
                return _repeated(images, factors)
        return tf.image.resize(images, size, "nearest")
    for axis, wanted in enumerate(size, 1):
        images = tf.gather(images, _nearest_places(sizes(images)[axis], wanted), axis=axis)
    return images


def _nearest_places(size: Any, wanted: int) -> Any:
    if isinstance(size, int):
        return tf.constant(_matrix(size, wanted, "nearest", False).argmax(1), tf.int32)
    places = (tf.range(wanted, dtype=tf.float32) + 0.5) * (tf.cast(size, tf.float32) / wanted)
    return tf.minimum(tf.cast(tf.floor(places), tf.int32), size - 1)


def _linear_operator(images: Any, size: tuple[int, ...]) -> Any:
    """ONNX's Resize, which takes sizes where tf2onnx writes factors."""
    batch, _, _, channels = images.shape
    counted = tf.concat([tf.shape(images)[:1], [images.shape[-1], *size]], 0)
    (resized,) = operator(
        "Resize",
        [channels_last(images, back=True), None, None, tf.cast(counted, tf.int64)],
        [(images.dtype, [batch, channels, *size])],
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    )
    return channels_last(resized)


def _matrix(size: int, wanted: int, interpolation: str, antialias: bool) -> Any:
    """What each of the wanted places takes of each place there is, float32 (wanted, size)."""
    with tf.init_scope():
        unit = tf.reshape(tf.eye(size), [1, size, 1, size])
        resized = tf.image.resize(unit, (wanted, 1), interpolation, antialias=antialias)
        return resized.numpy().reshape(wanted, size)


def product(weights: Any, images: Any, axis: int) -> Any:
    """A matrix along axis 1 or 2 of images."""
    _, height, width, channels = sizes(images)
    inside = width * channels if axis == 1 else channels
    flat = tf.reshape(images, [-1, sizes(images)[axis], inside])
    flat = tf.matmul(tf.convert_to_tensor(weights), flat)
    rest = [weights.shape[0], width] if axis == 1 else [height, weights.shape[0]]
    return tf.reshape(flat, [-1, *rest, channels])
