"""Shapes that are computed in the graph, for ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"BroadcastArgs": _common} if format_name == "onnx" else {}


def _common(operation: Any, inputs: Sequence[Any]) -> Any:
    """The shape that tensors of two shapes have together: the size that is not 1, if any."""
    del operation
    counts = [shape.shape.num_elements() for shape in inputs]
    if None in counts:
        raise NotImplementedError
    one, other = (
        tf.concat([tf.ones([max(counts) - count], shape.dtype), shape], 0)
        for shape, count in zip(inputs, counts, strict=True)
    )
    return tf.where(tf.equal(one, 1), other, one)
