"""Activations: GELU and CELU as the operator that a format has for it; PReLU of volumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import MOST_UNEVEN_AXES, open_shape, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._onnx_operator import operator

MOST_AXES = 3
"""Axes of a sample up to which TFLite has a PRELU."""


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of a PReLU that TFLite's operator has too many axes for."""
    if plan.format != "tflite" or type(layer) is not keras.layers.PReLU or not layer.built:
        return {}
    return {"call": _prelu(layer)} if len(layer.alpha.shape) > MOST_AXES else {}


def _prelu(layer: Any) -> Callable[[Any], Any]:
    alpha = layer.alpha.numpy()
    return lambda inputs: tf.maximum(inputs, 0) + alpha * tf.minimum(inputs, 0)


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
