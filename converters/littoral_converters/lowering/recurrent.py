"""LSTM, GRU and SimpleRNN, and the time loop of every other recurrent layer.

Three ways to write a recurrence, all with the input projection taken out of the loop, where it is
one matrix product over all time steps:

1. ``fused``: the format's own operator (ONNX: LSTM, GRU, RNN). One node, any sequence length.
2. ``unrolled``: every time step written out. Quantizes in every scheme; grows with the length.
3. ``loop``: a WHILE over chunks of time steps. Any length; the file stays small.

``auto`` takes ``fused`` in ONNX where the operator says the same as the layer, ``unrolled`` up to
`UNROLL_LIMIT` steps, ``loop`` beyond, and in a .tflite also where the copies of the weights that
XNNPACK makes for every step of the model outgrow `COPIES_BYTES`. A copy is smaller under an int8
scheme, so one model may be written out in its int8 file and loop in its float32 file.

In a .tflite a small Bidirectional takes a step of both directions at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._both_ways import joined_call, joined_cell
from littoral_converters.lowering._cell_weights import weights_of
from littoral_converters.lowering._cells import Cell, cell_of
from littoral_converters.lowering._own_cells import cell_loop
from littoral_converters.lowering._recurrent_loops import StepLoop, looped, unrolled
from littoral_converters.lowering._recurrent_operator import bidirectional_call, operator_loop
from littoral_converters.lowering._recurrent_steps import run
from littoral_converters.lowering._recurrent_ways import (
    described,
    is_joined,
    is_usual,
    recurrence,
    way_of,
)


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Stand-ins for a recurrent layer; see `littoral_converters.lowering`."""
    if type(layer) is keras.layers.Bidirectional:
        return _bidirectional(layer, plan)
    if not isinstance(layer, keras.layers.RNN):
        return {}
    way, cell = way_of(layer, plan), _cell(layer)
    if cell is None:
        return {"inner_loop": cell_loop(layer, plan, is_written=way != "loop")}
    if way == "fused":
        return {"inner_loop": operator_loop(layer, cell)}
    return {"inner_loop": _inner_loop(layer, cell, _step_loop(layer, plan), plan)}


def of_changing(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A recurrent layer whose weights the model sets itself: Keras's own cell at every step.

    TFLite's converter takes Keras's own loop of a known batch alone.
    """
    if plan.format != "tflite" or not isinstance(layer, keras.layers.RNN):
        return {}
    return {"inner_loop": cell_loop(layer, plan, is_written=way_of(layer, plan) != "loop")}


def describe(layer: Any, plan: Plan) -> str | None:
    """How a recurrent layer is written, for the card; None for any other layer."""
    if is_joined(layer, plan):
        return f"both ways in one step, {described(layer, plan)}"
    return described(layer, plan) if isinstance(layer, keras.layers.RNN) else None


def _bidirectional(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Both directions as one operator where the format has one for both, or in one step."""
    if is_joined(layer, plan):
        step_loop = _step_loop(layer, plan)
        return {"call": joined_call(layer, joined_cell(layer), step_loop, plan)}
    if not is_usual(layer):
        return {}
    parts = (layer.forward_layer, layer.backward_layer)
    forward, backward = map(_cell, parts)
    if forward is None or backward is None or forward.onnx is None or backward.onnx is None:
        return {}
    alike = (
        forward.units == backward.units
        and forward.onnx.op_type == backward.onnx.op_type
        and _flat(forward.onnx.attributes) == _flat(backward.onnx.attributes)
    )
    fused = all(way_of(part, plan) == "fused" for part in parts)
    return {"call": bidirectional_call(layer, forward, backward)} if alike and fused else {}


def _flat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that both directions share: the lists have entries for each."""
    return {
        name: len(value) if isinstance(value, list) else value for name, value in attributes.items()
    }


def _step_loop(layer: Any, plan: Plan) -> StepLoop:
    if way_of(layer, plan) == "unrolled":
        return partial(unrolled, layer=layer, plan=plan)
    return partial(looped, step_bytes=recurrence(layer, plan).step_bytes)


def _cell(layer: Any) -> Cell | None:
    """The cell of a recurrent layer; None for a kind that is left to Keras."""
    weights = weights_of(layer.cell)
    return None if weights is None else cell_of(weights)


def _inner_loop(layer: Any, cell: Cell, step_loop: StepLoop, plan: Plan) -> Callable[..., Any]:
    """The stand-in for `keras.layers.RNN.inner_loop`: (last output, outputs, states)."""

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        del training
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        return run(
            cell,
            sequences,
            list(keras.tree.flatten(initial_state)),
            None if mask is None else tf.expand_dims(mask, 2),  # an index of None is a copy more
            step_loop=step_loop,
            every=layer.return_sequences,
            shows_zeros=layer.zero_output_for_mask,
            plan=plan,
        )

    return inner_loop
