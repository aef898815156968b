"""Integers of 8 and 16 bits, computed in int32 and cast back, and uint32, in int64.

Each format, or its runtime, has only some operators for some of them. What runs over wraps around
as in Keras: a cast keeps the lower bits, and those of sums, differences and products do not depend
on the higher ones. The substitutes for what a format lacks come after this, for what is int32 then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice

from littoral_converters.graphs.replay import execute
from littoral_converters.operators import Substitute

SHORT = frozenset({tf.int8, tf.uint8, tf.int16, tf.uint16})
WIDENED = SHORT | {tf.uint32}


def widened(format_name: str) -> Mapping[str, Substitute]:
    """Substitutes that compute short integers in a wider type, by operator."""
    found: dict[str, Substitute] = dict.fromkeys(_COMPUTE, _in_integers)
    found["MaxPool"] = _in_float32
    if format_name == "onnx":
        return found
    moved = dict.fromkeys(_MOVE, _moved)
    found["ResizeNearestNeighbor"] = _in_float32
    return {**found, **moved, "SelectV2": _in_integers, "XlaDynamicUpdateSlice": _updated}


def has_short(operation: Any) -> bool:
    """Whether an operation takes numbers that are to be computed in a wider type."""
    return any(tensor.dtype in WIDENED for tensor in operation.inputs)


def _computed(operation: Any, inputs: Sequence[Any], given: frozenset[Any], within: Any) -> Any:
    """What an operation makes of some types, computed in another."""
    if not any(tensor.dtype in given for tensor in operation.inputs):
        raise NotImplementedError
    wide = [tf.cast(x, within) if x.dtype in given else x for x in inputs]
    results = execute(operation, wide)
    return [
        tf.cast(result, output.dtype)
        for result, output in zip(results, operation.outputs, strict=True)
    ]


def _in_integers(operation: Any, inputs: Sequence[Any]) -> Any:
    """Sums of bytes without a sign are of uint32 in Keras, which int32 does not hold."""
    is_long = any(tensor.dtype == tf.uint32 for tensor in operation.inputs)
    return _computed(operation, inputs, WIDENED, tf.int64 if is_long else tf.int32)


def _in_float32(operation: Any, inputs: Sequence[Any]) -> Any:
    return _computed(operation, inputs, SHORT, tf.float32)


def _moved(operation: Any, inputs: Sequence[Any]) -> Any:
    """What moves numbers about, which TFLite does with bytes, but for these operators."""
    if inputs[0].dtype == tf.uint32:
        return _in_integers(operation, inputs)
    given = SHORT
    if operation.type in _MOVE_BYTES:
        given -= {tf.uint8}
        if operation.type not in ("ReverseV2", "Tile"):
            given -= {tf.int8}
    return _computed(operation, inputs, given, tf.int32)


def _updated(operation: Any, inputs: Sequence[Any]) -> Any:
    """A slice of numbers without a sign put elsewhere."""
    del operation
    x, update, begin = inputs
    if x.dtype not in (tf.uint8, tf.uint16):
        raise NotImplementedError
    wide = (tf.cast(each, tf.int32) for each in (x, update))
    return tf.cast(dynamic_update_slice(*wide, begin), x.dtype)


_COMPUTE = (
    *("Abs", "Add", "AddN", "AddV2", "ArgMax", "ArgMin", "BiasAdd", "Mul", "Neg"),
    *("Sign", "Square", "Sub"),
    *("FloorDiv", "FloorMod", "Maximum", "Minimum", "Mod", "Pow", "RealDiv", "Relu"),
    *("SquaredDifference", "TruncateDiv", "TruncateMod"),
    *("BitwiseAnd", "BitwiseOr", "BitwiseXor", "Invert", "LeftShift", "RightShift"),
    *("Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"),
    *("Cross", "Cumprod", "Cumsum", "Max", "Min", "Prod", "Sum", "Pad", "PadV2"),
)

_MOVE_BYTES = (
    *("ConcatV2", "ExpandDims", "GatherV2", "MirrorPad", "Pack", "Reshape", "ReverseV2", "Slice"),
    *("Split", "SplitV", "Squeeze", "StridedSlice", "Tile", "TopKV2", "Transpose", "Unpack"),
    "BroadcastTo",
)

_MOVE = (*_MOVE_BYTES, "MatrixBandPart")
