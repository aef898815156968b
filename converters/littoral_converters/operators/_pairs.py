"""Complex numbers as pairs of reals, and what is done to them as the same to their parts.

Neither format has complex numbers, but for the size of a TFLite file's own transform of real
numbers, whose length must be a power of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.replay import execute
from littoral_converters.lowering.einsum import einsum
from littoral_converters.operators import Substitute, has_complex
from littoral_converters.operators._known import known
from littoral_converters.operators._transforms import Pair, transforms
from littoral_converters.operators.axes import rolled


def are_needed(operations: Sequence[Any], format_name: str) -> bool:
    """Whether a graph has complex numbers that its format cannot say."""
    touching = [operation for operation in operations if has_complex(operation)]
    own = {"RFFT", "ComplexAbs"}
    if format_name == "tflite":
        own |= {"Imag", "Real", "RFFT2D"}
    if any(operation.type not in own for operation in touching):
        return True
    return format_name == "tflite" and not all(map(_is_of_tflite, touching))


def _is_of_tflite(operation: Any) -> bool:
    """Whether TFLite's own transform has the size of this one, if it is one."""
    if not operation.type.startswith("RFFT"):
        return True
    sizes = known(operation.inputs[1])
    return sizes is not None and all(size and not size & size - 1 for size in sizes)


def builders(format_name: str) -> Mapping[str, Substitute]:
    """Substitutes for operations on complex numbers; their inputs and outputs are pairs."""
    return {
        **dict.fromkeys(_EACH, _each),
        **transforms(format_name),
        "Einsum": partial(_einsum, format_name),
        **_NUMBERS,
    }


def _each(operation: Any, inputs: Sequence[Any]) -> Any:
    """What moves numbers about, or adds them up: the same to both parts."""
    parts = [
        execute(operation, [x[part] if isinstance(x, tuple) else x for x in inputs])
        for part in (0, 1)
    ]
    return list(zip(*parts, strict=True))


def _rolled(operation: Any, inputs: Sequence[Any]) -> Pair:
    (real, imaginary), *moves = inputs
    return rolled(operation, [real, *moves]), rolled(operation, [imaginary, *moves])


def _shape(operation: Any, inputs: Sequence[Any]) -> Any:
    return execute(operation, [inputs[0][0]])


def _const(operation: Any, inputs: Sequence[Any]) -> Pair:
    del inputs
    value = tf.make_ndarray(operation.get_attr("value"))
    return tf.constant(value.real, tf.float32), tf.constant(value.imag, tf.float32)


def _cast(operation: Any, inputs: Sequence[Any]) -> Any:
    (x,) = inputs
    wanted = operation.outputs[0].dtype
    if isinstance(x, tuple):
        return x if wanted.is_complex else tf.cast(x[0], wanted)
    real = tf.cast(x, tf.float32)
    return real, tf.zeros_like(real)


def _mul(operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    (a, b), (c, d) = inputs
    return a * c - b * d, a * d + b * c


def _div(operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    (a, b), (c, d) = inputs
    size = c * c + d * d
    return (a * c + b * d) / size, (b * c - a * d) / size


def _exp(operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    ((a, b),) = inputs
    size = tf.exp(a)
    return size * tf.cos(b), size * tf.sin(b)


def _log(operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    ((a, b),) = inputs
    return tf.math.log(a * a + b * b) / 2, tf.math.atan2(b, a)


def _conjugate_transpose(operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    (real, imaginary), order = inputs
    return tf.transpose(real, order), -tf.transpose(imaginary, order)


def _matmul(operation: Any, inputs: Sequence[Any]) -> Pair:
    """Products of matrices, or of the conjugates of those to be turned that are called adjoint."""
    (a, b), (c, d) = inputs
    if operation.type != "MatMul":
        b = -b if operation.get_attr("adj_x") else b
        d = -d if operation.get_attr("adj_y") else d
    return _product(lambda *parts: execute(operation, list(parts))[0], (a, b), (c, d))


def _einsum(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    if len(inputs) == 1:
        return _each(operation, inputs)
    if len(inputs) != 2:
        raise NotImplementedError
    equation = operation.get_attr("equation").decode()
    multiply = partial(einsum if format_name == "onnx" else tf.einsum, equation)
    return _product(multiply, *inputs)


def _product(multiply: Callable[[Any, Any], Any], x: Pair, y: Pair) -> Pair:
    """What is linear in each of two factors, of their parts."""
    (a, b), (c, d) = x, y
    return multiply(a, c) - multiply(b, d), multiply(a, d) + multiply(b, c)


_EACH = (
    *("Add", "AddN", "AddV2", "BroadcastTo", "ConcatV2", "ExpandDims", "GatherV2", "Identity"),
    *("Mean", "Neg", "Pack", "Pad", "Reshape", "ReverseV2", "Slice", "Split", "SplitV"),
    *("Fill", "ScatterNd", "SelectV2", "TensorScatterUpdate"),
    *("Squeeze", "StridedSlice", "Sub", "Sum", "Tile", "Transpose", "Unpack", "ZerosLike"),
)

_NUMBERS: dict[str, Substitute] = {
    "Angle": lambda operation, inputs: tf.math.atan2(inputs[0][1], inputs[0][0]),
    "Cast": _cast,
    "Complex": lambda operation, inputs: tuple(inputs),
    "ComplexAbs": lambda operation, inputs: tf.sqrt(inputs[0][0] ** 2 + inputs[0][1] ** 2),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "MatMul"), _matmul),
    "Conj": lambda operation, inputs: (inputs[0][0], -inputs[0][1]),
    "ConjugateTranspose": _conjugate_transpose,
    "Const": _const,
    "Div": _div,
    "Exp": _exp,
    "Imag": lambda operation, inputs: inputs[0][1],
    "Log": _log,
    "Mul": _mul,
    "Real": lambda operation, inputs: inputs[0][0],
    "RealDiv": _div,
    **dict.fromkeys(("Rank", "Shape", "Size"), _shape),
    "Roll": _rolled,
    "Square": lambda operation, inputs: _mul(operation, [inputs[0], inputs[0]]),
}
