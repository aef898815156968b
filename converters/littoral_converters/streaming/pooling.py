"""Pooling over all time as it stands after each step: a running sum and count, or maximum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.streaming import Memory, zeros

LEAST = float(np.finfo(np.float32).min)
"""Below every value: a maximum over no steps yet."""


def step(layer: Any, memory: Memory) -> Mapping[str, object]:
    """Stand-ins for global pooling over time; see `littoral_converters.streaming`."""
    if getattr(layer, "data_format", None) != "channels_last":
        return {}
    if type(layer) is keras.layers.GlobalAveragePooling1D:
        return {"call": _average(layer, memory)}
    if type(layer) is keras.layers.GlobalMaxPooling1D:
        return {"call": _maximum(layer, memory)}
    return {}


def _average(layer: Any, memory: Memory) -> Callable[..., Any]:
    def call(inputs: Any, mask: Any = None) -> Any:
        total, keep_total = memory.hold(f"{layer.name}_total", zeros(inputs.shape[-1]))
        count, keep_count = memory.hold(f"{layer.name}_count", zeros(1))
        value, one = inputs[:, 0], 1.0
        if mask is not None:
            one = tf.cast(mask[:, :1], tf.float32)
            value = value * one
        total, count = total + value, count + one
        keep_total(total)
        keep_count(count)
        mean = total / count
        return mean[:, None] if layer.keepdims else mean

    return call


def _maximum(layer: Any, memory: Memory) -> Callable[..., Any]:
    def call(inputs: Any) -> Any:
        initial = zeros(inputs.shape[-1]) + np.float32(LEAST)
        largest, keep = memory.hold(f"{layer.name}_largest", initial)
        largest = tf.maximum(largest, inputs[:, 0])
        keep(largest)
        return largest[:, None] if layer.keepdims else largest

    return call
