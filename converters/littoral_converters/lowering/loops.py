"""Loops, choices and updates of `keras.ops` over known sizes, written out.

`ops.scan` and `ops.map` keep lists of tensors, which ONNX has no operator for; `ops.slice_update`
is an operator of XLA's; `ops.associative_scan` asks again and again for sizes that are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering import Plan

MOST_STEPS = 256
"""More would make a file that is too large; ONNX then refuses the loop."""


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """None: loops are lowered where `keras.ops` calls the backend, in `functions`."""
    del layer, plan
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    inside = "backend.tensorflow.core"
    both: dict[str, Callable[..., Any]] = {
        f"{inside}.associative_scan": partial(_associative_scan, plan.format),
        f"{inside}.switch": _switch,
    }
    if plan.format != "onnx":
        return both
    return {
        **both,
        f"{inside}.scan": _scan,
        f"{inside}.map": _map,
        f"{inside}.slice_update": _slice_update,
    }


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
    format_name: str,
    original: Callable[..., Any],
    f: Callable[[Any, Any], Any],
    elems: Any,
    reverse: bool = False,
    axis: int = 0,
) -> Any:
    """Ever more of what lies before each element: 1, then 2, then 4 elements and so on."""
    del original
    whole = keras.tree.map_structure(tf.convert_to_tensor, elems)
    sizes = {x.shape[axis] for x in keras.tree.flatten(whole)}
    if len(sizes) != 1 or None in sizes:
        raise ConversionError(
            f"{format_name} cannot express ops.associative_scan over an open length, whose steps "
            "are as many as the input says: build the model with a fixed length"
        )
    (size,) = sizes
    axis %= keras.tree.flatten(whole)[0].shape.rank

    def cut(start: int | None, end: int | None) -> Any:
        at = (*[slice(None)] * axis, slice(start, end))
        return keras.tree.map_structure(lambda x: x[at], whole)

    def flipped() -> Any:
        return keras.tree.map_structure(lambda x: tf.reverse(x, [axis]), whole)

    whole = flipped() if reverse else whole
    count = 1
    while count < size:
        both = cut(None, count), f(cut(None, -count), cut(count, None))
        whole = keras.tree.map_structure(lambda *parts: tf.concat(parts, axis), *both)
        count *= 2
    return flipped() if reverse else whole


def _scan(
    original: Callable[..., Any],
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> Any:
    steps = length if xs is None else _length(xs)
    if steps is None or not 0 < steps <= MOST_STEPS:
        return original(f, init, xs, length, reverse, unroll)
    carry, results = init, []
    for at in reversed(range(steps)) if reverse else range(steps):
        inputs = None if xs is None else _at(xs, at)
        carry, result = f(carry, inputs)
        results.append(result)
    return carry, _stacked(results[::-1] if reverse else results)


def _map(original: Callable[..., Any], f: Callable[[Any], Any], xs: Any) -> Any:
    steps = _length(xs)
    if steps is None or not 0 < steps <= MOST_STEPS:
        return original(f, xs)
    return _stacked([f(_at(xs, at)) for at in range(steps)])


def _slice_update(
    original: Callable[..., Any], inputs: Any, start_indices: Any, updates: Any
) -> Any:
    """The update padded to the inputs' size, chosen where it lies. The first axis may be open."""
    inputs, updates = tf.convert_to_tensor(inputs), tf.convert_to_tensor(updates, inputs.dtype)
    starts = tf.get_static_value(tf.convert_to_tensor(start_indices))
    whole, part = inputs.shape.as_list(), updates.shape.as_list()
    if starts is None or None in whole[1:] or None in part[1:] or starts[0] != 0:
        return original(inputs, start_indices, updates)
    if whole[0] != part[0]:
        return original(inputs, start_indices, updates)
    # As XLA does, a start from which the update would reach over the end is moved.
    sizes = list(zip(starts[1:], whole[1:], part[1:], strict=True))
    room = [(at := min(max(int(s), 0), w - p), w - p - at) for s, w, p in sizes]
    mask = np.pad(np.ones((1, *part[1:]), bool), [(0, 0), *room])
    return tf.where(mask, tf.pad(updates, [(0, 0), *room]), inputs)


def _length(xs: Any) -> int | None:
    sizes = {tf.convert_to_tensor(x).shape[0] for x in keras.tree.flatten(xs)}
    return sizes.pop() if len(sizes) == 1 else None


def _at(xs: Any, index: int) -> Any:
    return keras.tree.map_structure(lambda x: tf.convert_to_tensor(x)[index], xs)


def _stacked(results: list[Any]) -> Any:
    return keras.tree.map_structure(lambda *each: tf.stack(each), *results)
