"""A Bidirectional layer as one recurrence of both sizes: in every step, one of each direction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cell_weights import side_by_side, weights_of
from littoral_converters.lowering._cells import Cell, cell_of
from littoral_converters.lowering._recurrent_loops import StepLoop
from littoral_converters.lowering._recurrent_steps import run


def joined_cell(layer: Any) -> Cell:
    """One cell for both directions.

    Args:
        layer: A built Bidirectional whose directions go together. The cell's units are the forward
            layer's, then the backward layer's.
    """
    parts = (layer.forward_layer, layer.backward_layer)
    both = [weights for part in parts if (weights := weights_of(part.cell)) is not None]
    joined = side_by_side(*both)
    forward, backward = map(cell_of, both)

    def project(sequences: Any) -> list[Any]:
        own, other = forward.project(sequences), backward.project(tf.reverse(sequences, [1]))
        gates = [size // forward.units for size in forward.parts]
        return [_by_gate(*pair) for pair in zip(own, other, gates, strict=True)]

    return dataclasses.replace(cell_of(joined), project=project)


def joined_call(layer: Any, cell: Cell, step_loop: StepLoop, plan: Plan) -> Callable[..., Any]:
    """The stand-in for the `call` of a Bidirectional.

    Args:
        layer: The Bidirectional.
        cell: Its `joined_cell`.
        step_loop: How the steps are written out.
        plan: What the trace is made for.
    """
    parts = (layer.forward_layer, layer.backward_layer)
    sizes = [part.cell.units for part in parts]

    def call(
        sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None
    ) -> Any:
        del training
        if initial_state is None:
            batch = keras.ops.shape(sequences)[0]
            initial_state = [part.get_initial_state(batch_size=batch) for part in parts]
        begun = keras.tree.flatten(initial_state)
        half = len(begun) // 2
        states = [tf.concat(pair, axis=1) for pair in zip(begun[:half], begun[half:], strict=True)]
        last, outputs, states = run(
            cell,
            sequences,
            states,
            None if mask is None else _counts(mask, sizes),
            step_loop=step_loop,
            every=layer.return_sequences,
            shows_zeros=layer.forward_layer.zero_output_for_mask,
            plan=plan,
        )
        if layer.return_sequences:
            forward, backward = tf.split(outputs, sizes, axis=2)
            merged = merge(forward, tf.reverse(backward, [1]), layer.merge_mode)
        elif layer.merge_mode == "concat":
            merged = last
        else:
            forward, backward = tf.split(last, sizes, axis=1)
            merged = merge(forward, backward, layer.merge_mode)
        return with_ends(layer, merged, [tf.split(state, sizes, axis=1) for state in states])

    return call


def _by_gate(first: Any, second: Any, gates: int) -> Any:
    """(batch, time, gates * units) of each direction, side by side in every gate."""
    if gates == 1:
        return tf.concat([first, second], axis=2)
    batch, time = first.shape[:2]
    if batch is None and time is None:
        batch, time = tf.unstack(tf.shape(first)[:2])
    around = [-1 if size is None else size for size in (batch, time)]
    apart = [tf.reshape(part, [*around, gates, part.shape[2] // gates]) for part in (first, second)]
    return tf.reshape(tf.concat(apart, axis=3), [*around, first.shape[2] + second.shape[2]])


def _counts(mask: Any, sizes: list[int]) -> Any:
    """Which steps count for each unit, (batch, time, units): the second direction sees the end."""
    ways = [tf.expand_dims(each, 2) for each in (mask, tf.reverse(mask, [1]))]
    wide = [tf.tile(each, [1, 1, size]) for each, size in zip(ways, sizes, strict=True)]
    return tf.concat(wide, axis=2)


def with_ends(layer: Any, merged: Any, states: list[Any]) -> Any:
    """What a Bidirectional returns: merged outputs and, where it is to, the states of each way."""
    if not layer.return_state:
        return merged
    ends = tuple(state[direction] for direction in (0, 1) for state in states)
    return (*merged, *ends) if isinstance(merged, tuple) else (merged, *ends)


def merge(forward: Any, backward: Any, mode: str | None) -> Any:
    """Merge two outputs as Keras's merge_mode says."""
    if mode is None:
        return forward, backward
    if mode == "concat":
        return tf.concat([forward, backward], axis=-1)
    merged = {
        "sum": forward + backward,
        "ave": (forward + backward) / 2,
        "mul": forward * backward,
    }
    return merged[mode]
