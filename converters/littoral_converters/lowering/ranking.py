"""Quantiles.

Of those that leave out what is no number, Keras counts the others in a loop over rows. Of the rest
it loses the shape where the batch is open, and no layer of weights can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import open_shape, sizes
from littoral_converters.lowering import Plan


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    del plan
    inside = "backend.tensorflow.numpy"
    return {
        f"{inside}._quantile": _shaped_quantile,
        f"{inside}.nanpercentile": _nanpercentile,
        f"{inside}.nanquantile": _nanquantile,
    }


def _shaped_quantile(
    original: Callable[..., Any],
    x: Any,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    """Keras's quantiles, with what is known of their shape; q's own axes come first."""
    values = original(x, q, axis, method, keepdims)
    if axis is not None:
        left = _left(x.shape, _counted(axis, len(x.shape)), keepdims)
        values.set_shape([*q.shape, *left])
    return values


def _counted(axis: int | Sequence[int], rank: int) -> list[int]:
    """Axes counted from the first."""
    return [int(each) % rank for each in np.ravel(axis)]


def _left(shape: Sequence[Any], gone: Sequence[int], keepdims: bool) -> list[Any]:
    """What remains of a shape once some axes are one value each."""
    sizes = [1 if at in gone else size for at, size in enumerate(shape)]
    return sizes if keepdims else [size for at, size in enumerate(sizes) if at not in gone]


def _nanpercentile(
    original: Callable[..., Any], x: Any, q: Any, *options: Any, **named: Any
) -> Any:
    """Quantiles in hundredths."""
    shares = tf.get_static_value(tf.convert_to_tensor(q))
    if shares is None:
        return original(x, q, *options, **named)
    # Through Keras's own name, where the stand-in below is put.
    return keras.src.backend.numpy.nanquantile(x, shares / 100, *options, **named)


def _nanquantile(
    original: Callable[..., Any],
    x: Any,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    """Values below which a share `q` of an axis lies; q's own axes come first."""
    x, shares = tf.convert_to_tensor(x), tf.get_static_value(tf.convert_to_tensor(q))
    if shares is None or not x.shape.rank or axis is None:
        return original(x, q, axis, method, keepdims)
    rank = len(x.shape)
    gone = _counted(axis, rank)
    others = [each for each in range(rank) if each not in gone]
    lengths = sizes(x)
    rows = tf.reshape(
        tf.transpose(x, [*others, *gone]), [-1, int(np.prod([lengths[each] for each in gone]))]
    )
    taken = [_quantile(rows, float(share), method) for share in np.ravel(shares)]
    left = open_shape(_left(lengths, gone, keepdims))
    results = [tf.cast(tf.reshape(each, left), _float(x)) for each in taken]
    if shares.ndim == 0:
        return results[0]
    return tf.stack(results) if shares.ndim == 1 else original(x, q, axis, method, keepdims)


def _float(x: Any) -> str:
    return str(keras.backend.result_type(x.dtype.name, float))


def _quantile(rows: Any, share: float, method: str) -> Any:
    """Of the numbers in each row."""
    is_number = tf.logical_not(tf.math.is_nan(rows))
    last = tf.reduce_sum(tf.cast(is_number, tf.float32), -1, keepdims=True) - 1
    ordered = tf.sort(tf.where(is_number, rows, rows.dtype.max), -1)
    place = tf.maximum(last, 0.0) * share
    lower, upper = _at(ordered, tf.floor(place)), _at(ordered, tf.math.ceil(place))
    value = {
        "linear": lambda: lower + (upper - lower) * (place - tf.floor(place)),
        "lower": lambda: lower,
        "higher": lambda: upper,
        "midpoint": lambda: (lower + upper) / 2,
        "nearest": lambda: _at(ordered, tf.round(place)),
    }[method]()
    return tf.where(last < 0, tf.constant(np.nan, rows.dtype), value)


def _at(ordered: Any, place: Any) -> Any:
    return tf.gather(ordered, tf.cast(place, tf.int32), axis=1, batch_dims=1)
