"""Complex numbers as pairs of reals, and Fourier transforms of them as products with matrices.

Neither format has complex numbers, but for the size of a TFLite file's own transform of real
numbers, whose length must be a power of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.lowering._replay import execute
from littoral_converters.lowering.fourier import forward, half_inverse
from littoral_converters.operators import Substitute, has_complex

Pair = tuple[Any, Any]
"""Real and imaginary part, float32 of one shape."""


def are_needed(operations: Sequence[Any], format_name: str) -> bool:
    """Whether a graph has complex numbers that its format cannot say."""
    touching = [operation for operation in operations if has_complex(operation)]
    own = {"RFFT", "RFFT2D", "ComplexAbs"}
    if format_name == "tflite":
        own |= {"Real", "Imag"}
    lengths = [_length(op) for op in touching if op.type == "RFFT"]
    fits = format_name == "onnx" or all(length and not length & length - 1 for length in lengths)
    return not fits or any(operation.type not in own for operation in touching)


def builders(format_name: str) -> Mapping[str, Substitute]:
    """Substitutes for operations on complex numbers; their inputs and outputs are pairs."""
    transforms = {"FFT": _fft, "IFFT": _ifft, "RFFT": _rfft, "IRFFT": _irfft}
    return {
        **dict.fromkeys(_EACH, _each),
        **{name: partial(build, format_name) for name, build in transforms.items()},
        **_NUMBERS,
    }


def _each(operation: Any, inputs: Sequence[Any]) -> Any:
    """What moves numbers about, or adds them up: the same to both parts."""
    parts = [
        execute(operation, [x[part] if isinstance(x, tuple) else x for x in inputs])
        for part in (0, 1)
    ]
    return list(zip(*parts, strict=True))


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


def _fft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Pair:
    del operation
    return _transformed(format_name, inputs[0])


def _ifft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Pair:
    """The transform of the mirrored numbers, mirrored, over their count."""
    del operation
    ((real, imaginary),) = inputs
    mirrored, other = _transformed(format_name, (real, -imaginary))
    return mirrored / real.shape[-1], -other / real.shape[-1]


def _transformed(format_name: str, x: Pair) -> Pair:
    if x[0].shape[-1] is None:
        raise NotImplementedError
    return forward(format_name, x)


def _rfft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Pair:
    x, length = inputs[0], _length(operation)
    given = x.shape[-1]
    if length is None or given is None:
        raise NotImplementedError
    if given < length:
        x = tf.pad(x, [*[[0, 0]] * (len(x.shape) - 1), [0, length - given]])
    return forward(format_name, (x[..., :length], None), length // 2 + 1)


def _irfft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    length = _length(operation)
    if length is None or inputs[0][0].shape[-1] is None:
        raise NotImplementedError
    return half_inverse(format_name, inputs[0], length)


def _length(operation: Any) -> int | None:
    """The length of a transform, where it is known."""
    value = tf.get_static_value(operation.inputs[1])
    return None if value is None else int(value[-1])


_EACH = (
    *("Add", "AddN", "AddV2", "BroadcastTo", "ConcatV2", "ExpandDims", "GatherV2", "Identity"),
    *("Mean", "Neg", "Pack", "Pad", "Reshape", "ReverseV2", "Roll", "Slice", "Split", "SplitV"),
    *("Squeeze", "StridedSlice", "Sub", "Sum", "Tile", "Transpose", "Unpack", "ZerosLike"),
)

_NUMBERS: dict[str, Substitute] = {
    "Angle": lambda operation, inputs: tf.math.atan2(inputs[0][1], inputs[0][0]),
    "Cast": _cast,
    "Complex": lambda operation, inputs: tuple(inputs),
    "ComplexAbs": lambda operation, inputs: tf.sqrt(inputs[0][0] ** 2 + inputs[0][1] ** 2),
    "Conj": lambda operation, inputs: (inputs[0][0], -inputs[0][1]),
    "Const": _const,
    "Div": _div,
    "Exp": _exp,
    "Imag": lambda operation, inputs: inputs[0][1],
    "Mul": _mul,
    "Real": lambda operation, inputs: inputs[0][0],
    "RealDiv": _div,
    "Square": lambda operation, inputs: _mul(operation, [inputs[0], inputs[0]]),
}
