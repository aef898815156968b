"""Functions of numbers, by arithmetic, exponentials and logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import MOST_UNEVEN_AXES
from littoral_converters.lowering.arithmetic import error_function, polynomial
from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    missing = {**_NOWHERE, **(_NOT_IN_TFLITE if format_name == "tflite" else _NOT_IN_ONNX)}
    found = {name: _of_numbers(function) for name, function in missing.items()}
    if format_name == "tflite":
        found["Atan2"] = _angle
        found |= {"Equal": _is_infinite, "NotEqual": _is_not_infinite}
        found["Rsqrt"] = _guarded_rsqrt
        found["SparseSoftmaxCrossEntropyWithLogits"] = _cross_entropy
        found["Erf"] = _not_in_gelu(error_function)
        found["Erfc"] = _not_in_gelu(lambda x: 1 - error_function(x))
    return found


def _of_numbers(function: Callable[..., Any]) -> Substitute:
    def build(operation: Any, inputs: Sequence[Any]) -> Any:
        del operation
        return function(*inputs)

    return build


def _is_infinite(operation: Any, inputs: Sequence[Any]) -> Any:
    """What is compared with infinity, of which the converter makes the largest number."""
    del operation
    for x, limit in (inputs, inputs[::-1]):
        value = tf.get_static_value(limit)
        if value is not None and value.dtype.kind == "f" and np.all(np.isinf(value)):
            return tf.logical_and(_is_as_large(x), tf.equal(x > 0, limit > 0))
    raise NotImplementedError


def _is_not_infinite(operation: Any, inputs: Sequence[Any]) -> Any:
    return tf.logical_not(_is_infinite(operation, inputs))


def _is_as_large(x: Any) -> Any:
    """Whether a number is infinite, or was in Keras and is the largest one now."""
    return tf.abs(x) >= x.dtype.max


def _not_in_gelu(function: Callable[[Any], Any]) -> Substitute:
    """Leave it where TFLite's converter may find it to be a part of GELU, which is an operator."""

    def build(operation: Any, inputs: Sequence[Any]) -> Any:
        if _is_in_gelu(operation):
            raise NotImplementedError
        return function(inputs[0])

    return build


def _is_in_gelu(operation: Any) -> bool:
    """Whether what a function is of is also multiplied with the function, and with nothing else.

    Of more axes, what is multiplied is folded apart from it, so that no GELU is found.
    """
    if (operation.inputs[0].shape.rank or 0) > MOST_UNEVEN_AXES:
        return False
    scaled = operation.inputs[0].op.inputs
    arguments = {name for tensor in scaled for name in _with_inputs(tensor)}
    for _ in range(_STEPS_OF_GELU):
        after = operation.outputs[0].consumers()
        if len(after) != 1 or after[0].type not in ("AddV2", "Mul"):
            return False
        (operation,) = after
        factors = {name for tensor in operation.inputs for name in _with_inputs(tensor)}
        if operation.type == "Mul" and factors & arguments:
            return True
    return False


def _with_inputs(tensor: Any) -> list[str]:
    """The names of a tensor and of what it is made of, but for constants."""
    both = (tensor, *tensor.op.inputs)
    return [each.name for each in both if each.op.type != "Const"]


_STEPS_OF_GELU = 3
"""At most that many operators behind the function its argument comes in."""


def _guarded_rsqrt(operation: Any, inputs: Sequence[Any]) -> Any:
    """One that a Minimum keeps from infinity: at 0, XNNPACK's is no number, and passes that."""
    if any(after.type != "Minimum" for after in operation.outputs[0].consumers()):
        raise NotImplementedError
    return tf.math.rsqrt(tf.maximum(inputs[0], tf.constant(_SMALLEST, inputs[0].dtype)))


def _angle(operation: Any, inputs: Sequence[Any]) -> Any:
    """The angle of two tensors of different shapes, which TFLite wants to be the same."""
    y, x = inputs
    if y.shape == x.shape or not x.dtype.is_floating:
        raise NotImplementedError
    del operation
    return tf.math.atan2(y * tf.ones_like(x), x * tf.ones_like(y))


def _cross_entropy(operation: Any, inputs: Sequence[Any]) -> Any:
    """Of scores (rows, classes) and the right classes (rows,), where any batch is to go in."""
    scores, labels = inputs
    if scores.shape.is_fully_defined():
        raise NotImplementedError
    del operation
    return [-tf.gather(tf.nn.log_softmax(scores), tf.cast(labels, tf.int32), batch_dims=1)]


def _divide_no_nan(x: Any, y: Any) -> Any:
    """A quotient, and 0 where the divisor is."""
    is_nothing = tf.equal(y, 0)
    return tf.where(
        is_nothing, tf.constant(0, x.dtype), x / tf.where(is_nothing, tf.constant(1, y.dtype), y)
    )


def _bessel(x: Any) -> Any:
    """The modified Bessel function of order 0, to 2e-7: Abramowitz and Stegun, 9.8.1 and 9.8.2."""
    size = tf.abs(x)
    near = polynomial(_BESSEL_NEAR, tf.square(size / 3.75))
    far = polynomial(_BESSEL_FAR, 3.75 / tf.maximum(size, 3.75))
    return tf.where(size < 3.75, near, tf.exp(size) * far / tf.sqrt(tf.maximum(size, 3.75)))


def _truncate_mod(x: Any, y: Any) -> Any:
    if x.dtype.is_integer:
        return x - tf.truncatediv(x, y) * y
    ratio = x / y
    return x - tf.sign(ratio) * tf.floor(tf.abs(ratio)) * y


def _unless_zero(x: Any, value: Any) -> Any:
    """A value, and 0 where x is, whatever the value is there."""
    # Not zeros_like: tf2onnx multiplies the value by 0.
    return tf.where(tf.equal(x, 0), tf.constant(0, value.dtype), value)


def _acos(x: Any) -> Any:
    return tf.math.atan2(_opposite(x), x)


def _asin(x: Any) -> Any:
    return tf.math.atan2(x, _opposite(x))


def _opposite(x: Any) -> Any:
    """The other side of a right triangle with a side x and the long side 1."""
    return tf.sqrt((1 - x) * (1 + x))


def _asinh(x: Any) -> Any:
    size = tf.abs(x)
    return tf.sign(x) * tf.math.log(size + tf.sqrt(size * size + 1))


def _acosh(x: Any) -> Any:
    return tf.math.log(x + tf.sqrt(x - 1) * tf.sqrt(x + 1))


def _log1p(x: Any) -> Any:
    """The logarithm of 1 + x, of a small x by a series to 3e-8: that sum would lose its digits."""
    ratio = x / (2 + x)
    series = 2 * ratio * polynomial((1 / 9, 1 / 7, 1 / 5, 1 / 3, 1), ratio * ratio)
    return tf.where(tf.abs(x) < 0.3, series, tf.math.log(1 + x))


def _softplus(x: Any) -> Any:
    """The logarithm of 1 + exp(x): onnxruntime's own takes four times as long."""
    return tf.nn.relu(x) + tf.math.log(1 + tf.exp(-tf.abs(x)))


def _digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function, of x > -6.

    By Stirling's series at x + 6, to 1e-9, and its recurrence back.
    """
    above = x + 6
    square = 1 / (above * above)
    series = square * polynomial((1 / 240, -1 / 252, 1 / 120, -1 / 12), square)
    value = tf.math.log(above) - 0.5 / above + series
    return value - sum(1 / (x + step) for step in range(6))


def _log_gamma(x: Any) -> Any:
    """The logarithm of the gamma function's size, of x > -6, as in `_digamma`."""
    above = x + 6
    square = 1 / (above * above)
    series = polynomial((-1 / 1680, 1 / 1260, -1 / 360, 1 / 12), square) / above
    value = (above - 0.5) * tf.math.log(above) - above + 0.5 * math.log(2 * math.pi) + series
    product = x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5)
    return value - tf.math.log(tf.abs(product))


def _erfinv(x: Any) -> Any:
    """The inverse of the error function to 4e-7: Giles, Approximating the erfinv function, 2010."""
    w = -tf.math.log((1 - x) * (1 + x))
    middle, tail = w - 2.5, tf.sqrt(tf.maximum(w, 5.0)) - 3.0
    value = x * tf.where(w < 5.0, polynomial(_MIDDLE, middle), polynomial(_TAIL, tail))
    return tf.where(tf.abs(x) < 1, value, x / tf.sqrt(1 - tf.abs(x)))


def _tan(x: Any) -> Any:
    """By a polynomial near 0, and where that is odd by its inverse; Cephes, tanf.

    A sine over a cosine is off where the cosine is near 0: an engine's is right to 1e-7 of 1,
    not of itself.
    """
    turns = tf.round(x * (2 / math.pi))
    rest = x
    for part in _QUARTER_TURN:
        rest = rest - turns * part
    square = rest * rest
    near = rest + rest * square * polynomial(_TANGENT, square)
    return tf.where(tf.math.floormod(turns, 2.0) > 0, -1 / near, near)


_NOWHERE: dict[str, Callable[..., Any]] = {
    "BesselI0": _bessel,
    "Digamma": _digamma,
    "Erfinv": _erfinv,
    "Log1p": _log1p,
    "TruncateMod": _truncate_mod,
}

_NOT_IN_ONNX: dict[str, Callable[..., Any]] = {
    "Erfc": lambda x: 1 - tf.math.erf(x),
    "Expm1": lambda x: tf.exp(x) - 1,
    "Lgamma": _log_gamma,
    "L2Loss": lambda x: tf.reduce_sum(x * x) / 2,
    "Softplus": _softplus,
    "MulNoNan": lambda x, y: _unless_zero(y, x * y),
    "Xdivy": lambda x, y: _unless_zero(x, x / y),
    "Xlog1py": lambda x, y: _unless_zero(x, x * _log1p(y)),
    "Xlogy": lambda x, y: _unless_zero(x, x * tf.math.log(y)),
}

_NOT_IN_TFLITE: dict[str, Callable[..., Any]] = {
    "Acos": _acos,
    "Acosh": _acosh,
    "Asin": _asin,
    "Asinh": _asinh,
    "Atan": lambda x: tf.math.atan2(x, tf.ones_like(x)),
    "Atanh": lambda x: (tf.math.log(1 + x) - tf.math.log(1 - x)) / 2,
    "Cosh": lambda x: (tf.exp(x) + tf.exp(-x)) / 2,
    "DivNoNan": _divide_no_nan,
    "IsInf": _is_as_large,  # its converter says no of every number
    "Sinh": lambda x: (tf.exp(x) - tf.exp(-x)) / 2,
    "Tan": _tan,
}

_TANGENT = (
    9.38540185543e-3,
    3.11992232697e-3,
    2.44301354525e-2,
    5.34112807005e-2,
    1.33387994085e-1,
    3.33331568548e-1,
)
_QUARTER_TURN = (1.5703125, 4.837512969970703125e-4, 7.549789948768648e-8)
"""Half of pi in parts of so few bits that a few thousand times the first two are exact."""

_SMALLEST = 1.2e-38
"""No smaller float32 is normal."""

_BESSEL_NEAR = (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0)
_BESSEL_FAR = (
    *(0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281),
    *(-0.00157565, 0.00225319, 0.01328592, 0.39894228),
)

_MIDDLE = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
_TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)
