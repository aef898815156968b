"""Convolutions that the formats have no operator for.

- Channels first: TFLite's kernels are channels last only, so the axes are exchanged around them.
- Groups: Keras compiles them through XLA, which neither converter reads. ONNX's Conv has groups of
  its own, TFLite's two-dimensional one too; in three dimensions each group is a convolution.
- Volumes: XNNPACK has no kernel for them, nor TFLite one for dilated ones. Pictures that lie one
  behind the other under the window become channels of one.
- Dilated: TensorFlow takes the inputs apart around them, which the converters see through only
  where no other convolution takes the same parts, and the size is known.
- Dilated and transposed, or dilated volumes of open size: zeros between the weights say the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import channels_first, channels_last, per_axis
from littoral_converters.graphs.windows import fitted, windows_along
from littoral_converters.lowering import Plan
from littoral_converters.lowering._onnx_operator import operator


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {
        "backend.tensorflow.nn.conv": partial(_conv, plan.format),
        "backend.tensorflow.nn.depthwise_conv": partial(_depthwise, plan.format),
        "backend.tensorflow.nn.separable_conv": _separable,
        "backend.tensorflow.nn.conv_transpose": partial(_conv_transpose, plan.format),
    }


def _conv(
    format_name: str,
    original: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    inputs, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
    rank = len(inputs.shape) - 2
    first = channels_first(data_format)
    groups = inputs.shape[1 if first else -1] // kernel.shape[-2]
    options = (per_axis(strides, rank), padding, per_axis(dilation_rate, rank))
    is_parted = max(options[2]) > 1 and (first or None in inputs.shape[1:-1])
    if format_name == "onnx" and (groups > 1 or is_parted):
        return _operator(inputs, kernel, groups, options, first)
    if groups == 1 and format_name == "onnx" and not (first and rank == 3):
        return original(inputs, kernel, strides, padding, data_format, dilation_rate)
    with_channels_last = channels_last(inputs) if first else inputs
    is_flat = format_name == "tflite" and rank == 3 and None not in with_channels_last.shape[1:]
    outputs = _grouped(with_channels_last, kernel, groups, options, is_flat)
    return channels_last(outputs, back=True) if first else outputs


def _depthwise(
    format_name: str,
    original: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    inputs, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
    rank = len(inputs.shape) - 2
    options = (per_axis(strides, rank), padding, per_axis(dilation_rate, rank))
    if max(options[2]) == 1 or max(options[0]) > 1:
        return original(inputs, kernel, strides, padding, data_format, dilation_rate)
    first, (*window, channels, filters) = channels_first(data_format), kernel.shape
    if format_name == "onnx":
        in_groups = tf.reshape(kernel, [*window, 1, channels * filters])
        return _operator(inputs, in_groups, channels, options, first)
    with_channels_last = channels_last(inputs) if first else inputs
    outputs = _of_a_picture(with_channels_last, kernel, options, tf.raw_ops.DepthwiseConv2dNative)
    return channels_last(outputs, back=True) if first else outputs


def _separable(
    original: Callable[..., Any],
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    options = (strides, padding, data_format, dilation_rate)
    if max(per_axis(dilation_rate, 1)) == 1 or max(per_axis(strides, 1)) > 1:
        return original(inputs, depthwise_kernel, pointwise_kernel, *options)
    of_channels = keras.ops.depthwise_conv(inputs, depthwise_kernel, *options)
    return keras.ops.conv(of_channels, pointwise_kernel, 1, "valid", data_format)


def _grouped(inputs: Any, kernel: Any, groups: int, options: tuple[Any, ...], is_flat: bool) -> Any:
    """A channels last convolution in operators of TensorFlow's own; of volumes as of pictures."""
    strides, padding, dilations = options
    if len(inputs.shape) == 5 and not is_flat:
        kernel, dilations = _dilated(kernel, dilations), 1

    def convolve(x: Any, weights: Any) -> Any:
        if is_flat:
            return _of_pictures(x, weights, options)
        if len(x.shape) == 5:
            return tf.nn.convolution(x, weights, strides, padding.upper(), dilations=dilations)
        return _of_a_picture(x, weights, options)

    if groups == 1 or len(inputs.shape) < 5:
        return convolve(inputs, kernel)
    pairs = zip(tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([convolve(x, weights) for x, weights in pairs], -1)


def _of_a_picture(
    x: Any,
    kernel: Any,
    options: tuple[Any, ...],
    write: Callable[..., Any] = tf.raw_ops.Conv2D,
) -> Any:
    """A convolution of pictures, or of sequences as pictures of one row, as the one operator.

    TensorFlow's own functions take the inputs of a dilated one apart.
    """
    strides, padding, dilations = options
    if len(x.shape) == 3:
        row, weights = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
        of_row = ([1, *strides], padding, [1, *dilations])
        return tf.squeeze(_of_a_picture(row, weights, of_row, write), 1)
    return write(
        input=x,
        filter=kernel,
        strides=[1, *strides, 1],
        padding=padding.upper(),
        dilations=[1, *dilations, 1],
    )


def _of_pictures(volumes: Any, kernel: Any, options: tuple[Any, ...]) -> Any:
    """A convolution of volumes of known size, as one of pictures with more channels."""
    (step, *steps), padding, (rate, *rates) = options
    window, *size, channels, results = kernel.shape
    seen = windows_along(volumes, 1, window, step, rate, padding.upper())
    pictures = tf.reshape(seen, [-1, *seen.shape[2:]])
    flat = tf.reshape(tf.transpose(kernel, [1, 2, 0, 3, 4]), [*size, window * channels, results])
    found = tf.nn.conv2d(pictures, flat, steps, padding.upper(), dilations=rates)
    return tf.reshape(found, [-1, seen.shape[1], *found.shape[1:]])


def _operator(inputs: Any, kernel: Any, groups: int, options: tuple[Any, ...], first: bool) -> Any:
    """ONNX's Conv: channels first, kernels as (filters, channels of a group, *window)."""
    strides, padding, dilations = options
    rank = len(strides)
    moved = inputs if first else channels_last(inputs, back=True)
    weights = tf.transpose(kernel, [rank + 1, rank, *range(rank)])
    window = [(size - 1) * d + 1 for size, d in zip(kernel.shape[:rank], dilations, strict=True)]
    pads: list[tuple[int, int]] = []
    sizes: list[int | None] = []
    for size, taken, step in zip(moved.shape[2:], window, strides, strict=True):
        if size is None and padding == "same" and step == 1:
            pads.append(((taken - 1) // 2, taken - 1 - (taken - 1) // 2))
            sizes.append(None)
            continue
        if size is None:
            pads, sizes = [], [None] * rank
            break
        length, missing = fitted(size, taken, step, padding == "same")
        pads.append((missing // 2, missing - missing // 2))
        sizes.append(length)
    attributes: dict[str, Any] = {
        "group": groups,
        "kernel_shape": list(kernel.shape[:rank]),
        "strides": list(strides),
        "dilations": list(dilations),
    }
    if pads:
        attributes["pads"] = [*(low for low, _ in pads), *(high for _, high in pads)]
    else:
        attributes["auto_pad"] = "SAME_UPPER" if padding == "same" else "VALID"
    shape = [moved.shape[0], kernel.shape[-1], *sizes]
    (outputs,) = operator("Conv", [moved, weights], [(inputs.dtype, shape)], attributes)
    return outputs if first else channels_last(outputs)


def _conv_transpose(
    format_name: str,
    original: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    inputs, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
    rank = len(inputs.shape) - 2
    first = channels_first(data_format)
    kernel = _dilated(kernel, per_axis(dilation_rate, rank))
    if format_name == "onnx":
        steps = per_axis(strides, rank)
        missing, output_padding = _to_the_end(kernel.shape[:rank], steps, padding, output_padding)
        kernel = tf.pad(kernel, [*([0, count] for count in missing), [0, 0], [0, 0]])
    outputs = original(
        channels_last(inputs) if first else inputs,
        kernel,
        strides,
        padding,
        output_padding,
        "channels_last",
        1,
    )
    return channels_last(outputs, back=True) if first else outputs


def _to_the_end(
    sizes: Sequence[int], steps: Sequence[int], padding: str, beyond: Any
) -> tuple[list[int], Any]:
    """Zeros for the end of a kernel, so that the last window ends where Keras's outputs do.

    ONNX's outputs end with the last window.

    Args:
        sizes: Of the kernel.
        steps: By axis.
        padding: ``"valid"`` or ``"same"``.
        beyond: Keras's ``output_padding``.

    Returns:
        How many zeros by axis, and the ``output_padding`` that keeps the outputs' size with them.
    """
    if beyond is None:
        return [max(0, step - size) for step, size in zip(steps, sizes, strict=True)], None

    def trimmed(size: int) -> int:
        return 2 * (size // 2) if padding == "same" else 0

    each = list(zip(sizes, per_axis(beyond, len(sizes)), strict=True))
    missing = [max(0, more - trimmed(size)) for size, more in each]
    rest = [
        more - trimmed(size) + trimmed(size + zeros) - zeros
        for (size, more), zeros in zip(each, missing, strict=True)
    ]
    return missing, tuple(rest)


def _dilated(kernel: Any, dilations: Sequence[int]) -> Any:
    """The kernel with ``dilation - 1`` zeros between its weights along each axis."""
    for axis, step in enumerate(dilations):
        if step > 1:
            slices = tf.unstack(kernel, axis=axis)
            zeros = [tf.zeros_like(slices[0])] * (step - 1)
            apart = itertools.chain(*([weights, *zeros] for weights in slices))
            kernel = tf.stack(list(apart)[: 1 - step], axis=axis)
    return kernel
