"""LSTM, GRU and SimpleRNN, and the time loop of every other recurrent layer.

Three ways to write a recurrence, all with the input projection taken out of the loop, where it is
one matrix product over all time steps:

1. ``fused``: the format's own operator (ONNX: LSTM, GRU, RNN). One node, any sequence length.
2. ``unrolled``: every time step written out. Quantizes in every scheme; grows with the length.
3. ``loop``: a WHILE over chunks of time steps. Any length; the file stays small.

``auto`` takes ``fused`` in ONNX where the operator says the same as the layer, ``unrolled`` up to
`UNROLL_LIMIT` steps, ``loop`` beyond, and in a .tflite also where the copies of the weights that
XNNPACK makes for every step outgrow `COPIES_BYTES`. A copy is smaller under an int8 scheme, so one
model may be written out in its int8 file and loop in its float32 file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cells import Cell, Step, cell_of
from littoral_converters.lowering._recurrent_loops import (
    COPIES_BYTES,
    StepLoop,
    chunk_of,
    looped,
    unrolled,
)
from littoral_converters.lowering._recurrent_operator import bidirectional_call, operator_loop

UNROLL_LIMIT = 64
"""Steps up to which a recurrence is written out: beyond, file size and conversion time grow past
what the speed is worth: at 128 steps of 64 units, four times the file for 0.85 of the time."""


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
    in_turns = partial(looped, step_bytes=_step_bytes(cell, plan))
    step_loop = unrolled if style == "unrolled" else in_turns
    return {"inner_loop": _inner_loop(layer, cell, step_loop, plan)}


def describe(layer: Any, plan: Plan) -> str | None:
    """How a recurrent layer is written, for the card; None for any other layer."""
    if not isinstance(layer, keras.layers.RNN):
        return None
    way, steps, cell = way_of(layer, plan), _steps(layer), cell_of(layer.cell)
    if way == "fused" or steps is None:
        return way
    if way == "unrolled" or cell is None:
        return f"{way}, {steps} steps"
    return f"loop, {steps} steps by {chunk_of(steps, _step_bytes(cell, plan))}"


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
    if steps is None or steps > UNROLL_LIMIT:
        return "loop"
    if cell is None or plan.integer or plan.format != "tflite":
        return "unrolled"
    return "unrolled" if steps * _step_bytes(cell, plan) <= COPIES_BYTES else "loop"


def _step_bytes(cell: Cell, plan: Plan) -> float:
    """What the engine keeps of the recurrent weights for every step that is written out."""
    return cell.recurrent_weights * plan.weight_bytes


def _steps(layer: Any) -> int | None:
    shape = layer._build_shapes_dict or {}
    sequences = next(iter(shape.values()), None)
    while sequences and isinstance(sequences[0], (tuple, list)):
        sequences = sequences[0]
    return sequences[1] if sequences and len(sequences) > 1 else None


def _inner_loop(layer: Any, cell: Cell, step_loop: StepLoop, plan: Plan) -> Callable[..., Any]:
    """The stand-in for `keras.layers.RNN.inner_loop`: (last output, outputs, states)."""

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        del training
        states = list(keras.tree.flatten(initial_state))
        starts_at_zero = _is_zero(states[0])
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        every = layer.return_sequences
        parts, step = cell.project(sequences), cell.step
        if mask is not None:
            parts, step = _passing_over(cell, parts, mask, plan)
        outputs, states = step_loop(step, parts, states, every)
        if mask is None:
            return states[0], outputs, states
        # Keras shows zeros until the first step that counts, whatever the initial state.
        begun = None if starts_at_zero else tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
        if every:
            shown = mask if layer.zero_output_for_mask else begun
            return states[0], _show(outputs, shown), states
        return _show(states[0], None if begun is None else begun[:, -1]), outputs, states

    return inner_loop


def _passing_over(cell: Cell, parts: list[Any], mask: Any, plan: Plan) -> tuple[list[Any], Step]:
    """The inputs of all steps, and a step that keeps its states where the mask says no.

    Args:
        cell: The cell.
        parts: Its projected input, (batch, time, size) each.
        mask: Which steps count, (batch, time).
        plan: What the trace is made for.
    """
    counts = tf.expand_dims(mask, 2)  # an index of None would be a copy more
    passing = cell.passing if plan.format == "tflite" and not plan.integer else None
    if passing is None:

        def choosing(inputs: list[Any], states: list[Any]) -> list[Any]:
            *own, counts = inputs
            new = cell.step(own, states)
            return [tf.where(counts, n, o) for n, o in zip(new, states, strict=True)]

        return [*parts, counts], choosing
    step_over = passing.step
    skipped = 1 - tf.cast(counts, tf.float32)
    shifted = [
        part if shift is None else part + skipped * shift
        for part, shift in zip(parts, passing.shifts, strict=True)
    ]

    def stepping_over(inputs: list[Any], states: list[Any]) -> list[Any]:
        *own, skipped = inputs
        return step_over(own, states, skipped)

    return [*shifted, skipped], stepping_over


def _is_zero(state: Any) -> bool:
    value = tf.get_static_value(state)
    return value is not None and not value.any()


def _show(outputs: Any, shown: Any) -> Any:
    return outputs if shown is None else outputs * tf.cast(shown[..., None], outputs.dtype)
