"""Axes of one taken away where sizes are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"Squeeze": _squeeze} if format_name == "tflite" else {}


def _squeeze(operation: Any, inputs: Sequence[Any]) -> Any:
    """TFLite's converter swaps one with a transpose before it, and then refuses what it made."""
    (x,) = inputs
    left = operation.outputs[0].shape
    if left.rank is None or left.is_fully_defined():
        raise NotImplementedError
    if list(left).count(None) == 1:
        return tf.reshape(x, [-1 if size is None else size for size in left])
    gone = {axis % len(x.shape) for axis in operation.get_attr("squeeze_dims")}
    return x[tuple(0 if axis in gone else slice(None) for axis in range(len(x.shape)))]
