"""Transposed convolutions whose outputs reach beyond their last window, for ONNX.

There the outputs end with the last window; TensorFlow's end where they are told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    names = ("Conv2DBackpropInput", "Conv3DBackpropInputV2")
    return dict.fromkeys(names, _to_the_end) if format_name == "onnx" else {}


def _to_the_end(operation: Any, inputs: Sequence[Any]) -> Any:
    """A kernel with zeros at its end, so that the last window reaches as far as the outputs."""
    shape, kernel, images = inputs
    strides, dilations = operation.get_attr("strides"), operation.get_attr("dilations")
    padding = operation.get_attr("padding").decode()
    is_last = operation.get_attr("data_format").endswith(b"C")
    within = [*operation.outputs[0].shape[1:-1], *images.shape[1:-1], *kernel.shape[:-2]]
    if None in within or not is_last or max(dilations) > 1 or padding == "EXPLICIT":
        raise NotImplementedError
    each = zip(
        operation.outputs[0].shape[1:-1],
        images.shape[1:-1],
        kernel.shape[:-2],
        strides[1:-1],
        strict=True,
    )
    missing = [max(0, size - (count - 1) * step - window) for size, count, window, step in each]
    if not any(missing):
        raise NotImplementedError
    kernel = tf.pad(kernel, [*([0, count] for count in missing), [0, 0], [0, 0]])
    return tf.nn.conv_transpose(images, kernel, shape, strides, padding)
