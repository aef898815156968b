"""Pooling of volumes, which TFLite does not have.

The largest of a box is the largest of its slices' largest, and its mean the mean of its slices'
means, also at a border with padding, where every slice of the box loses the same places: so a
pooling of volumes is two poolings of images, and a pooling to a given size goes axis by axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._axes import channels_first, channels_last, per_axis, sizes


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """None: poolings are lowered where layers and `keras.ops` meet, in `functions`."""
    del layer, plan
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    if plan.format != "tflite":
        return {}
    return {
        "backend.tensorflow.nn.max_pool": partial(_pool, tf.nn.max_pool2d),
        "backend.tensorflow.nn.average_pool": partial(_pool, tf.nn.avg_pool2d),
        "backend.tensorflow.nn.adaptive_max_pool": partial(_adaptive, tf.reduce_max),
        "backend.tensorflow.nn.adaptive_average_pool": partial(_adaptive, tf.reduce_mean),
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
    original: Callable[..., Any],
    inputs: Any,
    output_size: int | Sequence[int],
    data_format: str | None = None,
) -> Any:
    inputs = tf.convert_to_tensor(inputs)
    first_axis = 2 if channels_first(data_format) else 1
    if len(inputs.shape) != 5 or None in inputs.shape[first_axis : first_axis + 3]:
        return original(inputs, output_size, data_format)
    for axis, wanted in enumerate(per_axis(output_size, 3), first_axis):
        inputs = _adapt(reduce, inputs, axis, wanted)
    return inputs


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
