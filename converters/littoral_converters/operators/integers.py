"""Bits and whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.replay import execute
from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    if format_name == "onnx":
        places = dict.fromkeys(("ArgMax", "ArgMin"), _place)
        shifts: dict[str, Substitute] = {"LeftShift": _long_left_shift, "RightShift": _right_shift}
        return {**places, **shifts, "FloorDiv": _floor_div, "FloorMod": _floor_mod}
    return {
        "Abs": _size,
        "ArgMax": _place,
        "ArgMin": _place,
        "BitwiseAnd": _narrowed(_and),
        "BitwiseOr": _narrowed(lambda x, y: tf.bitwise.bitwise_xor(x, y) + _and(x, y)),
        "BitwiseXor": _narrowed(tf.bitwise.bitwise_xor, tf.int64),
        "FloorDiv": _long_floor_div,
        "Invert": lambda operation, inputs: -1 - inputs[0],
        "LeftShift": _left_shift,
        "Less": _less,
        "MatMul": _multiplied,
        "Minimum": _least,
        "Pow": _long_power,
        "ResizeNearestNeighbor": _resized,
        "RightShift": _narrowed(tf.bitwise.right_shift, tf.int64),
        "Sign": _sign,
        "Split": _split,
        "SplitV": _split,
        "Unpack": _unpacked,
    }


def _narrowed(build: Callable[[Any, Any], Any], *only: Any) -> Substitute:
    """What int32 numbers make of each other, also of int64 numbers that fit into int32."""

    def narrowed(operation: Any, inputs: Sequence[Any]) -> Any:
        dtype = inputs[0].dtype
        if only and dtype not in only:
            raise NotImplementedError
        if dtype != tf.int64:
            return build(*inputs)
        if not all(map(_is_short, operation.inputs)):
            raise NotImplementedError
        x, y = (tf.cast(each, tf.int32) for each in inputs)
        return tf.cast(build(x, y), tf.int64)

    return narrowed


def _multiplied(operation: Any, inputs: Sequence[Any]) -> Any:
    """Matrices of whole numbers, of which TFLite has no product."""
    x, y = inputs
    if x.dtype not in (tf.int32, tf.int64):
        raise NotImplementedError
    x = tf.transpose(x) if operation.get_attr("transpose_a") else x
    y = y if operation.get_attr("transpose_b") else tf.transpose(y)
    return tf.reduce_sum(x[:, None, :] * y[None], axis=-1)


def _split(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pieces of int64 numbers, which TFLite's SPLIT does not take."""
    x, axis = (inputs[0], inputs[2]) if operation.type == "SplitV" else inputs[::-1]
    place = tf.get_static_value(axis)
    if x.dtype != tf.int64 or place is None:
        raise NotImplementedError
    lengths = [output.shape[int(place)] for output in operation.outputs]
    if None in lengths:
        raise NotImplementedError
    ends = np.cumsum(lengths)
    places = (slice(None),) * (int(place) % x.shape.rank)
    return [
        x[(*places, slice(int(end - length), int(end)))]
        for length, end in zip(lengths, ends, strict=True)
    ]


def _unpacked(operation: Any, inputs: Sequence[Any]) -> Any:
    """Rows of int64 numbers, which TFLite's UNPACK does not take."""
    (x,) = inputs
    if x.dtype != tf.int64:
        raise NotImplementedError
    places = (slice(None),) * (operation.get_attr("axis") % x.shape.rank)
    return [x[(*places, at)] for at in range(operation.get_attr("num"))]


def _resized(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pictures of int32 numbers, which TFLite does not resize: of both halves of their bits."""
    x, size = inputs
    if x.dtype != tf.int32:
        raise NotImplementedError
    halves = x // 2**16, x % 2**16
    upper, lower = (execute(operation, [tf.cast(half, tf.float32), size])[0] for half in halves)
    return tf.cast(upper, tf.int32) * 2**16 + tf.cast(lower, tf.int32)


def _size(operation: Any, inputs: Sequence[Any]) -> Any:
    """Of int64 numbers, which TFLite's ABS does not take."""
    del operation
    if inputs[0].dtype != tf.int64:
        raise NotImplementedError
    return tf.maximum(inputs[0], -inputs[0])


def _sign(operation: Any, inputs: Sequence[Any]) -> Any:
    """Of int64 numbers, which TFLite's SIGN does not take."""
    del operation
    if inputs[0].dtype != tf.int64:
        raise NotImplementedError
    return tf.cast(inputs[0] > 0, tf.int64) - tf.cast(inputs[0] < 0, tf.int64)


def _floor_div(operation: Any, inputs: Sequence[Any]) -> Any:
    """Whole numbers divided downwards: tf2onnx leaves them to ONNX's Div, which cuts off."""
    del operation
    quotient, _, is_below = _cut_off(*inputs)
    return quotient - is_below


def _long_floor_div(operation: Any, inputs: Sequence[Any]) -> Any:
    """int64 numbers divided downwards, of which TFLite has the rest alone."""
    x, y = inputs
    if x.dtype != tf.int64:
        raise NotImplementedError
    if all(map(_is_short, operation.inputs)):
        return tf.cast(tf.cast(x, tf.int32) // tf.cast(y, tf.int32), tf.int64)
    rest, divisor = x - x % y, tf.cast(y, tf.float32)
    quotient: Any = tf.zeros_like(rest)
    # Of what divides without a rest, float32 tells 22 bits of the 63 at a time.
    for _ in range(3):
        part = tf.cast(tf.round(tf.cast(rest, tf.float32) / divisor), tf.int64)
        quotient, rest = quotient + part, rest - part * y
    return quotient


def _long_power(operation: Any, inputs: Sequence[Any]) -> Any:
    """int64 numbers to a known power, of which TFLite has none: squared and multiplied."""
    del operation
    x, power = inputs[0], tf.get_static_value(inputs[1])
    if x.dtype != tf.int64 or power is None or np.ptp(power) or np.min(power) < 1:
        raise NotImplementedError
    result = x + tf.zeros_like(inputs[1])
    for bit in format(int(np.ravel(power)[0]), "b")[1:]:
        result = result * result * x if bit == "1" else result * result
    return result


def _place(operation: Any, inputs: Sequence[Any]) -> Any:
    """Where the largest or smallest is, of truths or of int64 numbers."""
    x, axis = inputs
    if x.dtype == tf.int64 and not _is_short(operation.inputs[0]):
        extreme = tf.reduce_max if operation.type == "ArgMax" else tf.reduce_min
        is_best = tf.cast(tf.equal(x, extreme(x, axis, keepdims=True)), tf.int32)
        return tf.argmax(is_best, axis, operation.outputs[0].dtype)
    if x.dtype not in (tf.int64, tf.bool):
        raise NotImplementedError
    return execute(operation, [tf.cast(x, tf.int32), axis])[0]


def _is_short(tensor: Any) -> bool:
    """Whether a tensor is known to hold nothing that does not fit into int32."""
    return _most(tensor) < 2**31


def _most(tensor: Any) -> float:
    """What no number of a tensor is further from 0 than; infinite where that is not known."""
    value, maker = tf.get_static_value(tensor), tensor.op
    if value is not None:
        return float(np.abs(value).max(initial=0))
    if tensor.dtype in _SHORT:
        return 1 if tensor.dtype == tf.bool else float(tensor.dtype.max)
    if maker.type in ("ArgMax", "ArgMin"):
        return float(tf.int32.max)
    if maker.type == "OneHot":
        return max(map(_most, maker.inputs[2:]))
    if maker.type.startswith("Bitwise") and all(map(_is_short, maker.inputs)):
        return float(tf.int32.max)
    if maker.type == "Sum":
        return _terms(maker) * _most(maker.inputs[0])
    return _most(maker.inputs[0]) if maker.type in _LEAVE_SHORT else np.inf


def _terms(operation: Any) -> float:
    """How many numbers go into each of a Sum; infinite where that is not known."""
    axes = tf.get_static_value(operation.inputs[1])
    if axes is None:
        return np.inf
    sizes = [operation.inputs[0].shape[int(axis)] for axis in np.ravel(axes)]
    return np.inf if None in sizes else math.prod(sizes)


_SHORT = frozenset({tf.bool, tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32})
_LEAVE_SHORT = frozenset(
    {"Cast", "ExpandDims", "FloorDiv", "FloorMod", "GatherV2", "Identity", "Max", "Min"}
    | {"Reshape", "RightShift", "Squeeze", "StridedSlice", "Transpose"}
)
"""Operators that make no larger numbers of their first input."""


def _floor_mod(operation: Any, inputs: Sequence[Any]) -> Any:
    """What is left of whole numbers divided downwards."""
    del operation
    _, rest, is_below = _cut_off(*inputs)
    return rest + is_below * inputs[1]


def _cut_off(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Quotient and rest cut off towards 0, and 1 where the quotient lies below that."""
    if not x.dtype.is_integer:
        raise NotImplementedError
    quotient = tf.truncatediv(x, y)
    rest = x - quotient * y
    is_below = tf.logical_and(tf.not_equal(rest, 0), tf.not_equal(rest < 0, y < 0))
    return quotient, rest, tf.cast(is_below, x.dtype)


def _and(x: Any, y: Any) -> Any:
    """Bits in both of two numbers, from the halves of these, so that no sum overflows."""
    if x.dtype not in (tf.int8, tf.int16, tf.int32):
        raise NotImplementedError
    half_x, half_y = (tf.bitwise.right_shift(each, tf.ones_like(each)) for each in (x, y))
    last = (x - 2 * half_x) * (y - 2 * half_y)
    return half_x + half_y - tf.bitwise.bitwise_xor(half_x, half_y) + last


def _less(operation: Any, inputs: Sequence[Any]) -> Any:
    """What was a truth is not below 0: the converter makes zeros of it, which are not of truths."""
    maker, limit = operation.inputs[0].op, tf.get_static_value(inputs[1])
    is_truth = maker.type == "Cast" and maker.inputs[0].dtype == tf.bool
    if not is_truth or limit is None or np.any(limit != 0) or np.ndim(limit):
        raise NotImplementedError
    return tf.fill(tf.shape(inputs[0]), False)


def _least(operation: Any, inputs: Sequence[Any]) -> Any:
    """Whole numbers up to 1 or 6, which the converter takes for a ReLU that has none."""
    del operation
    limits = [tf.get_static_value(each) for each in inputs]
    is_relu = any(limit is not None and np.all(np.isin(limit, (1, 6))) for limit in limits)
    if not is_relu or inputs[0].dtype not in (tf.int32, tf.int64):
        raise NotImplementedError
    return -tf.maximum(-inputs[0], -inputs[1])


def _left_shift(operation: Any, inputs: Sequence[Any]) -> Any:
    x, bits = inputs
    if x.dtype == tf.int64:
        return _long_left_shift(operation, inputs)
    if x.dtype != tf.int32:
        raise NotImplementedError
    return x * tf.pow(2 * tf.ones_like(bits), bits)


def _long_left_shift(operation: Any, inputs: Sequence[Any]) -> Any:
    """Of int64 numbers, which neither format shifts."""
    del operation
    x, bits = inputs
    if x.dtype != tf.int64:
        raise NotImplementedError
    return x * _power(bits)


def _right_shift(operation: Any, inputs: Sequence[Any]) -> Any:
    """Of int64 numbers, which ONNX's BitShift does not take: divided downwards."""
    x, bits = inputs
    if x.dtype != tf.int64:
        raise NotImplementedError
    return _floor_div(operation, [x, _power(bits)])


def _power(bits: Any) -> Any:
    """2 to a power below 63, from a table."""
    powers = tf.constant(1 << np.arange(63, dtype=np.int64))
    return tf.gather(powers, tf.cast(bits, tf.int32))
