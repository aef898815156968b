"""A recurrent layer as ONNX's own LSTM, GRU or RNN operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering._cells import Cell, OnnxForm
from littoral_converters.lowering._onnx_operator import operator


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
        outputs, states = _run(form, cell.units, sequences, states, lengths)
        if not layer.return_sequences:
            return states[0], states[0], states
        if mask is not None:
            outputs = _spread(outputs, mask, layer.zero_output_for_mask)
        return states[0], outputs, states

    return inner_loop


def _run(form: OnnxForm, units: int, sequences: Any, states: list[Any], lengths: Any) -> Any:
    batch, steps = sequences.shape[0], sequences.shape[1]
    time_major = tf.transpose(sequences, [1, 0, 2])
    initial = [state[None] for state in states]
    weights = [tf.constant(array) for array in (form.w, form.r, form.b)]
    results = operator(
        form.op_type,
        [time_major, *weights, lengths, *initial],
        [(tf.float32, [steps, 1, batch, units])] + [(tf.float32, [1, batch, units])] * len(states),
        {"hidden_size": units, **form.attributes},
    )
    outputs = tf.transpose(tf.squeeze(results[0], 1), [1, 0, 2])
    return outputs, [tf.squeeze(state, 0) for state in results[1:]]


def _counted_first(sequences: Any, mask: Any) -> tuple[Any, Any]:
    """Move the time steps that count to the front. Returns them and how many there are (int32)."""
    counted = tf.cast(mask, tf.int32)
    steps = tf.shape(counted)[1]
    rank = counted * steps - tf.range(steps)[None]
    _, order = tf.math.top_k(tf.cast(rank, tf.float32), k=steps)
    return tf.gather(sequences, order, axis=1, batch_dims=1), tf.reduce_sum(counted, 1)


def _spread(outputs: Any, mask: Any, zero_masked: bool) -> Any:
    """Put each output back at its time step; a masked step repeats the one before it."""
    counted = tf.cast(mask, tf.int32)
    at = tf.cumsum(counted, axis=1) - 1
    spread = tf.gather(outputs, tf.maximum(at, 0), axis=1, batch_dims=1)
    shown = counted if zero_masked else tf.cast(at >= 0, tf.int32)
    return spread * tf.cast(shown[:, :, None], spread.dtype)
