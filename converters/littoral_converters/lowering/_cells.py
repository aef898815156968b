"""The arithmetic of one time step of LSTM, GRU and SimpleRNN, with the input projection apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[np.float32]
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
        kernel: Input weights, (features, gates * units).
        bias: Their bias, (gates * units,).
        step: (projected input of one time step, in its parts; states) -> new states, the output
            first.
        parts: Sizes of the parts of the projected input that `step` takes.
        recurrent_weights: How many weights `step` multiplies by.
        passing: How it passes over steps in arithmetic; None where its activations forbid that.
        onnx: The cell for ONNX's operator; None when the operator cannot say the same.
    """

    units: int
    kernel: Array
    bias: Array
    step: Step
    parts: tuple[int, ...]
    recurrent_weights: int
    passing: Passing | None
    onnx: OnnxForm | None

    def project(self, sequences: Any) -> list[Any]:
        """All time steps through the input weights: (batch, time, size) for each of `parts`."""
        projected = tf.linalg.matmul(sequences, self.kernel) + self.bias
        return list(tf.split(projected, self.parts, axis=2)) if self.parts[1:] else [projected]


def cell_of(cell: Any) -> Cell | None:
    """Split a Keras cell; None for a kind that is not known here (its layer is left to Keras).

    Gates are computed side by side, so an activation must look at each value by itself.
    """
    split = {
        keras.layers.LSTMCell: _lstm,
        keras.layers.GRUCell: _gru,
        keras.layers.SimpleRNNCell: _simple,
    }.get(type(cell))
    if split is None:
        return None
    used = [getattr(cell, name, None) for name in ("activation", "recurrent_activation")]
    alone = all(function is None or function in _ELEMENTWISE for function in used)
    return split(cell) if alone else None


def _lstm(cell: Any) -> Cell:
    units = cell.units
    # Keras orders the gates i f c o; with c last, the three sigmoids are one operator.
    order = _gate_order((0, 1, 3, 2), units)
    kernel, recurrent = _array(cell.kernel)[:, order], _array(cell.recurrent_kernel)[:, order]
    bias = _bias(cell.bias, 4 * units)[order]
    onnx = _onnx_form(
        cell, "LSTM", (0, 3, 1, 2), _bias(cell.bias, 4 * units), np.zeros(4 * units, np.float32), 3
    )

    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        hidden, carry = states
        gates = inputs[0] + tf.linalg.matmul(hidden, recurrent)
        # Of the candidate too, and in vain: cheaper than cutting it off first.
        keep_in, keep_old, keep_out, _ = tf.split(cell.recurrent_activation(gates), 4, axis=1)
        candidate = cell.activation(gates[:, 3 * units :])
        carry = keep_old * carry + keep_in * candidate
        return [keep_out * cell.activation(carry), carry]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        hidden, carry = step(inputs, states)  # all that is shut out of a skipped output is zero
        return [hidden + skipped * states[0], carry]

    passing = Passing((_shift((1, -1, 1, 0), units),), step_over) if _can_shut(cell) else None
    return Cell(units, kernel, bias, step, (4 * units,), recurrent.size, passing, onnx)


def _gru(cell: Any) -> Cell:
    units = cell.units
    kernel, recurrent = _array(cell.kernel), _array(cell.recurrent_kernel)
    both = np.zeros((2, 3 * units), np.float32)
    if cell.bias is not None:
        both[: 2 if cell.reset_after else 1] = _array(cell.bias)
    bias, recurrent_bias = both.copy()
    if cell.reset_after:
        # The update and reset gates only ever see the sum of both biases.
        bias[: 2 * units] += recurrent_bias[: 2 * units]
    late_bias = np.concatenate([np.zeros(2 * units, np.float32), recurrent_bias[2 * units :]])

    look = _gru_look(cell, recurrent, late_bias)

    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        update, candidate = look(inputs, states[0])
        return [candidate + update * (states[0] - candidate)]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        del skipped  # with the gate at 1 this sum is the old state to the bit
        update, candidate = look(inputs, states[0])
        return [update * states[0] + (1 - update) * candidate]

    passing = Passing((_shift((-1, 0), units), None), step_over) if _can_shut(cell) else None
    onnx = _onnx_form(cell, "GRU", (0, 1, 2), both[0], both[1], 2)
    if onnx is not None:
        onnx.attributes["linear_before_reset"] = int(cell.reset_after)
    parts = (2 * units, units)
    return Cell(units, kernel, bias, step, parts, recurrent.size, passing, onnx)


def _gru_look(
    cell: Any, recurrent: Array, late_bias: Array
) -> Callable[[list[Any], Any], tuple[Any, Any]]:
    """(projected input of one time step, hidden state) -> the update gate and the candidate."""
    units = cell.units

    def look(inputs: list[Any], hidden: Any) -> tuple[Any, Any]:
        gates, candidate = inputs
        if cell.reset_after:
            inner = tf.linalg.matmul(hidden, recurrent) + late_bias
            gates = cell.recurrent_activation(gates + inner[:, : 2 * units])
            update, reset = tf.split(gates, 2, axis=1)
            candidate = candidate + reset * inner[:, 2 * units :]
        else:
            inner = tf.linalg.matmul(hidden, recurrent[:, : 2 * units])
            update, reset = tf.split(cell.recurrent_activation(gates + inner), 2, axis=1)
            candidate = candidate + tf.linalg.matmul(reset * hidden, recurrent[:, 2 * units :])
        return update, cell.activation(candidate)

    return look


def _simple(cell: Any) -> Cell:
    units = cell.units
    recurrent = _array(cell.recurrent_kernel)
    bias = _bias(cell.bias, units)

    def step(inputs: list[Any], states: list[Any]) -> list[Any]:
        return [cell.activation(inputs[0] + tf.linalg.matmul(states[0], recurrent))]

    def step_over(inputs: list[Any], states: list[Any], skipped: Any) -> list[Any]:
        (hidden,) = step(inputs, states)
        return [(1 - skipped) * hidden + skipped * states[0]]

    passing = Passing((None,), step_over) if cell.activation in _FINITE else None
    onnx = _onnx_form(cell, "RNN", (0,), bias, np.zeros(units, np.float32), 1)
    kernel = _array(cell.kernel)
    return Cell(units, kernel, bias, step, (units,), recurrent.size, passing, onnx)


def _onnx_form(
    cell: Any, op_type: str, gates: tuple[int, ...], bias: Array, recurrent_bias: Array, used: int
) -> OnnxForm | None:
    """The cell for ONNX's operator, or None when it has no such activation.

    Args:
        cell: The Keras cell.
        op_type: ONNX's operator.
        gates: Position in Keras of each of ONNX's gates.
        bias: Input bias in Keras's order.
        recurrent_bias: Recurrent bias in Keras's order.
        used: How many activations the operator takes.
    """
    names = [_ONNX_ACTIVATIONS.get(cell.activation)] * max(1, used - 1)
    if used > 1:
        names.insert(0, _ONNX_ACTIVATIONS.get(cell.recurrent_activation))
    if None in names:
        return None
    order = _gate_order(gates, cell.units)
    activations = [name for name in names if name is not None]
    attributes: dict[str, Any] = {"activations": activations}
    if "HardSigmoid" in activations:
        # The lists hold an entry for each activation that takes one, not for each activation.
        count = activations.count("HardSigmoid")
        attributes["activation_alpha"], attributes["activation_beta"] = (
            [1 / 6] * count,
            [0.5] * count,
        )
    return OnnxForm(
        op_type=op_type,
        w=np.ascontiguousarray(_array(cell.kernel)[:, order].T)[None],
        r=np.ascontiguousarray(_array(cell.recurrent_kernel)[:, order].T)[None],
        b=np.concatenate([bias[order], recurrent_bias[order]])[None],
        attributes=attributes,
    )


_ELEMENTWISE = (
    keras.activations.elu,
    keras.activations.exponential,
    keras.activations.gelu,
    keras.activations.hard_sigmoid,
    keras.activations.hard_silu,
    keras.activations.leaky_relu,
    keras.activations.linear,
    keras.activations.mish,
    keras.activations.relu,
    keras.activations.relu6,
    keras.activations.selu,
    keras.activations.sigmoid,
    keras.activations.silu,
    keras.activations.softplus,
    keras.activations.softsign,
    keras.activations.tanh,
)

_FINITE = tuple(f for f in _ELEMENTWISE if f is not keras.activations.exponential)
_SATURATING = (keras.activations.sigmoid, keras.activations.hard_sigmoid)
_SHUT = -1e9
"""No gate's sum outweighs it: `_SATURATING` functions are then exactly 0 or, negated, 1."""

_ONNX_ACTIVATIONS = {
    keras.activations.sigmoid: "Sigmoid",
    keras.activations.tanh: "Tanh",
    keras.activations.relu: "Relu",
    keras.activations.hard_sigmoid: "HardSigmoid",
    keras.activations.softsign: "Softsign",
    keras.activations.softplus: "Softplus",
}


def _can_shut(cell: Any) -> bool:
    return cell.recurrent_activation in _SATURATING and cell.activation in _FINITE


def _shift(shut: tuple[int, ...], units: int) -> Array:
    """By gate: 1 shuts it, -1 opens it, 0 leaves it."""
    return np.repeat(np.array(shut, np.float32) * np.float32(_SHUT), units)


def _gate_order(gates: tuple[int, ...], units: int) -> NDArray[np.int64]:
    return np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in gates])


def _array(variable: Any) -> Array:
    return np.asarray(variable.numpy(), np.float32)


def _bias(variable: Any, size: int) -> Array:
    return np.zeros(size, np.float32) if variable is None else _array(variable)
