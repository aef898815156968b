"""What a recurrent Keras cell holds, as arrays: LSTM, GRU and SimpleRNN alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from littoral_converters.lowering._weights import array_of

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """The weights and functions of a cell, gates in Keras's order.

    Attributes:
        kind: ``"LSTM"``, ``"GRU"`` or ``"RNN"``, as ONNX calls them.
        units: Size of the output.
        kernel: Input weights, (features, gates * units).
        recurrent: Recurrent weights, (units, gates * units).
        bias: Bias of the projected input, (gates * units,).
        recurrent_bias: Bias of the projected state, (gates * units,); zeros where Keras has none.
        activation: What a new value passes through.
        recurrent_activation: What a gate passes through; None for a cell without gates.
        reset_after: Whether a GRU resets the projected state, and not the state.
    """

    kind: str
    units: int
    kernel: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array
    activation: Callable[[Any], Any]
    recurrent_activation: Callable[[Any], Any] | None
    reset_after: bool = False

    @property
    def gates(self) -> int:
        """How many vectors of `units` values a step computes."""
        return self.bias.size // self.units


def is_known(cell: Any) -> bool:
    """Whether a Keras cell has weights of a kind that is known here.

    Gates are computed side by side, so an activation must look at each value by itself.
    """
    used = {getattr(cell, name, None) for name in ("activation", "recurrent_activation")}
    return type(cell) in _KINDS and used <= {None, *_ELEMENTWISE}


def weights_of(cell: Any) -> Weights | None:
    """The weights of a Keras cell; None for a kind that is not known here."""
    if not is_known(cell):
        return None
    recurrent = array_of(cell.recurrent_kernel)
    both = np.zeros((2, recurrent.shape[1]), np.float32)
    if cell.bias is not None:
        # One row, but for a GRU that resets late.
        both[: cell.bias.ndim] = array_of(cell.bias)
    return Weights(
        kind=_KINDS[type(cell)],
        units=cell.units,
        kernel=array_of(cell.kernel),
        recurrent=recurrent,
        bias=both[0],
        recurrent_bias=both[1],
        activation=cell.activation,
        recurrent_activation=getattr(cell, "recurrent_activation", None),
        reset_after=getattr(cell, "reset_after", False),
    )


def together(first: Any, second: Any) -> bool:
    """Whether two Keras cells compute the same way, and could do so side by side."""
    names = ("activation", "recurrent_activation", "reset_after")
    alike = all(getattr(first, name, None) == getattr(second, name, None) for name in names)
    return is_known(first) and type(first) is type(second) and alike


def side_by_side(first: Weights, second: Weights) -> Weights:
    """One cell that computes two at once, each from features and a state of its own.

    A step of a small cell is mostly the cost of its operators, whatever their size: one step for
    both takes little longer than one of either. Half of the recurrent weights are zeros.

    Args:
        first: Takes the first features, and has the first units of output and state.
        second: Takes and has the others; goes `together` with the first.
    """
    pair, gates = (first, second), first.gates
    biases = [_by_gate(cell.bias, gates) for cell in pair]
    late_biases = [_by_gate(cell.recurrent_bias, gates) for cell in pair]
    return replace(
        first,
        units=first.units + second.units,
        kernel=_blocks(first.kernel, second.kernel, gates),
        recurrent=_blocks(first.recurrent, second.recurrent, gates),
        bias=np.concatenate(biases, axis=1).reshape(-1),
        recurrent_bias=np.concatenate(late_biases, axis=1).reshape(-1),
    )


def _blocks(first: Array, second: Array, gates: int) -> Array:
    """Matrices (rows, gates * units) in the corners of one, gate by gate; zeros elsewhere."""
    first, second = _by_gate(first, gates), _by_gate(second, gates)
    rows, columns = first.shape[0], first.shape[2]
    both = np.zeros((rows + second.shape[0], gates, columns + second.shape[2]), np.float32)
    both[:rows, :, :columns] = first
    both[rows:, :, columns:] = second
    return both.reshape(len(both), -1)


def _by_gate(array: Array, gates: int) -> Array:
    """(..., gates * units) -> (..., gates, units)."""
    return array.reshape(*array.shape[:-1], gates, -1)


_KINDS = {
    keras.layers.LSTMCell: "LSTM",
    keras.layers.GRUCell: "GRU",
    keras.layers.SimpleRNNCell: "RNN",
}

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
