"""Gradients that a layer takes in its call: what backpropagation calls, in plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import tensor_util

from littoral_converters.graphs.axes import open_shape
from littoral_converters.graphs.replay import execute
from littoral_converters.operators import Substitute
from littoral_converters.operators._known import known
from littoral_converters.operators.slices import cuts

_SELU_SCALE, _SELU_EDGE = 1.0507009873554805, 1.7580993408473766
"""SELU's slope above 0 and its limit below, as in TensorFlow."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    del format_name
    return {
        **{name: _times(slope, at=0) for name, slope in _BY_OUTPUT.items()},
        **{name: _times(slope, at=1) for name, slope in _BY_OTHER.items()},
        "BiasAddGrad": _bias,
        "BroadcastGradientArgs": _summed_axes,
        "ConcatOffset": _offsets,
        "DynamicStitch": _stitched,
        "InvertPermutation": _inverse_order,
        "LeakyReluGrad": _leaky_relu,
        "ShapeN": _shapes,
        "StridedSliceGrad": _slice,
    }


def _times(slope: Callable[[Any], Any], at: int) -> Substitute:
    """What comes from behind, times a slope of the operator's other input, which is number `at`."""

    def build(operation: Any, inputs: Sequence[Any]) -> Any:
        del operation
        return inputs[1 - at] * slope(inputs[at])

    return build


def _where(condition: Any) -> Any:
    """1 where a condition holds, 0 elsewhere."""
    return tf.cast(condition, tf.float32)


def _leaky_relu(operation: Any, inputs: Sequence[Any]) -> Any:
    gradient, x = inputs
    below = operation.get_attr("alpha")
    return gradient * (below + (1 - below) * _where(x > 0))


def _bias(operation: Any, inputs: Sequence[Any]) -> Any:
    (gradient,) = inputs
    if operation.get_attr("data_format") != b"NHWC":
        raise NotImplementedError
    return tf.reduce_sum(gradient, list(range(len(gradient.shape) - 1)))


def _inverse_order(operation: Any, inputs: Sequence[Any]) -> Any:
    del inputs
    order = _settled(operation.inputs[0])
    if order is None:
        raise NotImplementedError
    return tf.constant(np.argsort(order), operation.outputs[0].dtype)


def _offsets(operation: Any, inputs: Sequence[Any]) -> Any:
    """Where each of several tensors of these shapes begins once they are put in a row."""
    del inputs
    axis, *shapes = operation.inputs
    along = known(axis)
    sizes = [] if along is None else [_shape(shape)[int(along)] for shape in shapes]
    known_sizes = [size for size in sizes[:-1] if size is not None]
    if along is None or len(known_sizes) < len(shapes) - 1:
        raise NotImplementedError
    places = np.zeros((len(shapes), shapes[0].shape[0]), np.int64)
    places[1:, int(along)] = np.cumsum(known_sizes)
    return [tf.constant(place, operation.outputs[0].dtype) for place in places]


def _shapes(operation: Any, inputs: Sequence[Any]) -> Any:
    return [tf.shape(x, operation.outputs[0].dtype) for x in inputs]


def _summed_axes(operation: Any, inputs: Sequence[Any]) -> Any:
    """Axes along which an operation on two shapes repeated each."""
    del inputs
    return [tf.constant(axes, operation.outputs[0].dtype) for axes in _repeated(operation)]


def _repeated(operation: Any) -> list[list[int]]:
    """The axes of a BroadcastGradientArgs; open sizes are taken to be the same."""
    shapes = [_shape(tensor) for tensor in operation.inputs]
    rank = max(map(len, shapes))
    whole = [[*[1] * (rank - len(shape)), *shape] for shape in shapes]
    return [[axis for axis, size in enumerate(shape) if size == 1] for shape in whole]


def _settled(tensor: Any) -> Any | None:
    """A tensor's value where shapes and constants decide it, though sizes be open."""
    value, operation = known(tensor), tensor.op
    if value is not None:
        return value
    if operation.type == "BroadcastGradientArgs":
        return np.array(_repeated(operation)[tensor.value_index], tensor.dtype.as_numpy_dtype)
    values = [_settled(each) for each in operation.inputs] or [None]
    if any(value is None for value in values):
        return None
    with tf.Graph().as_default() as graph:
        results = execute(operation, [tf.constant(value) for value in values])
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(results[tensor.value_index])


def _shape(tensor: Any) -> list[int | None]:
    """The shape that a tensor holds, None for an open size."""
    if tensor.op.type == "ShapeN":
        shape = tensor.op.inputs[tensor.value_index].shape
    else:
        shape = tensor_util.constant_value_as_shape(tensor)
    if shape.rank is None:
        raise NotImplementedError
    return list(shape)


def _stitched(operation: Any, inputs: Sequence[Any]) -> Any:
    """Numbers from several lists, each put where a constant says; the last one there counts."""
    count = len(inputs) // 2
    put: dict[int, Any] = {}
    for place, values in zip(operation.inputs[:count], inputs[count:], strict=True):
        places = _settled(place)
        if places is None or places.ndim != values.shape.rank:
            raise NotImplementedError
        flat = tf.reshape(values, [places.size])
        put.update({int(number): flat[at] for at, number in enumerate(np.ravel(places))})
    return tf.stack([put[number] for number in sorted(put)])


def _slice(operation: Any, inputs: Sequence[Any]) -> Any:
    """Zeros around what was cut out in steps of 1."""
    *_, gradient = inputs
    sizes = _shape(operation.inputs[0])
    around = [[0, 0] for _ in sizes]
    kept = list(sizes)
    for axis, cut in cuts(operation, len(sizes)).items():
        size = sizes[axis]
        if cut == slice(None, None, 1):
            continue
        if size is None or cut.step != 1:
            raise NotImplementedError
        start, stop, _ = cut.indices(size)
        kept[axis] = max(stop - start, 0)
        around[axis] = [start, size - start - max(stop - start, 0)]
    if kept.count(None) > 1:
        raise NotImplementedError
    whole = tf.reshape(gradient, open_shape(kept))
    return tf.pad(whole, around)


_BY_OUTPUT: dict[str, Callable[[Any], Any]] = {
    "InvGrad": lambda y: -y * y,
    "ReciprocalGrad": lambda y: -y * y,
    "RsqrtGrad": lambda y: -0.5 * y * y * y,
    "SigmoidGrad": lambda y: y * (1 - y),
    "SqrtGrad": lambda y: 0.5 / y,
    "TanhGrad": lambda y: 1 - y * y,
}

_BY_OTHER: dict[str, Callable[[Any], Any]] = {
    "EluGrad": lambda y: 1 + tf.minimum(y, 0.0),
    "Relu6Grad": lambda x: _where(tf.logical_and(x > 0, x < 6)),
    "ReluGrad": lambda x: _where(x > 0),
    "SeluGrad": lambda y: tf.where(y < 0, y + _SELU_EDGE, _SELU_SCALE),
    "SoftplusGrad": tf.sigmoid,
    "SoftsignGrad": lambda x: 1 / tf.square(1 + tf.abs(x)),
}
"""Slopes by what the operators take besides: the function's value for ELU and SELU."""
