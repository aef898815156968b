"""Running products and sums along an axis, sums by place, and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "Cumprod": _running(tf.multiply, 1.0),
        "CumulativeLogsumexp": _running(_log_of_sum, float(tf.float32.min)),
        "InTopKV2": _in_top_k,
    }
    if format_name == "onnx":
        return {**both, "Bucketize": _bucketize, "ScatterNd": _scattered}
    return {**both, "DenseBincount": _bincount}


def _running(combine: Callable[[Any, Any], Any], nothing: float) -> Substitute:
    """Values with ever more of what lies before them: with 1, with 2, with 4 values and so on."""

    def build(operation: Any, inputs: Sequence[Any]) -> Any:
        x, axis = inputs[0], tf.get_static_value(inputs[1])
        size = None if axis is None else x.shape[int(axis)]
        if size is None:
            raise NotImplementedError
        axis = int(axis) % len(x.shape)
        backwards, shift = operation.get_attr("reverse"), int(operation.get_attr("exclusive"))
        whole = _moved(x, axis, shift, backwards, nothing) if shift else x
        shift = 1
        while shift < size:
            whole = _combined(combine, whole, axis, shift, backwards)
            shift *= 2
        return whole

    return build


def _combined(
    combine: Callable[[Any, Any], Any], x: Any, axis: int, count: int, backwards: bool
) -> Any:
    """Values with those that lie so many places before them; the first ones have none."""
    head, tail = _part(x, axis, None, -count), _part(x, axis, count, None)
    if backwards:
        return tf.concat([combine(head, tail), _part(x, axis, -count, None)], axis)
    return tf.concat([_part(x, axis, None, count), combine(tail, head)], axis)


def _part(x: Any, axis: int, start: int | None, end: int | None) -> Any:
    return x[(slice(None),) * axis + (slice(start, end),)]


def _moved(x: Any, axis: int, count: int, backwards: bool, behind: float) -> Any:
    """Values moved on along an axis, and what comes behind them."""
    around = [[0, 0] for _ in x.shape]
    around[axis][1 if backwards else 0] = count
    kept = _part(x, axis, count, None) if backwards else _part(x, axis, None, -count)
    return tf.pad(kept, around, constant_values=tf.cast(behind, x.dtype))


def _log_of_sum(x: Any, y: Any) -> Any:
    """The logarithm of the sum of two exponentials."""
    return tf.maximum(x, y) + tf.math.log(1 + tf.exp(-tf.abs(x - y)))


def _in_top_k(operation: Any, inputs: Sequence[Any]) -> Any:
    """Whether fewer than k predictions (batch, classes) are larger than the target's (batch,)."""
    del operation
    predictions, targets, k = inputs
    chosen = tf.one_hot(targets, predictions.shape[-1], dtype=predictions.dtype)
    own = tf.reduce_sum(predictions * chosen, axis=-1, keepdims=True)
    larger = tf.reduce_sum(tf.cast(predictions > own, tf.int32), axis=-1)
    return larger < tf.cast(k, tf.int32)


def _scattered(operation: Any, inputs: Sequence[Any]) -> Any:
    """Updates added up where they share a place: tf2onnx keeps the last of them alone."""
    indices, updates, shape = inputs
    if updates.dtype == tf.bool:
        return _scattered(operation, (indices, tf.cast(updates, tf.int32), shape)) > 0
    return tf.tensor_scatter_nd_add(tf.zeros(shape, updates.dtype), indices, updates)


def _bucketize(operation: Any, inputs: Sequence[Any]) -> Any:
    """How many of the boundaries lie at or below a number."""
    (x,) = inputs
    boundaries = tf.constant(operation.get_attr("boundaries"), tf.float32)
    reached = tf.cast(x, tf.float32)[..., None] >= boundaries
    return tf.reduce_sum(tf.cast(reached, tf.int32), axis=-1)


def _bincount(operation: Any, inputs: Sequence[Any]) -> Any:
    """How often each number below a size is there (..., count), or the sum of its weights."""
    x, open_size, weights = inputs
    size = _between(operation.inputs[1])
    if size is None:
        size = tf.cast(open_size, tf.int32)
    places = tf.one_hot(tf.cast(x, tf.int32), size, dtype=operation.outputs[0].dtype)
    if operation.get_attr("binary_output"):
        return tf.reduce_max(places, axis=-2)
    if weights.shape.num_elements() != 0:
        places = places * weights[..., None]
    return tf.reduce_sum(places, axis=-2)


def _between(number: Any) -> int | None:
    """A number that is known, or that is kept between two bounds that are the same."""
    known = tf.get_static_value(number)
    if known is not None:
        return int(known)
    bounds: dict[str, int] = {}
    while number.op.type in ("Minimum", "Maximum") and number.op.type not in bounds:
        limits = [tf.get_static_value(each) for each in number.op.inputs]
        at = next((at for at, each in enumerate(limits) if each is not None), None)
        if at is None:
            return None
        bounds[number.op.type] = int(limits[at])
        number = number.op.inputs[1 - at]
    both = set(bounds.values())
    return both.pop() if len(bounds) == 2 and len(both) == 1 else None
