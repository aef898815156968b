"""A recurrence over all its time steps in plain operators, those passed over that do not count."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cells import Cell, Step
from littoral_converters.lowering._recurrent_loops import StepLoop


def run(
    cell: Cell,
    sequences: Any,
    states: list[Any],
    counts: Any,
    *,
    step_loop: StepLoop,
    every: bool,
    shows_zeros: bool,
    plan: Plan,
) -> tuple[Any, Any, list[Any]]:
    """Run a cell over sequences.

    Args:
        cell: The cell.
        sequences: (batch, time, features), in the order in which the cell reads them.
        states: Where it starts from, (batch, units) each.
        counts: Which steps count, bool (batch, time, 1), or (batch, time, units) where units
            differ; None when all do.
        step_loop: How its steps are written out.
        every: Whether every output is wanted, or only the last.
        shows_zeros: Whether a step that does not count shows zeros, and not the output before it.
        plan: What the trace is made for.

    Returns:
        The last output (batch, units), every output (batch, time, units) or the last, and the
        states at the end.
    """
    starts_at_zero = is_zero(states[0])
    parts, step = cell.project(sequences), cell.step
    if counts is not None:
        parts, step = _passing_over(cell, parts, counts, plan)
    outputs, states = step_loop(step, parts, states, every)
    if counts is None:
        return states[0], outputs, states
    # Keras shows zeros until the first step that counts, whatever the initial state.
    begun = None if starts_at_zero else tf.cumsum(tf.cast(counts, tf.int32), axis=1) > 0
    shown = counts if shows_zeros else begun
    if every:
        return states[0], _show(outputs, shown), states
    return _show(states[0], None if shown is None else shown[:, -1]), outputs, states


def _passing_over(cell: Cell, parts: list[Any], counts: Any, plan: Plan) -> tuple[list[Any], Step]:
    """The inputs of all steps, and a step that keeps its states where it does not count.

    Args:
        cell: The cell.
        parts: Its projected input, (batch, time, size) each.
        counts: Which steps count, (batch, time, 1 or units).
        plan: What the trace is made for.
    """
    passing = cell.passing if plan.format == "tflite" and not plan.integer else None
    if passing is None:

        def choosing(inputs: list[Any], states: list[Any]) -> list[Any]:
            *own, counts = inputs
            new = cell.step(own, states)
            return [tf.where(counts, n, o) for n, o in zip(new, states, strict=True)]

        return [*parts, counts], choosing
    step_over = passing.step
    skipped = 1 - tf.cast(counts, parts[0].dtype)
    shifted = [
        part if shift is None else part + _widened(skipped, shift.size) * shift
        for part, shift in zip(parts, passing.shifts, strict=True)
    ]

    def stepping_over(inputs: list[Any], states: list[Any]) -> list[Any]:
        *own, skipped = inputs
        return step_over(own, states, skipped)

    return [*shifted, skipped], stepping_over


def _widened(skipped: Any, size: int) -> Any:
    """(batch, time, units) -> (batch, time, size), for each gate; one for all units stays one."""
    units = skipped.shape[2]
    return skipped if units == 1 else tf.concat([skipped] * (size // units), axis=2)


def is_zero(state: Any) -> bool:
    """Whether a state is known to be zeros."""
    value = tf.get_static_value(state)
    return value is not None and not value.any()


def _show(outputs: Any, shown: Any) -> Any:
    return outputs if shown is None else outputs * tf.cast(shown, outputs.dtype)
