"""Dense over sequences, for ONNX: rows of one matrix, as its Gemm takes them.

tf2onnx writes a Dense on three axes as a chain of Shape, Gather and Concat around the product. Here
the axes in front are folded into one by constant reshapes, and `formats._onnx_reshapes` takes out
those that undo each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import open_shape
from littoral_converters.lowering import Plan
from littoral_converters.lowering._weights import array_of, constant


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of Dense; see `littoral_converters.lowering`."""
    if plan.format != "onnx" or type(layer) is not keras.layers.Dense or not layer.built:
        return {}
    if layer.compute_dtype != "float32" or layer.quantization_mode or layer.lora_enabled:
        return {}
    return {"call": _call(layer)}


def _call(layer: Any) -> Callable[..., Any]:
    keras_call = layer.call
    kernel, bias = array_of(layer.kernel), array_of(layer.bias)

    def call(inputs: Any, training: Any = None) -> Any:
        if inputs.dtype != tf.float32 or inputs.shape[1:].rank is None:
            return keras_call(inputs, training=training)
        shape = inputs.shape.as_list()
        if len(shape) > 2 and shape.count(None) > 1:
            return keras_call(inputs, training=training)
        result = product(inputs, kernel, bias)
        return result if layer.activation is None else layer.activation(result)

    return call


def product(tensor: Any, kernel: Any, bias: Any) -> Any:
    """A tensor's last axis times constant weights, as rows of one matrix.

    Args:
        tensor: (..., features), at most one size of them unknown.
        kernel: (features, units).
        bias: (units,); None for none.

    Returns:
        (..., units).
    """
    shape = tensor.shape.as_list()
    rows = tensor if len(shape) == 2 else tf.reshape(tensor, [-1, shape[-1]])
    result = tf.linalg.matmul(rows, constant(kernel))
    result = result if bias is None else tf.nn.bias_add(result, bias)
    if len(shape) == 2:
        return result
    return tf.reshape(result, open_shape([*shape[:-1], kernel.shape[1]]))
