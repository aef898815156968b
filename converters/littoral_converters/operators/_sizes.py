"""Sizes that a graph reads off tensors whose shape it knows in part, as the numbers that they are.

`tf.shape(x)[1]` is a number where only the batch of x is open. TensorFlow computes it all the same,
and what is computed from it, such as the length of a transform, would count as open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.operators.slices import cuts


def reads_known(operation: Any) -> bool:
    """Whether an operation reads sizes off a shape, all of which are known."""
    return operation.type == "StridedSlice" and _sizes(operation) is not None


def told(operation: Any, inputs: Sequence[Any]) -> Any:
    """The sizes that `reads_known` found."""
    del inputs
    return tf.constant(_sizes(operation), operation.outputs[0].dtype)


def _sizes(operation: Any) -> Any | None:
    maker = operation.inputs[0].op
    if maker.type != "Shape" or maker.inputs[0].shape.rank is None:
        return None
    if operation.get_attr("new_axis_mask"):
        return None
    try:
        taken = cuts(operation, 1).get(0, slice(None))
    except NotImplementedError:
        return None
    sizes = list(maker.inputs[0].shape)[taken]
    if None in sizes:
        return None
    return np.reshape(sizes, [] if operation.get_attr("shrink_axis_mask") else [-1])
