"""Tensors of many axes, for TFLite: neighbouring axes that an operator treats alike as one.

XNNPACK takes up to six axes and fails on more; other kernels broadcast over four and cut five. What
is left of a graph once everything else is substituted goes through here, so what the substitutes
made is folded too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import MOST_UNEVEN_AXES, open_shape, size_of, sizes
from littoral_converters.graphs.replay import execute
from littoral_converters.operators import Substitute
from littoral_converters.operators.slices import cuts

MOST_AXES = 6
"""XNNPACK's own limit."""

MOST_CUT_AXES = 5
"""Up to which LiteRT cuts and pads, and multiplies matrices."""


def has_many_axes(operation: Any) -> bool:
    """Whether an operation is near a tensor of more axes than every kernel takes."""
    near = [*operation.outputs, *operation.inputs]
    near += [tensor for each in operation.inputs for tensor in each.op.inputs]
    return any((tensor.shape.rank or 0) > MOST_UNEVEN_AXES for tensor in near)


def _elementwise(operation: Any, inputs: Sequence[Any]) -> Any:
    return _broadcast(operation.outputs[0], inputs, lambda *parts: execute(operation, [*parts])[0])


def _chosen(operation: Any, inputs: Sequence[Any]) -> Any:
    """Numbers of two tensors: where nothing folds, all of one shape, for any batch."""
    output = operation.outputs[0]
    rank = output.shape.rank or 0
    try:
        return _broadcast(output, inputs, tf.where, MOST_UNEVEN_AXES)
    except NotImplementedError:
        if rank <= MOST_UNEVEN_AXES or output.shape.is_fully_defined():
            raise
        wide = [_widened(x, rank) for x in inputs]
        shape = [_longest(column) for column in zip(*wide, strict=True)]
        whole = [tf.reshape(tf.broadcast_to(x, tf.stack(shape)), [-1]) for x in inputs]
        return tf.reshape(tf.where(*whole), open_shape(shape))


def _biased(operation: Any, inputs: Sequence[Any]) -> Any:
    if operation.get_attr("data_format") != b"NHWC":
        raise NotImplementedError
    return _broadcast(operation.outputs[0], inputs, tf.add)


def _broadcast(
    output: Any, inputs: Sequence[Any], compute: Callable[..., Any], most: int = MOST_AXES
) -> Any:
    """What is computed number by number, smaller operands repeated along axes, on up to `most`."""
    wide = [_widened(x, output.shape.rank or 0) for x in inputs]
    patterns = _patterns(wide)
    is_even = all(len(set(pattern)) == 1 for pattern in patterns)
    if len(patterns) <= (MOST_AXES if is_even else MOST_UNEVEN_AXES):
        raise NotImplementedError
    groups = _alike(patterns, output.shape)
    if len(groups) == len(patterns) or len(groups) > most:
        raise NotImplementedError
    result = compute(*(_folded(x, size, groups) for x, size in zip(inputs, wide, strict=True)))
    return tf.reshape(result, open_shape([_longest(column) for column in zip(*wide, strict=True)]))


def _widened(x: Any, rank: int) -> list[Any]:
    """Sizes with a 1 for each axis that a smaller operand lacks."""
    own = sizes(x)
    return [*[1] * (rank - len(own)), *own]


def _patterns(wide: Sequence[Sequence[Any]]) -> list[list[bool]]:
    """Of each axis, which operands are repeated along it."""
    return [[_is_one(size) for size in column] for column in zip(*wide, strict=True)]


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def _longest(lengths: Sequence[Any]) -> Any:
    """The size of an axis that some operands have, or all."""
    return next((length for length in lengths if not _is_one(length)), 1)


def _alike(patterns: Sequence[Sequence[bool]], shape: Any) -> list[list[int]]:
    """Axes that the same operands are repeated along, together; those of open size apart."""
    groups: list[list[int]] = []
    kinds: list[Any] = []
    for axis, pattern in enumerate(patterns):
        kind = (*pattern, axis if shape[axis] is None else None)
        if groups and (all(pattern) or kinds[-1] == kind):
            groups[-1].append(axis)
        else:
            groups.append([axis])
            kinds.append(kind)
    return groups


def _folded(x: Any, lengths: Sequence[Any], groups: Sequence[Sequence[int]]) -> Any:
    if not x.shape.rank:
        return x
    return tf.reshape(x, open_shape([size_of([lengths[axis] for axis in g]) for g in groups]))


def _reduced(operation: Any, inputs: Sequence[Any]) -> Any:
    """Sums and the like: neighbouring axes that go together, and that stay together."""
    x, axis = inputs[0], tf.get_static_value(inputs[1])
    rank = x.shape.rank or 0
    if axis is None or rank <= MOST_AXES:
        raise NotImplementedError
    gone = {int(each) % rank for each in np.ravel(axis)}
    groups = _alike([[at in gone, at not in gone] for at in range(rank)], [0] * rank)
    lengths = sizes(x)
    alone = [at for at, group in enumerate(groups) if group[0] in gone]
    result = execute(operation, [_folded(x, lengths, groups), tf.constant(alone)])[0]
    keeps = operation.get_attr("keep_dims")
    kept = [1 if at in gone else size for at, size in enumerate(lengths) if keeps or at not in gone]
    return tf.reshape(result, open_shape(kept))


def _multiplied(operation: Any, inputs: Sequence[Any]) -> Any:
    """Products of matrices, the axes in front of these folded."""
    rank = operation.outputs[0].shape.rank or 0
    if inputs[1].shape.rank == 2:
        return _weighted(operation, inputs)
    if rank <= MOST_CUT_AXES:
        raise NotImplementedError
    wide = [_widened(x, rank) for x in inputs]
    outer = [size[:-2] for size in wide]
    groups = _alike(_patterns(outer), operation.outputs[0].shape)
    if len(groups) + 2 > MOST_CUT_AXES:
        raise NotImplementedError
    inner = [[rank - 2], [rank - 1]]
    parts = [_folded(x, size, [*groups, *inner]) for x, size in zip(inputs, wide, strict=True)]
    result = execute(operation, parts)[0]
    lengths = [_longest(column) for column in zip(*outer, strict=True)]
    return tf.reshape(result, open_shape([*lengths, *sizes(result)[-2:]]))


def _weighted(operation: Any, inputs: Sequence[Any]) -> Any:
    """Vectors through a matrix.

    Of the matrix's transpose by theirs: the converter would write a plain product as a Dense of all
    axes again.
    """
    x, weights = inputs
    before = operation.inputs[0].op
    source = before.inputs[0] if before.type == "Reshape" else x
    names = ("transpose_a", "transpose_b") if operation.type == "MatMul" else ("adj_x", "adj_y")
    is_turned = any(operation.get_attr(name) for name in names)
    if max(source.shape.rank or 0, x.shape.rank or 0) <= MOST_AXES or is_turned:
        raise NotImplementedError
    rows = tf.reshape(x, [1, -1, weights.shape[0]])
    result = tf.transpose(tf.matmul(tf.transpose(weights)[None], rows, transpose_b=True)[0])
    return tf.reshape(result, open_shape([*sizes(x)[:-1], weights.shape[1]]))


def _three(x: Any, axis: int) -> Any:
    """(before, axis, after)."""
    lengths = sizes(x)
    before, after = size_of(lengths[:axis]), size_of(lengths[axis + 1 :])
    return tf.reshape(x, open_shape([before, lengths[axis], after]))


def _around(x: Any, lengths: Sequence[Any], axis: int) -> Any:
    """The same back among axes of these sizes."""
    return tf.reshape(x, open_shape([*lengths[:axis], sizes(x)[1], *lengths[axis + 1 :]]))


def _turned(operation: Any, inputs: Sequence[Any]) -> Any:
    """Axes in another order: those that are next, before those that stand in front of them."""
    del operation
    x, wanted = inputs[0], tf.get_static_value(inputs[1])
    if wanted is None or len(wanted) <= MOST_AXES:
        raise NotImplementedError
    order, lengths = list(range(len(wanted))), sizes(x)
    for at, axis in enumerate(map(int, wanted)):
        place = order.index(axis)
        if place == at:
            continue
        parts = [order[:at], order[at:place], [axis], order[place + 1 :]]
        folded = [size_of([lengths[each] for each in part]) for part in parts]
        x = tf.transpose(tf.reshape(x, open_shape(folded)), [0, 2, 1, 3])
        order = [*parts[0], axis, *parts[1], *parts[3]]
    return tf.reshape(x, open_shape([lengths[axis] for axis in order]))


def _padded(operation: Any, inputs: Sequence[Any]) -> Any:
    x, around = inputs[0], tf.get_static_value(inputs[1])
    if around is None or (x.shape.rank or 0) <= MOST_CUT_AXES:
        raise NotImplementedError
    value = inputs[2] if len(inputs) > 2 else 0
    for axis in map(int, np.flatnonzero(around.any(axis=1))):
        own = [[0, 0], [int(count) for count in around[axis]], [0, 0]]
        x = _around(tf.pad(_three(x, axis), own, constant_values=value), sizes(x), axis)
    return x


def _cut(operation: Any, inputs: Sequence[Any]) -> Any:
    """Slices, one axis after the other."""
    x, shape = inputs[0], operation.outputs[0].shape
    if max(x.shape.rank or 0, shape.rank or 0) <= MOST_CUT_AXES:
        raise NotImplementedError
    for axis, taken in cuts(operation, x.shape.rank).items():
        if taken not in (slice(None), slice(None, None, 1)):
            x = _around(_three(x, axis)[:, taken], sizes(x), axis)
    if list(shape).count(None) > 1:
        raise NotImplementedError
    return tf.reshape(x, open_shape(list(shape)))


def _joined(operation: Any, inputs: Sequence[Any]) -> Any:
    del operation
    *tensors, axis = inputs
    rank, at = tensors[0].shape.rank or 0, tf.get_static_value(axis)
    if at is None or rank <= MOST_AXES:
        raise NotImplementedError
    at = int(at) % rank
    result = tf.concat([_three(x, at) for x in tensors], 1)
    return _around(result, sizes(tensors[0]), at)


def _split(operation: Any, inputs: Sequence[Any]) -> Any:
    """Pieces of one axis; which of the inputs is the axis depends on the operator."""
    x, axis = (inputs[1], inputs[0]) if operation.type == "Split" else (inputs[0], inputs[2])
    rank, at = x.shape.rank or 0, tf.get_static_value(axis)
    if at is None or rank <= MOST_AXES:
        raise NotImplementedError
    at = int(at) % rank
    return list(_pieces(operation, x, at))


def _pieces(operation: Any, x: Any, axis: int) -> Iterator[Any]:
    start, lengths, whole = 0, sizes(x), _three(x, axis)
    for piece in operation.outputs:
        count = piece.shape[axis]
        if count is None:
            raise NotImplementedError
        yield _around(whole[:, start : start + count], lengths, axis)
        start += count


_ELEMENTWISE = (
    *("Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "IsFinite", "IsInf", "IsNan"),
    *("LeakyRelu", "Log", "LogicalNot", "Neg", "Reciprocal", "Relu", "Relu6", "Rint", "Round"),
    *("Rsqrt", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Square", "Tanh"),
    *("Add", "AddV2", "Atan2", "BitwiseXor", "Cast", "Div", "Equal", "FloorDiv", "FloorMod"),
    *("Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "Maximum"),
    *("Minimum", "Mul", "NotEqual", "Pow", "RealDiv", "RightShift"),
    *("SquaredDifference", "Sub"),
)

_REDUCTIONS = ("All", "Any", "Max", "Mean", "Min", "Prod", "Sum")

SUBSTITUTES: Mapping[str, Substitute] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "MatMul"), _multiplied),
    **dict.fromkeys(("Pad", "PadV2"), _padded),
    "BiasAdd": _biased,
    "SelectV2": _chosen,
    "ConcatV2": _joined,
    "Split": _split,
    "SplitV": _split,
    "StridedSlice": _cut,
    "Transpose": _turned,
}
"""The same operators on fewer axes, by name; see `littoral_converters.operators`."""
