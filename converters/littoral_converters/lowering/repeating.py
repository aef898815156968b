"""Values repeated along an axis, for TFLite, as an upsampling to the nearest repeats them.

XNNPACK has no kernel for TILE, and what runs between two of its parts is slow twice. Copies side by
side along the next axis are in the same order once both axes are read as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.axes import MOST_JOINED
from littoral_converters.lowering import Plan


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {"backend.tensorflow.numpy.repeat": _repeat} if plan.format == "tflite" else {}


def _repeat(original: Callable[..., Any], x: Any, repeats: Any, axis: int | None = None) -> Any:
    x = tf.convert_to_tensor(x)
    if axis is None or not isinstance(repeats, int) or x.shape.rank is None:
        return original(x, repeats, axis)
    axis = axis % x.shape.rank
    if not can_repeat(x, repeats, axis):
        return original(x, repeats, axis)
    return repeated(x, repeats, axis)


def can_repeat(tensor: Any, times: int, axis: int) -> bool:
    """Whether `repeated` takes these."""
    shape = tensor.shape.as_list()
    is_inside = axis < len(shape) - 1 and shape[axis + 1] is not None
    return (
        tensor.dtype == tf.float32
        and 0 < times <= MOST_JOINED
        and is_inside
        and shape.count(None) < 2
    )


def repeated(tensor: Any, times: int, axis: int) -> Any:
    """Each value so many times in a row.

    Args:
        tensor: float32, at most one size of it unknown.
        times: From 1 to `MOST_JOINED`.
        axis: Not the last one.

    Returns:
        The tensor, `times` as long along the axis.
    """
    shape = tensor.shape.as_list()
    shape[axis] = None if shape[axis] is None else shape[axis] * times
    copies = tf.concat([tensor] * times, axis + 1)
    return tf.reshape(copies, [-1 if size is None else size for size in shape])
