"""Normalizations whose statistics come from the sample.

LayerNormalization is ONNX's own operator, and for TFLite has a form without NEG. In
GroupNormalization, Keras gives the groups an axis of their own and takes means over axes on both
sides of it, for which neither engine has a fast kernel: here the mean of a group is the mean of its
channels' means, over pictures that keep their shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._onnx_operator import operator
from littoral_converters.lowering._weights import array_of


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of a normalization; see `littoral_converters.lowering`."""
    if type(layer) is keras.layers.GroupNormalization and layer.built:
        return {"call": _group_call(layer)} if layer.compute_dtype == "float32" else {}
    if type(layer) is not keras.layers.LayerNormalization or not layer.built:
        return {}
    if layer.rms_scaling or layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
        return {}
    return {"call": _layer_call(layer, _as_operator if plan.format == "onnx" else _in_plain)}


def _layer_call(layer: Any, write: Callable[..., Any]) -> Callable[[Any], Any]:
    keras_call = layer.call
    gamma, beta = array_of(layer.gamma), array_of(layer.beta)

    def call(inputs: Any) -> Any:
        axes = _trailing_axes(layer, inputs)
        if axes is None:
            return keras_call(inputs)
        return write(inputs, axes, gamma, beta, float(layer.epsilon))

    return call


def _as_operator(inputs: Any, axes: list[int], gamma: Any, beta: Any, epsilon: float) -> Any:
    sizes = [inputs.shape[axis] for axis in axes]
    given = [inputs, tf.constant(np.ones(sizes, np.float32) if gamma is None else gamma)]
    if beta is not None:
        given.append(tf.constant(beta))
    attributes = {"axis": axes[0] - inputs.shape.rank, "epsilon": epsilon}
    (result,) = operator("LayerNormalization", given, [(tf.float32, inputs.shape)], attributes)
    return result


def _in_plain(inputs: Any, axes: list[int], gamma: Any, beta: Any, epsilon: float) -> Any:
    centered = inputs - tf.reduce_mean(inputs, axes, keepdims=True)
    variance = tf.reduce_mean(centered * centered, axes, keepdims=True)
    result = centered * tf.math.rsqrt(variance + epsilon)
    if gamma is not None:
        result = result * gamma
    return result if beta is None else result + beta


def _trailing_axes(layer: Any, inputs: Any) -> list[int] | None:
    """The axes that are normalized, when they are the last ones; None otherwise."""
    if inputs.dtype != tf.float32:
        return None
    rank = inputs.shape.rank
    axes = sorted(axis % rank for axis in layer.axis)
    return axes if axes == list(range(rank - len(axes), rank)) else None


def _group_call(layer: Any) -> Callable[[Any], Any]:
    keras_call, groups = layer.call, layer.groups
    gamma, beta = array_of(layer.gamma), array_of(layer.beta)

    def call(inputs: Any) -> Any:
        rank, channels = inputs.shape.rank, inputs.shape[-1]
        if layer.axis % rank != rank - 1 or rank < 3 or inputs.dtype != tf.float32:
            return keras_call(inputs)
        around = [1] * (rank - 2)

        def mean(x: Any) -> Any:
            """By sample and group, (batch, groups, 1)."""
            of_channels = tf.reduce_mean(x, range(1, rank - 1))
            by_group = tf.reshape(of_channels, [-1, groups, channels // groups])
            return tf.reduce_mean(by_group, 2, keepdims=True)

        def spread(by_group: Any, factors: Any) -> Any:
            """To the channels of each group, times a factor each, in the inputs' axes."""
            own = tf.constant(np.reshape(factors, [groups, channels // groups]))
            return tf.reshape(by_group * own, [-1, *around, channels])

        ones = np.ones(channels, np.float32)
        centered = inputs - spread(mean(inputs), ones)
        inverse = tf.math.rsqrt(mean(centered * centered) + layer.epsilon)
        result = centered * spread(inverse, ones if gamma is None else gamma)
        return result if beta is None else result + beta

    return call
