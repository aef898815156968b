"""LayerNormalization: ONNX's own operator, and for TFLite a form without NEG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._onnx_operator import operator


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of LayerNormalization; see `littoral_converters.lowering`."""
    if type(layer) is not keras.layers.LayerNormalization or not layer.built:
        return {}
    if layer.rms_scaling or layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
        return {}
    return {"call": _operator_call(layer) if plan.format == "onnx" else _plain_call(layer)}


def _operator_call(layer: Any) -> Callable[[Any], Any]:
    keras_call = layer.call
    gamma, beta = _values(layer.gamma), _values(layer.beta)

    def call(inputs: Any) -> Any:
        axes = _trailing_axes(layer, inputs)
        if axes is None:
            return keras_call(inputs)
        sizes = [inputs.shape[axis] for axis in axes]
        given = [inputs, tf.constant(np.ones(sizes, np.float32) if gamma is None else gamma)]
        if beta is not None:
            given.append(tf.constant(beta))
        attributes = {"axis": axes[0] - inputs.shape.rank, "epsilon": float(layer.epsilon)}
        (result,) = operator("LayerNormalization", given, [(tf.float32, inputs.shape)], attributes)
        return result

    return call


def _trailing_axes(layer: Any, inputs: Any) -> list[int] | None:
    """The axes that are normalized, when they are the last ones; None otherwise."""
    if inputs.dtype != tf.float32:
        return None
    rank = inputs.shape.rank
    axes = sorted(axis % rank for axis in layer.axis)
    return axes if axes == list(range(rank - len(axes), rank)) else None


def _plain_call(layer: Any) -> Callable[[Any], Any]:
    keras_call = layer.call
    gamma, beta = _values(layer.gamma), _values(layer.beta)

    def call(inputs: Any) -> Any:
        axes = _trailing_axes(layer, inputs)
        if axes is None:
            return keras_call(inputs)
        centered = inputs - tf.reduce_mean(inputs, axes, keepdims=True)
        variance = tf.reduce_mean(centered * centered, axes, keepdims=True)
        result = centered * tf.math.rsqrt(variance + layer.epsilon)
        if gamma is not None:
            result = result * gamma
        return result if beta is None else result + beta

    return call


def _values(variable: Any) -> Any:
    return None if variable is None else np.asarray(variable.numpy(), np.float32)
