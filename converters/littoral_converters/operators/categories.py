"""Categories as rows of zeros with a single one, for ONNX.

A category that there is not has a row of zeros: ONNX's OneHot counts one below 0 from the end, and
what tf2onnx writes in its place for other types and axes is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"OneHot": _one_hot} if format_name == "onnx" else {}


def _one_hot(operation: Any, inputs: Sequence[Any]) -> Any:
    indices, depth, on, off = inputs
    rank, count = indices.shape.rank, tf.get_static_value(depth)
    if rank is None or count is None:
        raise NotImplementedError
    if indices.dtype not in (tf.int32, tf.int64):
        indices = tf.cast(indices, tf.int32)
    axis = operation.get_attr("axis") % (rank + 1)
    categories = tf.reshape(tf.range(int(count), dtype=indices.dtype), [-1, *[1] * (rank - axis)])
    found = tf.equal(tf.expand_dims(indices, axis), categories)
    if tf.get_static_value(on) == 1 and tf.get_static_value(off) == 0:
        return tf.cast(found, on.dtype)
    return tf.where(found, on, off)
