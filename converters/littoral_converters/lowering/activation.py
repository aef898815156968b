"""Activations: GELU and CELU as the operator of a format, PReLU of volumes, masks of a Softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import MOST_UNEVEN_AXES, open_shape, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._masks import hidden, zeroed
from littoral_converters.lowering._onnx_operator import operator

MOST_AXES = 3
"""Axes of a sample up to which TFLite has a PRELU."""

MASKED_TO = 0.5
"""What numbers of a Softmax's mask must be above for Keras to count a position."""


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call`.

    Of a PReLU that TFLite's operator has too many axes for, and of a Softmax: for its mask in a
    .tflite, and for several axes, over which Keras takes powers of logarithms.
    """
    if not layer.built:
        return {}
    if type(layer) is keras.layers.Softmax:
        return {"call": _softmax(layer, plan.format)}
    if type(layer) is keras.layers.PReLU and len(layer.alpha.shape) > MOST_AXES:
        return {"call": _prelu(layer)} if plan.format == "tflite" else {}
    return {}


def _prelu(layer: Any) -> Callable[[Any], Any]:
    alpha = layer.alpha.numpy()
    return lambda inputs: tf.maximum(inputs, 0) + alpha * tf.minimum(inputs, 0)


def _softmax(layer: Any, format_name: str) -> Callable[..., Any]:
    keras_call = layer.call
    axes = (layer.axis,) if isinstance(layer.axis, int) else tuple(layer.axis)

    def whole(inputs: Any) -> Any:
        rank, count = len(inputs.shape), len(axes)
        lengths = inputs.shape[rank - count :]
        is_last = sorted(axis % rank for axis in axes) == [*range(rank - count, rank)]
        if count == 1 or not is_last or None in lengths:
            return keras_call(inputs)
        shape = sizes(inputs)
        flat = tf.reshape(inputs, open_shape([*shape[: rank - count], lengths.num_elements()]))
        return tf.reshape(tf.nn.softmax(flat), open_shape(shape))

    def call(inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return whole(inputs)
        if format_name == "onnx" or inputs.dtype != tf.float32:
            return keras_call(inputs, mask)
        mask = tf.convert_to_tensor(mask)
        is_seen = mask if mask.dtype == tf.bool else mask > tf.cast(MASKED_TO, mask.dtype)
        seen = tf.cast(is_seen, tf.float32)
        return zeroed(whole(hidden(inputs, seen)), seen, axes)

    return call


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for `keras.ops`; see `littoral_converters.lowering`."""
    inside = "backend.tensorflow.nn"
    if plan.format == "onnx":
        return {f"{inside}.gelu": _gelu}
    return {f"{inside}.gelu": _folded_gelu, f"{inside}.celu": _celu}


def _celu(original: Callable[..., Any], x: Any, alpha: float = 1.0) -> Any:
    """ELU, scaled before and after: above 0 the scales take each other back."""
    x = tf.convert_to_tensor(x)
    if x.dtype != tf.float32 or not isinstance(alpha, (int, float)):
        return original(x, alpha)
    return tf.nn.elu(x) if alpha == 1 else alpha * tf.nn.elu(x / alpha)


def _folded_gelu(keras_gelu: Callable[..., Any], x: Any, approximate: bool = True) -> Any:
    """The same on two axes, where TFLite's converter finds its operator among the arithmetic."""
    x = tf.convert_to_tensor(x)
    if (x.shape.rank or 0) <= MOST_UNEVEN_AXES:
        return keras_gelu(x, approximate=approximate)
    lengths = sizes(x)
    flat = tf.reshape(x, [-1, lengths[-1]])
    return tf.reshape(keras_gelu(flat, approximate=approximate), open_shape(lengths))


def _gelu(keras_gelu: Callable[..., Any], x: Any, approximate: bool = True) -> Any:
    """The value times the normal distribution's probability of values up to x."""
    x = tf.convert_to_tensor(x)
    if approximate or x.dtype != tf.float32:
        return keras_gelu(x, approximate=approximate)
    # Written operator by operator: TensorFlow would reorder them, and onnxruntime look past them.
    (scaled,) = _binary("Div", x, math.sqrt(2))
    (probability,) = _binary("Add", tf.math.erf(scaled), 1.0)
    (doubled,) = operator("Mul", [x, probability], [(tf.float32, x.shape)])
    (result,) = _binary("Mul", doubled, 0.5)
    return result


def _binary(op_type: str, x: Any, constant: float) -> list[Any]:
    return operator(op_type, [x, tf.constant(constant, tf.float32)], [(tf.float32, x.shape)])
