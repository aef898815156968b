"""Shapes of the graph: for ONNX in operators that it has, for TFLite said where it would guess."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"BroadcastArgs": _common} if format_name == "onnx" else {"Reshape": _measured}


def _measured(operation: Any, inputs: Sequence[Any]) -> Any:
    """An open axis behind others made part of other axes, its length said and not left to be told.

    TFLite's converter moves transposes over such a reshape, and then takes the length for -1.
    """
    shapes = inputs[0].shape, operation.outputs[0].shape
    if any(shape.rank is None for shape in shapes):
        raise NotImplementedError
    before, after = map(list, shapes)
    if before.count(None) != 1 or after.count(None) != 1:
        raise NotImplementedError
    places = before.index(None), after.index(None)
    leading = math.prod((*before[: places[0]], *after[: places[1]]))
    known, wanted = (math.prod(size for size in shape if size) for shape in (before, after))
    if not any(places) or (leading == 1 and known == wanted) or 0 in (*before, *after):
        raise NotImplementedError
    length = tf.shape(inputs[0])[places[0]]
    after[places[1]] = length if known == wanted else length * known // wanted
    return tf.reshape(inputs[0], after)


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
