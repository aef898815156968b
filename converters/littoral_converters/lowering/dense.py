"""Dense over sequences, for ONNX: rows of one matrix, as its Gemm takes them.

tf2onnx writes a Dense on three axes as a chain of Shape, Gather and Concat around the product. Here
the axes in front are folded into one by constant reshapes, and `formats._onnx_reshapes` takes out
those that undo each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._weights import constant


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of Dense; see `littoral_converters.lowering`."""
    if plan.format != "onnx" or type(layer) is not keras.layers.Dense or not layer.built:
        return {}
    if layer.compute_dtype != "float32" or layer.quantization_mode or layer.lora_enabled:
        return {}
    return {"call": _call(layer)}


def _call(layer: Any) -> Callable[..., Any]:
    keras_call = layer.call
    kernel = np.asarray(layer.kernel.numpy(), np.float32)
    bias = None if layer.bias is None else np.asarray(layer.bias.numpy(), np.float32)

    def call(inputs: Any, training: Any = None) -> Any:
        if inputs.dtype != tf.float32 or inputs.shape[1:].rank is None:
            return keras_call(inputs, training=training)
        shape = inputs.shape.as_list()
        if len(shape) > 2 and shape.count(None) > 1:
            return keras_call(inputs, training=training)
        result = as_rows(inputs, lambda rows: product(rows, kernel, bias), kernel.shape[1])
        return result if layer.activation is None else layer.activation(result)

    return call


def product(rows: Any, kernel: Any, bias: Any) -> Any:
    """A matrix times constant weights: (rows, features) -> (rows, units)."""
    result = tf.linalg.matmul(rows, constant(kernel))
    return result if bias is None else tf.nn.bias_add(result, bias)


def as_rows(tensor: Any, function: Callable[[Any], Any], units: int) -> Any:
    """Apply a function of a matrix to a tensor's last axis.

    Args:
        tensor: (..., features), at most one size of them unknown.
        function: (rows, features) -> (rows, units).
        units: Size of the last axis of its result.

    Returns:
        (..., units).
    """
    shape = tensor.shape.as_list()
    if len(shape) == 2:
        return function(tensor)
    rows = tf.reshape(tensor, [-1, shape[-1]])
    back = [-1 if size is None else size for size in (*shape[:-1], units)]
    return tf.reshape(function(rows), back)
