"""Norms and products along an axis, diagonals, windows and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "Cross": _cross,
        "Cumprod": _cumprod,
        "EuclideanNorm": _norm,
        "InTopKV2": _in_top_k,
    }
    if format_name == "onnx":
        return {**both, "Bucketize": _bucketize}
    return {**both, "ExtractImagePatches": _patches, "MatrixDiagPartV3": _diagonal}


def _cross(operation: Any, inputs: Sequence[Any]) -> Any:
    """The product of two vectors in space."""
    del operation
    (a, b, c), (x, y, z) = (tf.unstack(vectors, num=3, axis=-1) for vectors in inputs)
    return tf.stack([b * z - c * y, c * x - a * z, a * y - b * x], axis=-1)


def _norm(operation: Any, inputs: Sequence[Any]) -> Any:
    x, axis = inputs
    keeps = operation.get_attr("keep_dims")
    return tf.sqrt(tf.reduce_sum(x * x, tf.get_static_value(axis), keeps))


def _bucketize(operation: Any, inputs: Sequence[Any]) -> Any:
    """How many of the boundaries lie at or below a number."""
    (x,) = inputs
    boundaries = tf.constant(operation.get_attr("boundaries"), tf.float32)
    reached = tf.cast(x, tf.float32)[..., None] >= boundaries
    return tf.reduce_sum(tf.cast(reached, tf.int32), axis=-1)


def _in_top_k(operation: Any, inputs: Sequence[Any]) -> Any:
    """Whether fewer than k predictions (batch, classes) are larger than the target's (batch,)."""
    del operation
    predictions, targets, k = inputs
    chosen = tf.one_hot(targets, predictions.shape[-1], dtype=predictions.dtype)
    own = tf.reduce_sum(predictions * chosen, axis=-1, keepdims=True)
    larger = tf.reduce_sum(tf.cast(predictions > own, tf.int32), axis=-1)
    return larger < tf.cast(k, tf.int32)


def _cumprod(operation: Any, inputs: Sequence[Any]) -> Any:
    """Products with ever more of what lies before: of 1, of 2, of 4 values and so on."""
    x, axis = inputs[0], tf.get_static_value(inputs[1])
    size = None if axis is None else x.shape[int(axis)]
    if size is None:
        raise NotImplementedError
    axis = int(axis) % len(x.shape)
    backwards, shift = operation.get_attr("reverse"), int(operation.get_attr("exclusive"))
    product = _moved(x, axis, shift, backwards) if shift else x
    shift = 1
    while shift < size:
        product = product * _moved(product, axis, shift, backwards)
        shift *= 2
    return product


def _moved(x: Any, axis: int, count: int, backwards: bool) -> Any:
    """Values moved on along an axis, ones behind them."""
    around = [[0, 0] for _ in x.shape]
    around[axis][1 if backwards else 0] = count
    start = [slice(None)] * len(x.shape)
    start[axis] = slice(count, None) if backwards else slice(None, x.shape[axis] - count)
    return tf.pad(x[tuple(start)], around, constant_values=1)


def _patches(operation: Any, inputs: Sequence[Any]) -> Any:
    """Windows of pictures (batch, height, width, channels), by a convolution that copies."""
    (images,) = inputs
    channels = images.shape[-1]
    _, rows, columns, _ = operation.get_attr("ksizes")
    if channels is None or not images.dtype.is_floating:
        raise NotImplementedError
    count = rows * columns * channels
    kernel = np.eye(count, dtype=np.float32).reshape(rows, columns, channels, count)
    return tf.nn.conv2d(
        images,
        kernel,
        strides=operation.get_attr("strides"),
        padding=operation.get_attr("padding").decode(),
        dilations=operation.get_attr("rates"),
    )


def _diagonal(operation: Any, inputs: Sequence[Any]) -> Any:
    """One diagonal of matrices (..., rows, columns): every so many values of them laid flat."""
    del operation
    x, k = inputs[0], tf.get_static_value(inputs[1])
    *outer, rows, columns = x.shape
    if k is None or np.size(k) != 1 or rows is None or columns is None or outer.count(None) > 1:
        raise NotImplementedError
    offset = int(np.reshape(k, ()))
    start = offset if offset >= 0 else -offset * columns
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    flat = tf.reshape(x, [*(-1 if size is None else size for size in outer), rows * columns])
    return flat[..., start : start + (count - 1) * (columns + 1) + 1 : columns + 1]
