"""Windows of pictures and of volumes, taken by copies, and put back, for any batch.

Keras takes patches by a convolution with ones on its diagonal, and asks for the batch's size where
it folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.axes import channels_first, channels_last, per_axis
from littoral_converters.graphs.windows import windows
from littoral_converters.lowering import Plan

Pair = int | Sequence[int]


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    del plan
    return {
        "backend.tensorflow.nn.fold": _fold,
        "backend.tensorflow.nn.unfold": _unfold,
        "ops.image._extract_patches_2d": partial(_patches, 2),
        "ops.image._extract_patches_3d": partial(_patches, 3),
    }


def _patches(
    rank: int,
    original: Callable[..., Any],
    images: Any,
    size: Pair,
    strides: Pair | None = None,
    dilation_rate: Pair = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    images = tf.convert_to_tensor(images)
    first, single = channels_first(data_format), len(images.shape) == rank + 1
    grid = images[None] if single else images
    grid = channels_last(grid) if first else grid
    if None in grid.shape[1:]:
        return original(images, size, strides, dilation_rate, padding, data_format)
    window, steps, rates = (per_axis(each, rank) for each in (size, strides or size, dilation_rate))
    taken = windows(grid, window, steps, rates, padding.upper())
    taken = channels_last(taken, back=True) if first else taken
    return taken[0] if single else taken


def _unfold(
    original: Callable[..., Any],
    images: Any,
    kernel_size: Pair,
    dilation: Pair = 1,
    padding: Pair = 0,
    stride: Pair = 1,
) -> Any:
    """Windows (batch, channels * pixels, places) of pictures (batch, channels, height, width)."""
    del original
    images = tf.convert_to_tensor(images)
    window, rates, around, steps = _pairs(kernel_size, dilation, padding, stride)
    edges = [[0, 0], [0, 0], *([size, size] for size in around)]
    taken = windows(channels_last(tf.pad(images, edges)), window, steps, rates, "VALID")
    places, pixels = taken.shape[1] * taken.shape[2], window[0] * window[1]
    channels = images.shape[1]
    rows = tf.reshape(taken, [-1, places, pixels, channels])
    return tf.reshape(tf.transpose(rows, [0, 3, 2, 1]), [-1, channels * pixels, places])


def _fold(
    original: Callable[..., Any],
    x: Any,
    output_size: Pair,
    kernel_size: Pair,
    dilation: Pair = 1,
    padding: Pair = 0,
    stride: Pair = 1,
) -> Any:
    """The sums of windows (batch, channels * pixels, places) where they were taken from."""
    del original
    x = tf.convert_to_tensor(x)
    size, window = _pairs(output_size, kernel_size)
    rates, around, steps = _pairs(dilation, padding, stride)
    whole = [length + 2 * edge for length, edge in zip(size, around, strict=True)]
    reach = [rate * (length - 1) for rate, length in zip(rates, window, strict=True)]
    counts = [(whole[at] - reach[at] - 1) // steps[at] + 1 for at in (0, 1)]
    channels = x.shape[1] // (window[0] * window[1])
    pixels = tf.unstack(tf.reshape(x, [-1, channels, window[0] * window[1], *counts]), axis=2)
    total: Any = 0.0
    for number, pixel in enumerate(pixels):
        first = [at * rate for at, rate in zip(divmod(number, window[1]), rates, strict=True)]
        for axis, (start, step, length) in enumerate(zip(first, steps, whole, strict=True), 2):
            pixel = _placed(pixel, axis, start, step, length)
        total = total + pixel
    top, left = around
    return total[:, :, top : top + size[0], left : left + size[1]]


def _placed(x: Any, axis: int, start: int, step: int, length: int) -> Any:
    """Values of an axis of pictures every `step` places from `start` on, zeros between them."""
    shape = [-1, *x.shape[1:]]
    shape[axis] *= step
    between = [[0, 0] for _ in range(5)]
    between[axis + 1][1] = step - 1
    spread = tf.reshape(tf.pad(tf.expand_dims(x, axis + 1), between), shape)
    kept = min(shape[axis], length - start)
    beside = [[0, 0] for _ in range(4)]
    beside[axis] = [start, length - start - kept]
    return tf.pad(spread[:, :, :kept] if axis == 2 else spread[..., :kept], beside)


def _pairs(*values: Pair) -> list[tuple[int, ...]]:
    return [per_axis(value, 2) for value in values]
