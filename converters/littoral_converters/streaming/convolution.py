"""One step of a convolution over time: what it reaches back to is remembered, and nothing else.

- Conv1D, DepthwiseConv1D and SeparableConv1D of stride 1, causal, dilated or not: the past steps
  begin as the zeros that a causal convolution pads with.
- ZeroPadding1D before the first step only, in front of a convolution without padding, is the same
  written in two layers.

All others look ahead, or change the rate of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.streaming import Memory, zeros

_OVER_TIME = (keras.layers.Conv1D, keras.layers.DepthwiseConv1D, keras.layers.SeparableConv1D)


def step(layer: Any, memory: Memory) -> Mapping[str, object]:
    """Stand-ins for a convolution over time; see `littoral_converters.streaming`."""
    if type(layer) is keras.layers.ZeroPadding1D and layer.padding[1] == 0:
        return {"call": lambda inputs: inputs}
    if type(layer) not in _OVER_TIME or not layer.built:
        return {}
    looks_back = layer.padding in ("causal", "valid") and layer.data_format == "channels_last"
    span = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
    if not looks_back or layer.strides[0] != 1 or span == 0:
        return {}
    return {"call": _call(layer, span, memory), "padding": "valid"}


def _call(layer: Any, span: int, memory: Memory) -> Callable[..., Any]:
    keras_call = layer.call

    def call(inputs: Any) -> Any:
        past, keep = memory.hold(f"{layer.name}_past", zeros(span, inputs.shape[-1]))
        reached = tf.concat([past, inputs], axis=1)
        keep(reached[:, 1:])
        return keras_call(reached)

    return call
