"""One step of LSTM, GRU, SimpleRNN, ConvLSTM, and of RNN around any cells.

Keras computes it, on a sequence of length one that begins with the remembered state. A masked step
leaves the state as it was, and repeats the output before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.graphs.axes import by_sample
from littoral_converters.lowering._cell_weights import is_known
from littoral_converters.streaming import Memory, zeros

_LSTM, _ONE = ("hidden", "carry"), ("hidden",)


def step(layer: Any, memory: Memory) -> Mapping[str, object]:
    """Stand-ins for a recurrent layer; see `littoral_converters.streaming`."""
    if not isinstance(layer, keras.layers.RNN) or not layer.built:
        return {}
    return {"call": _call(layer, memory), "stateful": False, "unroll": True}


def _call(layer: Any, memory: Memory) -> Callable[..., Any]:
    keras_call = layer.call
    nest = layer.get_initial_state(batch_size=1)
    initial = [np.asarray(state, np.float32)[0] for state in keras.tree.flatten(nest)]
    names = {1: _ONE, 2: _LSTM}.get(len(initial), [f"state_{i}" for i in range(len(initial))])
    shows_state = is_known(layer.cell)

    def call(sequences: Any, initial_state: Any = None, mask: Any = None, **options: Any) -> Any:
        if initial_state is not None:
            raise ConversionError(
                f"layer {layer.name!r} ({type(layer).__name__}) starts from a state that the model "
                "computes, and a stream has no first step to take it at: let it start from zeros, "
                "or convert without --streaming"
            )
        pairs = zip(names, initial, strict=True)
        held = [memory.hold(f"{layer.name}_{name}", value) for name, value in pairs]
        states = [present for present, _ in held]
        begun = keras.tree.pack_sequence_as(nest, states)
        output, new = _one(layer, keras_call, sequences, begun, options)
        if mask is not None:
            new = [by_sample(mask[:, 0], n, o) for n, o in zip(new, states, strict=True)]
            output = _masked(layer, memory, output, new[0] if shows_state else None, mask[:, 0])
        for (_, keep), state in zip(held, new, strict=True):
            keep(state)
        return (output, *keras.tree.pack_sequence_as(nest, new)) if layer.return_state else output

    return call


def _one(
    layer: Any, keras_call: Callable[..., Any], sequences: Any, states: Any, options: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """Keras's output for one step, and the new states, whether the layer returns them or not."""
    returns = layer.return_state
    object.__setattr__(layer, "return_state", True)
    try:
        output, *new = keras_call(sequences, initial_state=states, **options)
    finally:
        object.__setattr__(layer, "return_state", returns)
    return output, list(keras.tree.flatten(new))


def _masked(layer: Any, memory: Memory, output: Any, state: Any, counts: Any) -> Any:
    """What a layer shows after a step that may not count.

    Args:
        layer: The layer.
        memory: Where it remembers.
        output: What it would show if the step counts.
        state: The new state, where that is what it shows; None where it shows something else.
        counts: Whether the step counts, (batch,).
    """
    if layer.return_sequences and layer.zero_output_for_mask:
        return by_sample(counts, output, tf.zeros_like(output))
    if state is not None:
        return state[:, None] if layer.return_sequences else state
    shown, keep = memory.hold(f"{layer.name}_output", zeros(*output.shape[1:]))
    output = by_sample(counts, output, shown)
    keep(output)
    return output
