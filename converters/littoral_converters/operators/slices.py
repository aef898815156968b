"""Slices, and stacks that add a last axis.

A slice that adds axes, or leaves some out by an ellipsis, is a plain one and axes added to it: the
converters take only some of the others. What follows is for TFLite.

XNNPACK cuts, joins and turns, but neither drops nor adds axes. LiteRT's own kernels go number by
number, 2048 of them take 10 us, and one alone between two parts of XNNPACK's takes 0.4 us. So what
is cut is reshaped then, and what is stacked is joined, and turned where it adds a last axis.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import MOST_JOINED, open_shape
from littoral_converters.operators import Substitute

MIN_ELEMENTS = 64
"""Fewer are not worth being turned."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    if format_name == "onnx":
        return {"StridedSlice": _written_out}
    return {"Pack": _stacked, "StridedSlice": _cut}


def _written_out(operation: Any, inputs: Sequence[Any]) -> Any:
    """A slice with an ellipsis or new axes as a plain one of each axis, and the new axes then."""
    x, *bounds = inputs
    ellipsis, new = operation.get_attr("ellipsis_mask"), operation.get_attr("new_axis_mask")
    dropped = operation.get_attr("shrink_axis_mask")
    if not (ellipsis or new) or x.shape.rank is None:
        raise NotImplementedError
    count = bounds[0].shape[0]
    plain = [at for at in range(count) if not (ellipsis | new) >> at & 1]
    entries: list[int | None] = []
    added, kept = [], 0
    for at in range(count):
        if ellipsis >> at & 1:
            whole = x.shape.rank - len(plain)
            entries += [None] * whole
            kept += whole
        elif new >> at & 1:
            added.append(kept)
            kept += 1
        else:
            entries.append(at)
            kept += 1 - (dropped >> at & 1)
    result = _of_entries(operation, x, bounds, entries) if plain else x
    for axis in added:
        result = tf.expand_dims(result, axis)
    return result


def _of_entries(
    operation: Any, x: Any, bounds: Sequence[Any], entries: Sequence[int | None]
) -> Any:
    """A plain slice: along each axis as one of the slice's entries says, or whole for None."""
    begin, end, steps = (
        [nothing if at is None else _entry(bound, at) for at in entries]
        for bound, nothing in zip(bounds, (0, 0, 1), strict=True)
    )

    def mask(name: str, of_whole: int) -> int:
        bits = operation.get_attr(f"{name}_mask")
        return sum(
            (of_whole if at is None else bits >> at & 1) << axis for axis, at in enumerate(entries)
        )

    return tf.strided_slice(
        x,
        begin,
        end,
        steps,
        begin_mask=mask("begin", 1),
        end_mask=mask("end", 1),
        shrink_axis_mask=mask("shrink_axis", 0),
    )


def _entry(bound: Any, at: int) -> Any:
    known = tf.get_static_value(bound)
    return bound[at] if known is None else int(known[at])


def _cut(operation: Any, inputs: Sequence[Any]) -> Any:
    if _ends_at_0(operation):
        return _none_of(operation, inputs[0])
    if not operation.outputs[0].shape.is_fully_defined():
        try:
            return _written_out(operation, inputs)
        except NotImplementedError:
            pass  # a plain one already
    x, *bounds = inputs
    begin, end, steps = map(tf.get_static_value, bounds)
    shape = operation.outputs[0].shape
    dropped = operation.get_attr("shrink_axis_mask")
    is_plain = not (operation.get_attr("new_axis_mask") or operation.get_attr("ellipsis_mask"))
    is_known = not any(each is None for each in (begin, end, steps)) and shape.rank is not None
    if not dropped or not is_plain or not is_known or x.dtype != tf.float32:
        raise NotImplementedError
    if list(shape).count(None) > 1:
        raise NotImplementedError
    last, end_mask = np.array(end), operation.get_attr("end_mask") & ~dropped
    for axis, start in enumerate(begin):
        if dropped >> axis & 1:
            last[axis] = start + 1
            end_mask |= int(start == -1) << axis
    whole = tf.strided_slice(
        x,
        begin,
        last,
        steps,
        begin_mask=operation.get_attr("begin_mask") & ~dropped,
        end_mask=end_mask,
    )
    return tf.reshape(whole, open_shape(list(shape)))


def _ends_at_0(operation: Any) -> bool:
    """Whether a slice takes nothing of an axis, as ``x[:, :0]`` does."""
    end, steps = (tf.get_static_value(tensor) for tensor in operation.inputs[2:4])
    if end is None or steps is None:
        return False
    masks = (operation.get_attr(f"{name}_mask") for name in _MASKS if name != "begin")
    masked = functools.reduce(operator.or_, masks)
    return any(
        stop == 0 and step > 0 and not masked >> at & 1
        for at, (stop, step) in enumerate(zip(end, steps, strict=True))
    )


def _none_of(operation: Any, x: Any) -> Any:
    """Nothing of an axis, which TFLite's converter takes for all of it where the cut ends at 0."""
    added = operation.get_attr("new_axis_mask") | operation.get_attr("shrink_axis_mask")
    if added or x.shape.rank is None:
        raise NotImplementedError
    entries = [slice(None)] * x.shape.rank
    for axis, taken in cuts(operation, x.shape.rank).items():
        entries[axis] = slice(1, 1) if taken.stop == 0 and taken.step > 0 else taken
    return x[tuple(entries)]


def _stacked(operation: Any, inputs: Sequence[Any]) -> Any:
    """Tensors side by side along a new axis, in the order of what is joined along the next one."""
    shape = inputs[0].shape
    if not shape.rank or inputs[0].dtype != tf.float32 or list(shape).count(None) > 1:
        raise NotImplementedError
    axis = operation.get_attr("axis") % (shape.rank + 1)
    if axis == shape.rank:
        return _stacked_last(inputs)
    if len(inputs) > MOST_JOINED or shape[axis] is None:
        raise NotImplementedError
    whole = [*shape[:axis], len(inputs), *shape[axis:]]
    return tf.reshape(tf.concat(inputs, axis), open_shape(whole))


def _stacked_last(inputs: Sequence[Any]) -> Any:
    """Tensors (..., size) side by side along a new last axis: (..., size, tensors)."""
    *outer, size = inputs[0].shape
    count = inputs[0].shape.num_elements()
    if size is None or size < 4 or (count is not None and count < MIN_ELEMENTS):
        raise NotImplementedError
    return tf.reshape(interleaved(inputs), open_shape([*outer, size, len(inputs)]))


def interleaved(tensors: Sequence[Any]) -> Any:
    """The values of tensors (..., size) side by side, (rows, size, tensors): joined and turned."""
    rows = tf.reshape(tf.concat(tensors, -1), [-1, len(tensors), tensors[0].shape[-1]])
    return tf.transpose(rows, [0, 2, 1])


def cuts(operation: Any, rank: int) -> dict[int, slice]:
    """What a StridedSlice takes of each axis of a tensor of so many.

    Raises:
        NotImplementedError: The graph's constants do not say it.
    """
    begin, end, steps = (tf.get_static_value(tensor) for tensor in operation.inputs[1:4])
    if begin is None or end is None or steps is None:
        raise NotImplementedError
    masks = {name: operation.get_attr(f"{name}_mask") for name in _MASKS}
    found: dict[int, slice] = {}
    axis = 0
    for at in range(len(begin)):
        has = {name for name, mask in masks.items() if mask >> at & 1}
        if "ellipsis" in has:
            later = range(at + 1, len(begin))
            axis = rank - sum(not masks["new_axis"] >> each & 1 for each in later)
        elif "new_axis" not in has:
            found[axis] = _taken(int(begin[at]), int(end[at]), int(steps[at]), has)
            axis += 1
    return found


def _taken(begin: int, end: int, step: int, has: set[str]) -> slice:
    if "shrink_axis" in has:
        return slice(begin, begin + 1 or None, 1)
    return slice(None if "begin" in has else begin, None if "end" in has else end, step)


_MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
