"""The arithmetic of one time step of LSTM, GRU and SimpleRNN, with the input projection apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from littoral_converters.lowering._cell_weights import Array, Weights

Step = Callable[[list[Any], list[Any]], list[Any]]


@dataclass(frozen=True)
class OnnxForm:
    """The same cell as ONNX's recurrent operator takes it.

    Attributes:
        op_type: ``"LSTM"``, ``"GRU"`` or ``"RNN"``.
        w: Input weights, (1, gates * units, features), gates in ONNX's order.
        r: Recurrent weights, (1, gates * units, units).
        b: Biases of input and recurrence, (1, 2 * gates * units).
        attributes: Attributes beyond hidden_size and direction.
    """

    op_type: str
    w: Array
    r: Array
    b: Array
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Passing:
    """How a cell passes over time steps that do not count, by arithmetic alone.

    A choice between two tensors is no operator of XNNPACK: one in every step takes as long as all
    the rest of the step.

    Attributes:
        shifts: By part of the projected input, what is added to it in a step that does not count:
            gates so far open or shut that the state stays exactly what it was. None for nothing.
        step: (projected input, shifted; states; 1 where the step does not count and 0 where it
            does, (batch, 1)) -> new states.
    """

    shifts: tuple[Array | None, ...]
    step: Callable[[list[Any], list[Any], Any], list[Any]]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell split into what needs the state and what does not.

    Attributes:
        units: Size of the output.
        project: (sequences (batch, time, features)) -> all time steps through the input weights,
            (batch, time, size) for each of `parts`.
        step: (projected input of one time step, in its parts; states) -> new states, the output
            first.
        parts: Sizes of the parts of the projected input that `step` takes.
        passing: How it passes over steps in arithmetic; None where its activations forbid that.
        onnx: The cell for ONNX's operator; None when the operator cannot say the same.
    """

    units: int
    project: Callable[[Any], list[Any]]
    step: Step
    parts: tuple[int, ...]
    passing: Passing | None
    onnx: OnnxForm | None


def cell_of(weights: Weights) -> Cell:
    """Split a cell into what needs the state and what does not."""
    return _SPLIT[weights.kind](weights)


def has_operator(cell: Any) -> bool:
    """Whether ONNX's operator has the activations of a known Keras cell, or of its weights."""
    used = {cell.activation, getattr(cell, "recurrent_activation", None)} - {None}
    return used <= set(_ONNX_ACTIVATIONS)


def _lstm(cell: Weights) -> Cell:
    units = cell.units
    gate = cell.recurrent_activation or keras.activations.linear
    # Keras orders the gates i f c o; with c last, the three sigmoids are one operator.
    order = _gate_order((0, 1, 3, 2), units)
    recurrent = cell.recurrent[:, order]

    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        hidden, carry = states
        gates = inputs[0] + tf.linalg.matmul(hidden, recurrent)
        # Of the candidate too, and in vain: cheaper than cutting it off first.
        keep_in, keep_old, keep_out, _ = tf.split(gate(gates), 4, axis=1)
        candidate = cell.activation(gates[:, 3 * units :])
        carry = keep_old * carry + keep_in * candidate
        return [keep_out * cell.activation(carry), carry]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        hidden, carry = step(inputs, states)  # all that is shut out of a skipped output is zero
        return [hidden + skipped * states[0], carry]

    passing = Passing((_shift((1, -1, 1, 0), units),), step_over) if _can_shut(cell) else None
    parts = (4 * units,)
    project = _projection(cell.kernel[:, order], cell.bias[order], parts)
    onnx = _onnx_form(cell, (0, 3, 1, 2))
    return Cell(units, project, step, parts, passing, onnx)


def _gru(cell: Weights) -> Cell:
    units = cell.units
    look = _gru_look(cell)

    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        update, candidate = look(inputs, states[0])
        return [candidate + update * (states[0] - candidate)]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        del skipped  # with the gate at 1 this sum is the old state to the bit
        update, candidate = look(inputs, states[0])
        return [update * states[0] + (1 - update) * candidate]

    passing = Passing((_shift((-1, 0), units), None), step_over) if _can_shut(cell) else None
    # The update and reset gates only ever see the sum of both biases; a GRU that resets the state
    # itself has one bias.
    bias = cell.bias.copy()
    bias[: 2 * units] += cell.recurrent_bias[: 2 * units]
    parts = (2 * units, units)
    project = _projection(cell.kernel, bias, parts)
    onnx = _onnx_form(cell, (0, 1, 2))
    return Cell(units, project, step, parts, passing, onnx)


def _gru_look(cell: Weights) -> Callable[[list[Any], Any], tuple[Any, Any]]:
    """(projected input of one time step, hidden state) -> the update gate and the candidate."""
    units, recurrent = cell.units, cell.recurrent
    gate = cell.recurrent_activation or keras.activations.linear
    late_bias = np.concatenate([np.zeros(2 * units, np.float32), cell.recurrent_bias[2 * units :]])

    def look(inputs: list[Any], hidden: Any) -> tuple[Any, Any]:
        gates, candidate = inputs
        if cell.reset_after:
            inner = tf.linalg.matmul(hidden, recurrent) + late_bias
            gates = gate(gates + inner[:, : 2 * units])
            update, reset = tf.split(gates, 2, axis=1)
            candidate = candidate + reset * inner[:, 2 * units :]
        else:
            inner = tf.linalg.matmul(hidden, recurrent[:, : 2 * units])
            update, reset = tf.split(gate(gates + inner), 2, axis=1)
            candidate = candidate + tf.linalg.matmul(reset * hidden, recurrent[:, 2 * units :])
        return update, cell.activation(candidate)

    return look


def _simple(cell: Weights) -> Cell:
    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        return [cell.activation(inputs[0] + tf.linalg.matmul(states[0], cell.recurrent))]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        (hidden,) = step(inputs, states)
        return [(1 - skipped) * hidden + skipped * states[0]]

    parts = (cell.units,)
    project = _projection(cell.kernel, cell.bias, parts)
    passing = Passing((None,), step_over) if _is_finite(cell.activation) else None
    onnx = _onnx_form(cell, (0,))
    return Cell(cell.units, project, step, parts, passing, onnx)


_SPLIT = {"LSTM": _lstm, "GRU": _gru, "RNN": _simple}


def _projection(kernel: Array, bias: Array, parts: tuple[int, ...]) -> Callable[[Any], list[Any]]:
    def project(sequences: Any) -> list[Any]:
        projected = tf.linalg.matmul(sequences, kernel) + bias
        return list(tf.split(projected, parts, axis=2)) if parts[1:] else [projected]

    return project


def _onnx_form(cell: Weights, gates: tuple[int, ...]) -> OnnxForm | None:
    """The cell for ONNX's operator, or None when it has no such activation.

    Args:
        cell: The cell.
        gates: Position in Keras of each of ONNX's gates.
    """
    if not has_operator(cell):
        return None
    # Of the gates, of the candidate, and of an LSTM's carry.
    used = {"LSTM": (True, False, False), "GRU": (True, False), "RNN": (False,)}[cell.kind]
    activations = [
        _ONNX_ACTIVATIONS[cell.recurrent_activation if is_gate else cell.activation]
        for is_gate in used
    ]
    order = _gate_order(gates, cell.units)
    attributes: dict[str, Any] = {"activations": activations}
    if "HardSigmoid" in activations:
        # The lists hold an entry for each activation that takes one, not for each activation.
        count = activations.count("HardSigmoid")
        attributes["activation_alpha"], attributes["activation_beta"] = (
            [1 / 6] * count,
            [0.5] * count,
        )
    if cell.kind == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    return OnnxForm(
        op_type=cell.kind,
        w=np.ascontiguousarray(cell.kernel[:, order].T)[None],
        r=np.ascontiguousarray(cell.recurrent[:, order].T)[None],
        b=np.concatenate([cell.bias[order], cell.recurrent_bias[order]])[None],
        attributes=attributes,
    )


_SATURATING = (keras.activations.sigmoid, keras.activations.hard_sigmoid)
_SHUT = -1e9
"""No gate's sum outweighs it: `_SATURATING` functions are then exactly 0 or, negated, 1."""

_ONNX_ACTIVATIONS: dict[Callable[[Any], Any] | None, str] = {
    keras.activations.sigmoid: "Sigmoid",
    keras.activations.tanh: "Tanh",
    keras.activations.relu: "Relu",
    keras.activations.hard_sigmoid: "HardSigmoid",
    keras.activations.softsign: "Softsign",
    keras.activations.softplus: "Softplus",
}


def _is_finite(function: Callable[[Any], Any]) -> bool:
    """Whether a function of `_SHUT` or of its negative is a number."""
    return function is not keras.activations.exponential


def _can_shut(cell: Weights) -> bool:
    return cell.recurrent_activation in _SATURATING and _is_finite(cell.activation)


def _shift(shut: tuple[int, ...], units: int) -> Array:
    """By gate: 1 shuts it, -1 opens it, 0 leaves it."""
    return np.repeat(np.array(shut, np.float32) * np.float32(_SHUT), units)


def _gate_order(gates: tuple[int, ...], units: int) -> NDArray[np.int64]:
    return np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in gates])
