"""The signature of a SavedModel, replayed operation by operation.

A SavedModel was traced for any batch, with loops and functions inside that neither converter reads.
Replayed on the shapes of this trace, sizes become numbers, functions are inlined and loops of a
known length written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.replay import Replay, StandIn
from littoral_converters.lowering import Plan
from littoral_converters.sources.served import Served

_AXES = {b"NHWC": "channels_last", b"NDHWC": "channels_last"}
_PADDING = {b"SAME": "same", b"VALID": "valid"}


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for the call of a `Served`; see `littoral_converters.lowering`."""
    del plan
    return {"call": partial(_call, layer)} if isinstance(layer, Served) else {}


def _call(layer: Served, inputs: Sequence[Any]) -> dict[str, Any]:
    feeds = [tf.convert_to_tensor(tensor) for tensor in inputs]
    results = Replay(layer.frozen.graph, STAND_INS).run(
        layer.frozen.inputs, feeds, layer.frozen.outputs
    )
    return dict(zip(layer.output_names, results, strict=True))


def _convolve(operation: Any, inputs: list[Any]) -> Any:
    strides, dilations = operation.get_attr("strides"), operation.get_attr("dilations")
    return keras.ops.conv(
        *inputs,
        tuple(strides[1:-1]),
        _PADDING[operation.get_attr("padding")],
        _AXES[operation.get_attr("data_format")],
        tuple(dilations[1:-1]),
    )


def _pool(pool: Callable[..., Any], operation: Any, inputs: list[Any]) -> Any:
    window, strides = operation.get_attr("ksize"), operation.get_attr("strides")
    return pool(
        *inputs,
        tuple(window[1:-1]),
        tuple(strides[1:-1]),
        _PADDING[operation.get_attr("padding")],
        _AXES[operation.get_attr("data_format")],
    )


STAND_INS: dict[str, StandIn] = {
    "Conv2D": _convolve,
    "Conv3D": _convolve,
    "MaxPool3D": partial(_pool, keras.ops.max_pool),
    "AvgPool3D": partial(_pool, keras.ops.average_pool),
}
"""Operators that go through Keras's functions, which lowerings stand in for, by TensorFlow name.

A stand-in raises KeyError for options that Keras's function does not have."""
