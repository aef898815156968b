"""Loops, choices and updates of `keras.ops`.

`ops.scan` and `ops.map` keep lists of tensors, which ONNX has no operator for, and TFLite none
where a size is open: for ONNX short ones are written out; all others are loops that hand tensors
on. `ops.slice_update` is an operator of XLA's; `ops.associative_scan` asks again and again for
sizes, whether they are known or open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeGuard

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._recurrent_ways import UNROLL_LIMIT
from littoral_converters.lowering._turns import turns

Body = Callable[[Any, Any], tuple[Any, Any]]
"""(carry, a step's inputs) -> (carry, result)"""


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    inside = "backend.tensorflow.core"
    both: dict[str, Callable[..., Any]] = {
        f"{inside}.associative_scan": _associative_scan,
        f"{inside}.map": partial(_map, plan=plan),
        f"{inside}.scan": partial(_scan, plan=plan),
        f"{inside}.switch": _switch,
    }
    if plan.format != "onnx":
        return both
    return {**both, f"{inside}.slice_update": _slice_update}


def _switch(
    original: Callable[..., Any], index: Any, branches: Sequence[Callable[..., Any]], *operands: Any
) -> Any:
    """Every branch, and of their results those of one: no format has a choice of many."""
    del original
    index = tf.convert_to_tensor(index, tf.int32)
    *others, results = [branch(*operands) for branch in branches]
    for number in reversed(range(len(others))):
        is_chosen = index <= number
        results = keras.tree.map_structure(partial(tf.where, is_chosen), others[number], results)
    return results


def _associative_scan(
    original: Callable[..., Any],
    f: Callable[[Any, Any], Any],
    elems: Any,
    reverse: bool = False,
    axis: int = 0,
) -> Any:
    """Ever more of what lies before each element: 1, then 2, then 4 elements and so on."""
    del original
    whole = keras.tree.map_structure(tf.convert_to_tensor, elems)
    axis %= keras.tree.flatten(whole)[0].shape.rank
    lengths = {x.shape[axis] for x in keras.tree.flatten(whole)} - {None}

    def flipped() -> Any:
        return keras.tree.map_structure(lambda x: tf.reverse(x, [axis]), whole)

    def joined(before: Any, after: Any) -> list[Any]:
        # A saved model hands lists to a function that was written for tuples, and answers them.
        flat: list[Any] = keras.tree.flatten(f(before, after))
        return flat

    whole = flipped() if reverse else whole
    size = next(iter(lengths), None)
    flat = (
        _looped_sums(joined, whole, axis)
        if size is None
        else _written_sums(joined, whole, axis, size)
    )
    whole = keras.tree.pack_sequence_as(whole, flat)
    return flipped() if reverse else whole


def _written_sums(f: Callable[[Any, Any], list[Any]], whole: Any, axis: int, size: int) -> Any:
    """Every doubling written out, of what has so many elements behind it."""

    def cut(start: int | None, end: int | None) -> Any:
        at = (*[slice(None)] * axis, slice(start, end))
        return keras.tree.map_structure(lambda x: x[at], whole)

    count = 1
    while count < size:
        later = keras.tree.pack_sequence_as(whole, f(cut(None, -count), cut(count, None)))
        both = cut(None, count), later
        whole = keras.tree.map_structure(lambda *parts: tf.concat(parts, axis), *both)
        count *= 2
    return keras.tree.flatten(whole)


def _looped_sums(f: Callable[[Any, Any], list[Any]], whole: Any, axis: int) -> Any:
    """A loop of doublings over an open length, whose first elements stay as they are."""
    flat = keras.tree.flatten(whole)
    size = sizes(flat[0])[axis]
    places = tf.range(size)

    def double(count: Any, now: list[Any]) -> tuple[Any, list[Any]]:
        earlier = tf.maximum(places - count, 0)
        before = [tf.gather(x, earlier, axis=axis) for x in now]
        packed = [keras.tree.pack_sequence_as(whole, each) for each in (before, now)]
        results = []
        for later, x in zip(f(*packed), now, strict=True):
            has_before = tf.reshape(places >= count, [-1, *[1] * (x.shape.rank - axis - 1)])
            results.append(tf.ensure_shape(tf.where(has_before, later, x), x.shape))
        return count * 2, results

    begun = tf.constant(1), flat
    return tf.while_loop(lambda count, _: count < size, double, begun)[1]


def _scan(
    original: Callable[..., Any],
    f: Body,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    *,
    plan: Plan,
) -> Any:
    if xs is None and length is None:
        return original(f, init, xs, length, reverse, unroll)  # which says what is wrong
    steps = length if xs is None else _length(xs)
    if _is_short(steps, plan):
        return _written_scan(_with_result(f), init, xs, steps, reverse)
    return _looped_scan(_with_result(f), init, xs, steps, reverse, plan)


def _with_result(f: Body) -> Body:
    """A body of a scan that always has a result, as Keras's has: zeros where it has none."""

    def body(carry: Any, inputs: Any) -> tuple[Any, Any]:
        now, result = f(carry, inputs)
        return now, keras.tree.map_structure(tf.zeros_like, now) if result is None else result

    return body


def _written_scan(f: Body, init: Any, xs: Any, steps: int, reverse: bool) -> Any:
    """Every step written out."""
    carry, results = init, []
    for at in reversed(range(steps)) if reverse else range(steps):
        carry, result = f(carry, None if xs is None else _at(xs, at))
        results.append(result)
    return carry, _stacked(results[::-1] if reverse else results)


def _looped_scan(f: Body, init: Any, xs: Any, steps: int | None, reverse: bool, plan: Plan) -> Any:
    """A loop whose turns hand tensors on."""
    count = sizes(keras.tree.flatten(xs)[0])[0] if steps is None else steps
    init = keras.tree.map_structure(tf.convert_to_tensor, init)
    example = f(init, None if xs is None else _at(xs, 0))[1]
    like = keras.tree.flatten(example)

    def turn(at: Any, carry: list[Any]) -> tuple[list[Any], list[Any]]:
        at = count - 1 - at if reverse else at
        inputs = None if xs is None else keras.tree.map_structure(lambda x: tf.gather(x, at), xs)
        now, results = f(keras.tree.pack_sequence_as(init, carry), inputs)
        return keras.tree.flatten(now), keras.tree.flatten(results)

    some = keras.tree.flatten(init if xs is None else xs)[0]
    carry, results = turns(turn, count, keras.tree.flatten(init), like, some, plan)
    results = [tf.reverse(each, [0]) if reverse else each for each in results]
    packed = keras.tree.pack_sequence_as(example, results)
    return keras.tree.pack_sequence_as(init, carry), packed


def _map(original: Callable[..., Any], f: Callable[[Any], Any], xs: Any, *, plan: Plan) -> Any:
    del original
    steps = _length(xs)
    if _is_short(steps, plan):
        return _stacked([f(_at(xs, at)) for at in range(steps)])
    return _looped_scan(lambda carry, x: (carry, f(x)), [], xs, steps, False, plan)[1]


def _is_short(steps: int | None, plan: Plan) -> TypeGuard[int]:
    """Whether so many steps are written out."""
    may_be = plan.format == "onnx" and plan.recurrent != "loop"
    return may_be and steps is not None and 0 < steps <= UNROLL_LIMIT


def _slice_update(
    original: Callable[..., Any], inputs: Any, start_indices: Any, updates: Any
) -> Any:
    """Along one axis after another, what lies before the update, the update, what lies behind it.

    As XLA does, a start from which the update would reach over the end is moved.
    """
    del original
    inputs = tf.convert_to_tensor(inputs)
    updates = tf.convert_to_tensor(updates, inputs.dtype)
    starts = [_known(each) for each in tf.unstack(tf.cast(start_indices, tf.int32))]
    there = sizes(updates)

    def put(whole: Any, axis: int) -> Any:
        if axis == len(starts):
            return updates
        size, part = sizes(whole)[axis], there[axis]
        if whole.shape[axis] == updates.shape[axis] and (axis == 0 or isinstance(size, int)):
            return put(whole, axis + 1)
        at = _known(tf.clip_by_value(starts[axis], 0, size - part))
        before, middle, behind = (
            whole[(*[slice(None)] * axis, cut)]
            for cut in (slice(0, at), slice(at, at + part), slice(at + part, size))
        )
        parts = [before, put(middle, axis + 1), behind]
        return tf.concat([each for each in parts if each.shape[axis] != 0], axis)

    result = put(inputs, 0)
    result.set_shape(inputs.shape)
    return result


def _known(number: Any) -> Any:
    """A number where it is known, the scalar tensor where it is not."""
    value = tf.get_static_value(number)
    return number if value is None else int(value)


def _length(xs: Any) -> int | None:
    lengths = {tf.convert_to_tensor(x).shape[0] for x in keras.tree.flatten(xs)}
    return lengths.pop() if len(lengths) == 1 else None


def _at(xs: Any, index: int) -> Any:
    return keras.tree.map_structure(lambda x: tf.convert_to_tensor(x)[index], xs)


def _stacked(results: list[Any]) -> Any:
    return keras.tree.map_structure(lambda *each: tf.stack(each), *results)
