"""Depthwise convolutions that XNNPACK has no kernel for, for TFLite.

It has those of one filter a channel with up to 25 weights. All others it computes as if each
channel were a group of its own: on x86, at 16x16 pixels of 32 channels, 5x5 takes 14 us, 7x7 then
172 and, in int8, 1236; 3x3 with two filters a channel takes 39, and 298 in int8. So a large window
is a sum of smaller ones, and several filters a channel are several convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.axes import open_shape, sizes
from littoral_converters.operators import Substitute
from littoral_converters.operators.slices import interleaved

MOST_WEIGHTS = 25
"""Weights of a filter up to which there is a kernel."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"DepthwiseConv2dNative": _in_kernels} if format_name == "tflite" else {}


def _in_kernels(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pictures (batch, height, width, channels) through (rows, columns, channels, filters)."""
    images, kernel = inputs
    rows, columns, channels, filters = kernel.shape
    is_last = operation.get_attr("data_format") == b"NHWC"
    if None in (rows, columns, channels, filters) or not is_last:
        raise NotImplementedError
    is_large = rows * columns > MOST_WEIGHTS
    # Of one channel it is a convolution like any other.
    if channels == 1 or (filters == 1 and not is_large):
        raise NotImplementedError
    compute = _in_pieces if is_large else _whole
    outputs = [compute(operation, images, kernel[..., at : at + 1]) for at in range(filters)]
    return outputs[0] if filters == 1 else _side_by_side(outputs)


def _side_by_side(outputs: Sequence[Any]) -> Any:
    """The filters of each channel together: (..., channels) each -> (..., channels * filters)."""
    *outer, channels = sizes(outputs[0])
    return tf.reshape(interleaved(outputs), open_shape([*outer, channels * len(outputs)]))


def _whole(operation: Any, images: Any, kernel: Any) -> Any:
    padding = operation.get_attr("padding").decode()
    if padding == "EXPLICIT":
        images, padding = tf.pad(images, _padding(operation, images, kernel.shape[:2])), "VALID"
    strides, dilations = operation.get_attr("strides"), operation.get_attr("dilations")
    return _one(images, kernel, strides, padding, dilations)


def _one(images: Any, kernel: Any, strides: Any, padding: str, dilations: Any) -> Any:
    """The operator itself: TensorFlow's function takes the inputs of a dilated one apart."""
    return tf.raw_ops.DepthwiseConv2dNative(
        input=images, filter=kernel, strides=strides, padding=padding, dilations=dilations
    )


def _in_pieces(operation: Any, images: Any, kernel: Any) -> Any:
    """The sum over pieces of the window."""
    rows, columns = kernel.shape[:2]
    strides, dilations = operation.get_attr("strides"), operation.get_attr("dilations")
    padded = tf.pad(images, _padding(operation, images, (rows, columns)))
    total: Any = None
    for top, height in _split(rows, max(1, MOST_WEIGHTS // columns)):
        for left, width in _split(columns, MOST_WEIGHTS):
            seen = padded[
                :,
                _seen(top, height, rows, dilations[1]),
                _seen(left, width, columns, dilations[2]),
            ]
            piece = kernel[top : top + height, left : left + width]
            output = _one(seen, piece, strides, "VALID", dilations)
            total = output if total is None else total + output
    return total


def _padding(operation: Any, images: Any, window: Sequence[int]) -> list[list[int]]:
    """Zeros around the pictures, (axis, side)."""
    padding = operation.get_attr("padding")
    if padding == b"EXPLICIT":
        flat = operation.get_attr("explicit_paddings")
        return [list(flat[at : at + 2]) for at in range(0, len(flat), 2)]
    around = [[0, 0] for _ in range(4)]
    for axis, count in enumerate(window, 1):
        reach = (count - 1) * operation.get_attr("dilations")[axis]
        stride, size = operation.get_attr("strides")[axis], images.shape[axis]
        if padding == b"VALID":
            continue
        if stride > 1 and size is None:
            raise NotImplementedError
        steps_back = 0 if stride == 1 else size - 1 - (-(-size // stride) - 1) * stride
        missing = max(reach - steps_back, 0)
        around[axis] = [missing // 2, missing - missing // 2]
    return around


def _split(count: int, most: int) -> list[tuple[int, int]]:
    """Pieces, each from where and how long; what is left over is small and fast."""
    return [(start, min(most, count - start)) for start in range(0, count, most)]


def _seen(start: int, count: int, whole: int, dilation: int) -> slice:
    """What of a padded axis a piece of the window sees."""
    behind = (whole - start - count) * dilation
    return slice(start * dilation, -behind if behind else None)
