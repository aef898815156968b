"""Pooling of volumes, which TFLite does not have, and of a whole axis into one piece.

The largest of a box is the largest of its slices' largest, and its mean the mean of its slices'
means, also at a border with padding, where every slice of the box loses the same places: so a
pooling of volumes is two poolings of images, and a pooling to a given size goes axis by axis.

Keras pools to a given size with two windows, one of which is a step wider than the pieces: than the
axis too where a piece is the whole of it, which TensorFlow does not trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.axes import channels_first, channels_last, per_axis, sizes
from littoral_converters.lowering import Plan


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    has_volumes = plan.format != "tflite"
    adaptive = {
        "backend.tensorflow.nn.adaptive_max_pool": partial(_adaptive, tf.reduce_max, has_volumes),
        "backend.tensorflow.nn.adaptive_average_pool": partial(
            _adaptive, tf.reduce_mean, has_volumes
        ),
    }
    if has_volumes:
        return adaptive
    return {
        **adaptive,
        "backend.tensorflow.nn.max_pool": partial(_pool, tf.nn.max_pool2d),
        "backend.tensorflow.nn.average_pool": partial(_pool, tf.nn.avg_pool2d),
    }


def _pool(
    pool_images: Callable[..., Any],
    original: Callable[..., Any],
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    inputs = tf.convert_to_tensor(inputs)
    if len(inputs.shape) != 5:
        return original(inputs, pool_size, strides, padding, data_format)
    window = per_axis(pool_size, 3)
    step = window if strides is None else per_axis(strides, 3)
    first = channels_first(data_format)
    volumes = channels_last(inputs) if first else inputs
    outputs = _pool_volumes(pool_images, volumes, window, step, padding.upper())
    return channels_last(outputs, back=True) if first else outputs


def _pool_volumes(
    pool_images: Callable[..., Any], volumes: Any, window: Any, step: Any, padding: str
) -> Any:
    _, depth, height, width, channels = sizes(volumes)
    slices = tf.reshape(volumes, [-1, height, width, channels])
    slices = pool_images(slices, window[1:], step[1:], padding)
    _, height, width, _ = sizes(slices)
    columns = tf.reshape(slices, [-1, depth, height * width, channels])
    columns = pool_images(columns, (window[0], 1), (step[0], 1), padding)
    depth = sizes(columns)[1]
    return tf.reshape(columns, [sizes(volumes)[0], depth, height, width, channels])


def _adaptive(
    reduce: Callable[..., Any],
    has_volumes: bool,
    original: Callable[..., Any],
    inputs: Any,
    output_size: int | Sequence[int],
    data_format: str | None = None,
) -> Any:
    inputs = tf.convert_to_tensor(inputs)
    first_axis, axes = 2 if channels_first(data_format) else 1, len(inputs.shape) - 2
    inner, counts = inputs.shape[first_axis : first_axis + axes], per_axis(output_size, axes)
    is_written_out = None not in inner and (
        (axes == 3 and not has_volumes) or any(map(_is_whole, inner, counts))
    )
    if not is_written_out:
        return original(inputs, output_size, data_format)
    for axis, wanted in enumerate(counts, first_axis):
        inputs = _adapt(reduce, inputs, axis, wanted)
    return inputs


def _is_whole(size: int, count: int) -> bool:
    """Whether pieces of an axis are as long as the axis."""
    return -(-size // count) >= size


def _adapt(reduce: Callable[..., Any], inputs: Any, axis: int, wanted: int) -> Any:
    """Pool one axis to a size: piece i goes from floor(i n / size) to ceil((i + 1) n / size)."""
    size = inputs.shape[axis]
    borders = [(at * size // wanted, -(-(at + 1) * size // wanted)) for at in range(wanted)]
    before = (slice(None),) * axis
    pieces = [
        reduce(inputs[(*before, slice(start, end))], axis=axis, keepdims=True)
        for start, end in borders
    ]
    return pieces[0] if wanted == 1 else tf.concat(pieces, axis)
