"""Operators that TFLite has, but XNNPACK has no kernel for, in those that it has one for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute

_SELU_SCALE, _SELU_SLOPE = 1.0507009873554805, 1.6732632423543772
"""Of all values, and of what is below 0 besides, as in TensorFlow."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What is slow; see `littoral_converters.operators`."""
    return {"BroadcastTo": _spread, "Selu": _selu} if format_name == "tflite" else {}


def _selu(operation: Any, inputs: Sequence[Any]) -> Any:
    """TensorFlow's converter chooses between two branches: 2.5 times as long."""
    del operation
    return _SELU_SCALE * tf.nn.leaky_relu(tf.nn.elu(inputs[0]), _SELU_SLOPE)


def _spread(operation: Any, inputs: Sequence[Any]) -> Any:
    """Products with ones, which spread alike: 64 rows of 32 values took 20 times as long."""
    x, whole = inputs[0], operation.outputs[0].shape
    if x.dtype != tf.float32 or x.shape.rank is None or not whole.rank:
        raise NotImplementedError
    given = [1] * (whole.rank - x.shape.rank) + x.shape.as_list()
    if None in (*given[1:], *whole[1:]) or (whole[0] is None and given[0] is not None):
        raise NotImplementedError
    ones = [1 if old == new else new for old, new in zip(given, whole, strict=True)]
    return x * tf.ones(ones)
