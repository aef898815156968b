"""A recurrent layer as ONNX's own LSTM, GRU or RNN operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.lowering._both_ways import merge, with_ends
from littoral_converters.lowering._cells import Cell, OnnxForm
from littoral_converters.lowering._onnx_operator import operator
from littoral_converters.lowering._recurrent_steps import is_zero
from littoral_converters.lowering._weights import constant


def operator_loop(layer: Any, cell: Cell) -> Callable[..., Any]:
    """The stand-in for `keras.layers.RNN.inner_loop`: (last output, outputs, states).

    A masked time step leaves the state as it is. The operator only knows sequences that end early,
    so masked steps are first moved to the end (keeping the order of the others), and each output is
    then fetched from where its last counted step went: right for any mask, not only for padding.
    """
    form = cell.onnx
    if form is None:
        raise ValueError(f"{layer.name} has no ONNX operator")

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        del training
        states = list(keras.tree.flatten(initial_state))
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        lengths = None
        if mask is not None:
            sequences, lengths = _counted_first(sequences, mask)
        outputs, ends = _run(form, cell.units, sequences, states, lengths)
        last, ends = ends[0], _kept(states, ends, lengths)
        if not layer.return_sequences:
            if mask is not None and layer.zero_output_for_mask:
                last *= tf.cast(mask[:, -1:], last.dtype)
            return last, last, ends
        if mask is not None:
            outputs = _spread(outputs, mask, layer.zero_output_for_mask)
        return last, outputs, ends

    return inner_loop


def bidirectional_call(layer: Any, forward: Cell, backward: Cell) -> Callable[..., Any]:
    """The stand-in for the `call` of a Bidirectional: both directions in one operator.

    Args:
        layer: The Bidirectional, whose parts have operators of one kind.
        forward: Cell of its forward layer.
        backward: Cell of its backward layer.
    """
    keras_call = layer.call
    form = _both(forward, backward)
    count = len(keras.tree.flatten(layer.forward_layer.cell.state_size))

    def call(
        sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None
    ) -> Any:
        if mask is not None or initial_state is not None:
            return keras_call(sequences, initial_state, mask=mask, training=training)
        outputs, *states = _operator(form, forward.units, sequences, None, [None] * count, 2)
        # In Keras's order both directions stand side by side behind batch and time.
        if layer.return_sequences:
            pair = tf.transpose(outputs, [2, 0, 1, 3])
        else:
            pair = tf.transpose(states[0], [1, 0, 2])
        return with_ends(layer, _merge(pair, layer.merge_mode), states)

    return call


def _both(forward: Cell, backward: Cell) -> OnnxForm:
    forms = [cell.onnx for cell in (forward, backward) if cell.onnx is not None]
    attributes = dict(forms[0].attributes)
    for name, value in attributes.items():
        if isinstance(value, list):
            attributes[name] = [*value, *forms[1].attributes[name]]
    return OnnxForm(
        op_type=forms[0].op_type,
        w=np.concatenate([form.w for form in forms]),
        r=np.concatenate([form.r for form in forms]),
        b=np.concatenate([form.b for form in forms]),
        attributes={**attributes, "direction": "bidirectional"},
    )


def _merge(pair: Any, mode: str | None) -> Any:
    """Merge the last axis but one, the directions, as Keras's merge_mode says."""
    if mode == "concat":
        if list(pair.shape).count(None) > 1:
            return tf.concat(tf.unstack(pair, axis=-2), axis=-1)
        sizes = [-1 if size is None else size for size in pair.shape[:-2]]
        return tf.reshape(pair, [*sizes, 2 * pair.shape[-1]])
    first, second = tf.unstack(pair, axis=-2)
    return merge(first, second, mode)


def _run(form: OnnxForm, units: int, sequences: Any, states: list[Any], lengths: Any) -> Any:
    results = _operator(form, units, sequences, lengths, [state[None] for state in states], 1)
    outputs = tf.transpose(tf.squeeze(results[0], 1), [1, 0, 2])
    return outputs, [tf.squeeze(state, 0) for state in results[1:]]


def _operator(
    form: OnnxForm, units: int, sequences: Any, lengths: Any, initial: list[Any], directions: int
) -> list[Any]:
    """The operator's outputs: (time, directions, batch, units), then each state's end."""
    batch, steps = sequences.shape[0], sequences.shape[1]
    time_major = tf.transpose(sequences, [1, 0, 2])
    weights = [constant(array) for array in (form.w, form.r, form.b)]
    ends = [(tf.float32, [directions, batch, units])] * len(initial)
    return operator(
        form.op_type,
        [time_major, *weights, lengths, *initial],
        [(tf.float32, [steps, directions, batch, units]), *ends],
        {"hidden_size": units, **form.attributes},
    )


def _counted_first(sequences: Any, mask: Any) -> tuple[Any, Any]:
    """Move the time steps that count to the front. Returns them and how many there are (int32)."""
    counted = tf.cast(mask, tf.int32)
    steps = tf.shape(counted)[1]
    rank = counted * steps - tf.range(steps)[None]
    _, order = tf.math.top_k(tf.cast(rank, tf.float32), k=steps)
    return tf.gather(sequences, order, axis=1, batch_dims=1), tf.reduce_sum(counted, 1)


def _kept(states: list[Any], ends: list[Any], lengths: Any) -> list[Any]:
    """The states at the end: those of a sequence without a step, where the operator has zeros."""
    if lengths is None or all(map(is_zero, states)):
        return ends
    has_steps = (lengths > 0)[:, None]
    return [tf.where(has_steps, end, state) for state, end in zip(states, ends, strict=True)]


def _spread(outputs: Any, mask: Any, zero_masked: bool) -> Any:
    """Put each output back at its time step; a masked step repeats the one before it."""
    counted = tf.cast(mask, tf.int32)
    at = tf.cumsum(counted, axis=1) - 1
    spread = tf.gather(outputs, tf.maximum(at, 0), axis=1, batch_dims=1)
    shown = counted if zero_masked else tf.cast(at >= 0, tf.int32)
    return spread * tf.cast(shown[:, :, None], spread.dtype)
