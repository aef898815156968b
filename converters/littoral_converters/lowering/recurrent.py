"""LSTM, GRU and SimpleRNN, and the time loop of every other recurrent layer.

Three ways to write a recurrence, all with the input projection taken out of the loop, where it is
one matrix product over all time steps:

1. ``fused``: the format's own operator (ONNX: LSTM, GRU, RNN). One node, any sequence length.
2. ``unrolled``: every time step written out. Quantizes in every scheme; grows with the length.
3. ``loop``: a WHILE. Any length, float or dynamic int8 only.

``auto`` takes ``fused`` in ONNX where the operator says the same as the layer, ``unrolled`` up to
`UNROLL_LIMIT` steps, ``loop`` beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cells import Cell, cell_of
from littoral_converters.lowering._recurrent_operator import bidirectional_call, operator_loop

UNROLL_LIMIT = 128
"""Steps up to which a recurrence is written out: beyond, file size and conversion time grow past
what the speed is worth (each step of an LSTM costs about 10 operators, 3 kB)."""


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Stand-ins for a recurrent layer; see `littoral_converters.lowering`."""
    if type(layer) is keras.layers.Bidirectional:
        return _bidirectional(layer, plan)
    if not isinstance(layer, keras.layers.RNN):
        return {}
    style = way_of(layer, plan)
    cell = cell_of(layer.cell)
    if cell is None:
        return {"unroll": style == "unrolled"}
    if style == "fused":
        return {"inner_loop": operator_loop(layer, cell)}
    step_loop = _unrolled if style == "unrolled" else _looped
    return {"inner_loop": _inner_loop(layer, cell, step_loop)}


def _bidirectional(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Both directions as one operator, where the format has one for both."""
    parts = (layer.forward_layer, layer.backward_layer)
    if not layer.built or not all(isinstance(part, keras.layers.RNN) for part in parts):
        return {}
    cells = [cell_of(part.cell) for part in parts]
    forward, backward = cells
    if forward is None or backward is None or forward.onnx is None or backward.onnx is None:
        return {}
    alike = (
        forward.units == backward.units
        and forward.onnx.op_type == backward.onnx.op_type
        and _flat(forward.onnx.attributes) == _flat(backward.onnx.attributes)
    )
    usual = [part.go_backwards for part in parts] == [False, True]
    kept = any(part.stateful for part in parts) or layer.compute_dtype != "float32"
    fused = all(way_of(part, plan) == "fused" for part in parts)
    if not (alike and usual and fused) or kept:
        return {}
    return {"call": bidirectional_call(layer, forward, backward)}


def _flat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that both directions share: the lists have entries for each."""
    return {
        name: len(value) if isinstance(value, list) else value for name, value in attributes.items()
    }


def way_of(layer: Any, plan: Plan) -> str:
    """The way a recurrent layer is written under a plan: fused, unrolled or loop."""
    if plan.recurrent in ("unrolled", "loop"):
        return plan.recurrent
    cell = cell_of(layer.cell)
    if plan.format == "onnx" and cell is not None and cell.onnx is not None:
        return "fused"
    steps = _steps(layer)
    return "unrolled" if steps is not None and steps <= UNROLL_LIMIT else "loop"


def _steps(layer: Any) -> int | None:
    shape = layer._build_shapes_dict or {}
    sequences = next(iter(shape.values()), None)
    while sequences and isinstance(sequences[0], (tuple, list)):
        sequences = sequences[0]
    return sequences[1] if sequences and len(sequences) > 1 else None


StepLoop = Callable[[Cell, list[Any], list[Any], Any, bool], tuple[list[Any] | Any, list[Any]]]


def _inner_loop(layer: Any, cell: Cell, step_loop: StepLoop) -> Callable[..., Any]:
    """The stand-in for `keras.layers.RNN.inner_loop`: (last output, outputs, states)."""

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        del training
        states = list(keras.tree.flatten(initial_state))
        starts_at_zero = _is_zero(states[0])
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        every = layer.return_sequences
        outputs, states = step_loop(cell, cell.project(sequences), states, mask, every)
        if mask is None:
            return states[0], outputs, states
        # Keras shows zeros until the first step that counts, whatever the initial state.
        begun = None if starts_at_zero else tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
        if every:
            shown = mask if layer.zero_output_for_mask else begun
            return states[0], _show(outputs, shown), states
        return _show(states[0], None if begun is None else begun[:, -1]), outputs, states

    return inner_loop


def _is_zero(state: Any) -> bool:
    value = tf.get_static_value(state)
    return value is not None and not value.any()


def _show(outputs: Any, shown: Any) -> Any:
    return outputs if shown is None else outputs * tf.cast(shown[..., None], outputs.dtype)


def _unrolled(
    cell: Cell, projected: list[Any], states: list[Any], mask: Any, every: bool
) -> tuple[Any, list[Any]]:
    inputs = [
        list(parts) for parts in zip(*(tf.unstack(p, axis=1) for p in projected), strict=True)
    ]
    kept = [None] * len(inputs) if mask is None else _keep(mask, len(inputs))
    outputs = []
    for step, keep in zip(inputs, kept, strict=True):
        states = _masked(keep, cell.step(step, states), states)
        outputs.append(states[0])
    return (tf.stack(outputs, axis=1) if every else states[0]), states


def _keep(mask: Any, steps: int) -> list[Any]:
    return [value[:, None] for value in tf.unstack(mask, num=steps, axis=1)]


def _masked(keep: Any, new: list[Any], old: list[Any]) -> list[Any]:
    """The new states where the time step counts, the old ones where it is masked."""
    if keep is None:
        return new
    return [tf.where(keep, n, o) for n, o in zip(new, old, strict=True)]


def _looped(
    cell: Cell, projected: list[Any], states: list[Any], mask: Any, every: bool
) -> tuple[Any, list[Any]]:
    steps = tf.shape(projected[0])[1]
    time_major = [tf.transpose(part, [1, 0, 2]) for part in projected]
    keep = None if mask is None else tf.transpose(mask)[:, :, None]
    shapes = [state.shape for state in states]

    def body(at: Any, gathered: Any, *now: Any) -> Any:
        new = cell.step([tf.gather(part, at) for part in time_major], list(now))
        new = _masked(None if keep is None else tf.gather(keep, at), new, list(now))
        for value, shape in zip(new, shapes, strict=True):
            value.set_shape(shape)
        if every:
            gathered = tf.tensor_scatter_nd_update(gathered, tf.reshape(at, [1, 1]), new[0][None])
        return (at + 1, gathered, *new)

    room = (
        tf.zeros(tf.concat([steps[None], tf.shape(states[0])], 0)) if every else tf.zeros([1, 1, 1])
    )
    _, gathered, *states = tf.while_loop(
        lambda at, *_: at < steps,
        body,
        (tf.constant(0), room, *states),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None] * 3), *shapes),
    )
    if every:
        outputs = tf.transpose(gathered, [1, 0, 2])
        outputs.set_shape([*projected[0].shape[:2], shapes[0][-1]])
        return outputs, list(states)
    return states[0], list(states)
