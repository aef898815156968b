"""The loop of a recurrent layer whose cell is left to Keras: several, a convolution, a user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import by_sample, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._recurrent_loops import counted
from littoral_converters.lowering._turns import turns, written_out


def cell_loop(layer: Any, plan: Plan, is_written: bool) -> Callable[..., Any]:
    """The stand-in for `keras.layers.RNN.inner_loop`: (last output, outputs, states).

    Args:
        layer: The layer.
        plan: What the trace is made for.
        is_written: Whether its steps are written out, not looped over. Keras's own way to do so
            fails on a list of one cell with several states.
    """
    options = {"training": False} if getattr(layer.cell, "_call_has_training_arg", False) else {}

    def step(inputs: Any, states: list[Any], like: Any) -> tuple[Any, list[Any]]:
        packed = keras.tree.pack_sequence_as(like, states)
        output, new = layer.cell(inputs, packed, **options)
        return output, keras.tree.flatten(new)

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        del training
        inputs = _time_major(sequences, layer)
        counts = None if mask is None else _time_major(tf.cast(mask, tf.bool), layer)
        states = keras.tree.flatten(initial_state)
        zeros = _zeros(step(inputs[0], states, initial_state)[0], sequences)
        count = counted(inputs.shape[0], layer, plan) if is_written else None
        rows, marks = (
            each if count is None or each is None else tf.unstack(each, num=count)
            for each in (inputs, counts)
        )

        def turn(at: Any, carry: list[Any]) -> tuple[list[Any], list[Any]]:
            before, *states = carry
            output, new = step(_row(rows, at), states, initial_state)
            if marks is not None:
                now = _row(marks, at)
                output = by_sample(now, output, zeros if layer.zero_output_for_mask else before)
                new = [by_sample(now, n, s) for n, s in zip(new, states, strict=True)]
            return [output, *new], [output] if layer.return_sequences else []

        like = [zeros] if layer.return_sequences else []
        begun = [zeros, *states]
        if count is not None:
            (last, *states), outputs = written_out(turn, count, begun)
        else:
            (last, *states), outputs = turns(turn, sizes(inputs)[0], begun, like, inputs, plan)
        ends = keras.tree.pack_sequence_as(initial_state, states)
        every = _swapped(outputs[0]) if outputs else last[:, None]
        return last, every, ends

    return inner_loop


def _row(rows: Any, at: Any) -> Any:
    """One step of all: of a list, or of a tensor."""
    return rows[at] if isinstance(rows, list) else tf.gather(rows, at)


def _time_major(tensor: Any, layer: Any) -> Any:
    """Time steps in the order in which a layer reads them, (time, batch, ...)."""
    tensor = _swapped(tensor)
    return tf.reverse(tensor, [0]) if layer.go_backwards else tensor


def _swapped(tensor: Any) -> Any:
    return tf.transpose(tensor, [1, 0, *range(2, len(tensor.shape))])


def _zeros(output: Any, sequences: Any) -> Any:
    """Zeros in the shape of a step's output, which is not computed for that where it is known."""
    rest = output.shape[1:]
    if not rest.is_fully_defined():
        return tf.zeros_like(output)
    return tf.zeros([sizes(sequences)[0], *rest], output.dtype)
