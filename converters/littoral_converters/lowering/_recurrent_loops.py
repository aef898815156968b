"""The two ways to write out a recurrence in plain operators: every step, or a WHILE over chunks.

A WHILE costs about as much per turn as one step of a small LSTM, what it gathers is copied at every
turn, and its body is planned anew at every call. So its body runs a chunk of steps; what is left
over is written out behind it.

A chunk must not be long either: XNNPACK keeps a copy of the recurrent weights for every step that
is written out. Copies that outgrow a core's cache are read from memory at every call: at 128 units
a float32 step took 12 us in turns of 24 steps, and 3.2 us in turns of 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cells import Step

COPIES_BYTES = 2**20
"""Weights of all steps that are written out; the second cache of most cores holds no more."""

StepLoop = Callable[[Step, list[Any], list[Any], bool], tuple[Any, list[Any]]]
"""(step, its inputs for all steps (batch, time, size), the states, whether every output is wanted)
-> (outputs (batch, time, units), or the last one, final states)"""


def counted(steps: int | None, layer: Any, plan: Plan) -> int:
    """The steps of a layer that are to be written out.

    Raises:
        ConversionError: Nobody knows how many there are.
    """
    if steps is None:
        raise ConversionError(
            f"layer {layer.name!r} ({type(layer).__name__}) cannot be unrolled for {plan.format}: "
            "its length is open; take lowering auto or loop, or give the model's input a fixed "
            "length"
        )
    return steps


def unrolled(
    step: Step, parts: list[Any], states: list[Any], every: bool, *, layer: Any, plan: Plan
) -> tuple[Any, list[Any]]:
    """Every time step written out; see `StepLoop`, and `counted` for the layer and the error."""
    count = counted(parts[0].shape[1], layer, plan)
    inputs = [tf.unstack(part, num=count, axis=1) for part in parts]
    outputs, states = _steps(step, inputs, states)
    return (tf.stack(outputs, axis=1) if every else states[0]), states


def looped(
    step: Step, parts: list[Any], states: list[Any], every: bool, *, step_bytes: float
) -> tuple[Any, list[Any]]:
    """A WHILE over chunks of time steps; see `StepLoop`, and `chunk_of` for the bytes of a step."""
    steps = parts[0].shape[1]
    chunk = chunk_of(steps, step_bytes)
    turns = tf.shape(parts[0])[1] if steps is None else tf.constant(steps // chunk)
    time_major = [tf.transpose(part, [1, 0, 2]) for part in parts]
    shapes = [state.shape for state in states]
    chunks = [_in_chunks(part, chunk, turns) for part in time_major]

    def body(turn: Any, gathered: Any, *now: Any) -> Any:
        inputs = [tf.unstack(tf.gather(part, turn), num=chunk) for part in chunks]
        outputs, new = _steps(step, inputs, list(now))
        for value, shape in zip(new, shapes, strict=True):
            value.set_shape(shape)
        return (turn + 1, gather(gathered, turn, outputs) if every else gathered, *new)

    open_sizes = None in shapes[0]
    gather = _joined if open_sizes else _written
    room: Any = tf.TensorArray(tf.float32, turns, element_shape=[chunk, *shapes[0]])
    if open_sizes or not every:
        # Any row will do to begin with: it is dropped. A slice leaves their number open.
        begun = turns if steps is None or not open_sizes else tf.shape(states[0])[0]
        room = time_major[0][: tf.minimum(begun, 1), :, : shapes[0][-1]]
    _, gathered, *states = tf.while_loop(
        lambda turn, *_: turn < turns,
        body,
        (tf.constant(0), room, *states),
        shape_invariants=_invariants(room, states),
    )
    outputs: Any = _in_order(gathered) if every else None
    if steps is not None and steps % chunk:
        done = steps - steps % chunk
        inputs = [tf.unstack(part[done:], axis=0) for part in time_major]
        rest, states = _steps(step, inputs, list(states))
        outputs = tf.concat([outputs, tf.stack(rest, axis=1)], axis=1) if every else None
    if not every:
        return states[0], list(states)
    outputs.set_shape([*parts[0].shape[:2], shapes[0][-1]])
    return outputs, list(states)


def chunk_of(steps: int | None, step_bytes: float) -> int:
    """Steps of one turn of a loop over so many, best a divisor.

    What the turns cost falls with the chunk, what planning its body costs grows with it. Measured
    in LiteRT they are even where a chunk is the root of half the steps; up to a third more or
    less is hardly slower.

    Args:
        steps: Length of the sequence; None for one that is not known, which is taken one by one.
        step_bytes: The recurrent weights of one step, as the engine keeps them.
    """
    if steps is None:
        return 1
    room = max(1, int(COPIES_BYTES / step_bytes))
    best = max(1, min(round(math.sqrt(steps / 2)), room))
    near = range(math.ceil(best * 2 / 3), min(best * 3 // 2, room) + 1)
    divisors = [size for size in near if steps % size == 0]
    return min(divisors, key=lambda size: abs(size - best), default=best)


def _written(gathered: Any, turn: Any, outputs: list[Any]) -> Any:
    return gathered.write(turn, tf.stack(outputs))


def _joined(gathered: Any, turn: Any, outputs: list[Any]) -> Any:
    """Rows behind rows: TFLite's array has no form for elements of an open batch."""
    del turn
    return tf.concat([gathered, tf.stack(outputs)], axis=0)


def _invariants(room: Any, states: list[Any]) -> tuple[Any, ...]:
    """Shapes that hold throughout a loop: rows that are joined grow."""
    rows = tf.TensorShape([None, *room.shape[1:]]) if tf.is_tensor(room) else tf.TensorShape(None)
    return (tf.TensorShape([]), rows, *(state.shape for state in states))


def _in_order(gathered: Any) -> Any:
    """Gathered outputs, (time, batch, units) in some form -> (batch, time, units)."""
    if tf.is_tensor(gathered):
        return tf.transpose(gathered[1:], [1, 0, 2])
    gathered = gathered.stack()
    turns, chunk, batch, units = tf.unstack(tf.shape(gathered))
    flat = tf.reshape(gathered, tf.stack([turns * chunk, batch, units]))
    return tf.transpose(flat, [1, 0, 2])


def _in_chunks(tensor: Any, chunk: int, turns: Any) -> Any:
    """(time, ...) -> (turns, chunk, ...): one lookup a turn, whose shape is known."""
    if chunk == 1:
        return tensor[:, None]
    rest = [size if size is not None else -1 for size in tensor.shape[1:]]
    known = tf.get_static_value(turns)
    whole = known is not None and known * chunk == tensor.shape[0]
    used = tensor if whole else tensor[: turns * chunk]
    return tf.reshape(used, [-1 if known is None else known, chunk, *rest])


def _steps(step: Step, inputs: list[list[Any]], states: list[Any]) -> tuple[list[Any], list[Any]]:
    """Run steps one after the other: each step's output, and the last one's states."""
    outputs = []
    for now in zip(*inputs, strict=True):
        states = step(list(now), states)
        outputs.append(states[0])
    return outputs, states
