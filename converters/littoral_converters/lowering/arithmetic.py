"""Arithmetic that Keras writes in operators which a format lacks, or its converter gets wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    inside = "backend.tensorflow"
    found: dict[str, Callable[..., Any]] = {
        f"{inside}.numpy.add": partial(_add, _is_one_of_many(plan)),
        f"{inside}.numpy.argmax": partial(_arg, tf.argmax),
        f"{inside}.numpy.argmin": partial(_arg, tf.argmin),
        f"{inside}.numpy.average": _average,
        f"{inside}.numpy.gcd": _gcd,
        f"{inside}.numpy.inner": _inner,
        f"{inside}.numpy.isfinite": partial(_of_floats, True),
        f"{inside}.numpy.isin": _isin,
        f"{inside}.numpy.isinf": partial(_of_floats, False),
        f"{inside}.numpy.isnan": partial(_of_floats, False),
        f"{inside}.numpy.nextafter": _next_after,
    }
    if plan.format == "onnx":
        return {**found, f"{inside}.numpy.signbit": _sign_bit}
    return {**found, f"{inside}.math.erf": _erf}


def _add(one_of_many: bool, original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """An addition where Keras takes x2 for a bias of axis 1, which TFLite has of pictures alone.

    Keras does so wherever the sizes allow it, whatever broadcasting says, in eager mode and in
    `predict` alike: to (batch, 4, 4, 1) it adds (4, 1) along axis 1. Where the sizes allow it for
    one sample alone, as of (batch, 4, 1) and (batch, 1, 4), the file does what is done for many.
    What is computed, as the other side of a residual, is no bias: its file would squeeze it first.
    """
    if any(isinstance(x, (int, float)) for x in (x1, x2)):
        return original(x1, x2)
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    if x1.shape.rank is None or x2.shape.rank is None:
        return original(x1, x2)
    long = [size for size in x2.shape if size != 1]
    if len(long) != 1 or long[0] is None or x1.shape.rank < 2:
        return original(x1, x2)
    if long[0] not in (x1.shape[1], x1.shape[-1]):
        return original(x1, x2)
    dtype = keras.backend.result_type(x1.dtype.name, x2.dtype.name)
    axis = x1.shape.rank - 1 if long[0] == x1.shape[-1] else 1
    is_broadcast = list(x2.shape).index(long[0]) - x2.shape.rank == axis - x1.shape.rank
    is_of_samples = one_of_many and x1.shape.rank == x2.shape.rank and x2.shape[0] == 1
    if (is_broadcast or is_of_samples) and _reads_inputs(x2):
        return tf.add(tf.cast(x1, dtype), tf.cast(x2, dtype))
    if axis == x1.shape.rank - 1:
        return original(x1, x2)
    along = tf.reshape(tf.cast(x2, dtype), [*long, *[1] * (x1.shape.rank - 2)])
    return tf.add(tf.cast(x1, dtype), along)


def _is_one_of_many(plan: Plan) -> bool:
    """Whether a trace is of one sample, and the model is not built for just one."""
    inputs = [layer for layer in plan.layers if isinstance(layer, keras.layers.InputLayer)]
    return plan.batch == 1 and all(layer.batch_shape[0] is None for layer in inputs)


def _reads_inputs(tensor: Any) -> bool:
    """Whether a tensor of a trace is computed from the model's inputs."""
    if not tf.is_symbolic_tensor(tensor):
        return False
    captured = {id(each) for each in getattr(tensor.graph, "internal_captures", ())}
    waiting, seen = [tensor], set()
    while waiting:
        each = waiting.pop()
        if each.op.type == "Placeholder" and id(each) not in captured:
            return True
        if each.op.name not in seen:
            seen.add(each.op.name)
            waiting.extend(each.op.inputs)
    return False


def _average(
    original: Callable[..., Any], x: Any, axis: int | None = None, weights: Any = None
) -> Any:
    """Weights of one axis spread over the others: Keras's product of tensors tells no shape."""
    x = tf.convert_to_tensor(x)
    weights = None if weights is None else tf.convert_to_tensor(weights)
    if weights is None or axis is None or x.shape.rank is None or weights.shape.rank != 1:
        return original(x, axis, weights)
    spread = [1] * x.shape.rank
    spread[axis] = -1
    return original(x, axis, tf.reshape(weights, spread))


def _arg(
    find: Callable[..., Any],
    original: Callable[..., Any],
    x: Any,
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """Where the largest or smallest is: Keras looks at the bits, to tell -0 from 0."""
    x = tf.convert_to_tensor(x)
    if axis is None or not x.dtype.is_floating:
        return original(x, axis, keepdims)
    found = find(x, axis, output_type=tf.int32)
    return tf.expand_dims(found, axis) if keepdims else found


def _gcd(original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """Euclid's divisor, for any batch: Keras asks for every size."""
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    if x1.shape.is_fully_defined() and x2.shape.is_fully_defined():
        return original(x1, x2)
    dtype = keras.backend.result_type(x1.dtype.name, x2.dtype.name)
    x1, x2 = tf.abs(tf.cast(x1, dtype)), tf.abs(tf.cast(x2, dtype))

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        is_done = tf.equal(y, 0)
        rest = tf.math.floormod(x, tf.where(is_done, tf.ones_like(y), y))
        return tf.where(is_done, x, y), tf.where(is_done, y, rest)

    pair = [x1 + tf.zeros_like(x2), x2 + tf.zeros_like(x1)]
    return tf.while_loop(lambda x, y: tf.reduce_any(tf.not_equal(y, 0)), step, pair)[0]


def _inner(original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """Products summed over the last axes: Keras traces what it does with scalars, too."""
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    if x1.dtype != x2.dtype or not x1.dtype.is_floating or not x1.shape.rank or not x2.shape.rank:
        return original(x1, x2)
    return tf.tensordot(x1, x2, axes=[[-1], [-1]])


def _of_floats(of_others: bool, original: Callable[..., Any], x: Any) -> Any:
    """What is asked of floats, and answered alike of all other numbers, of any batch too."""
    x = tf.convert_to_tensor(x)
    return original(x) if x.dtype.is_floating else tf.fill(tf.shape(x), of_others)


def _isin(
    original: Callable[..., Any],
    x1: Any,
    x2: Any,
    assume_unique: bool = False,
    invert: bool = False,
) -> Any:
    """Whether values are among others: Keras asks a symbolic tensor whether it is empty."""
    del original, assume_unique
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    dtype = keras.backend.result_type(x1.dtype.name, x2.dtype.name)
    others = tf.reshape(tf.cast(x2, dtype), [-1])
    found = tf.reduce_any(tf.equal(tf.cast(x1, dtype)[..., None], others), axis=-1)
    return tf.logical_not(found) if invert else found


def _next_after(original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """x1 itself: Keras takes the next number of float64, which is none of its own in float32."""
    del original
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    dtype = keras.backend.result_type(x1.dtype.name, x2.dtype.name, float)
    x1, x2 = tf.cast(x1, dtype), tf.cast(x2, dtype)
    return tf.where(tf.math.is_nan(x2), x2, x1)


def _sign_bit(original: Callable[..., Any], x: Any) -> Any:
    """Whether numbers are negative, or -0: Keras looks at the bits."""
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        return original(x)
    x = tf.cast(x, tf.float32)
    return tf.logical_or(x < 0, tf.logical_and(tf.equal(x, 0), 1 / x < 0))


def _erf(original: Callable[..., Any], x: Any) -> Any:
    x = tf.convert_to_tensor(x)
    return error_function(x) if x.dtype == tf.float32 else original(x)


def error_function(x: Any) -> Any:
    """The error function to 1.5e-7: Abramowitz and Stegun, 7.1.26."""
    size = tf.abs(x)
    t = 1 / (1 + 0.3275911 * size)
    powers = polynomial((1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592), t)
    return tf.sign(x) * (1 - powers * t * tf.exp(-size * size))


def polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """Powers of x summed, each times its coefficient, the highest first."""
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
