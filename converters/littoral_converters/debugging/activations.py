"""What every layer of a Keras model puts out on given inputs, in the order of computing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from littoral_converters.nesting import every_layer
from littoral_converters.signature import Signature
from littoral_converters.watching import watched

_WHOLE = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed)
"""Layers that call the layers inside them once a step: only what they put out is a tensor."""


@dataclass(frozen=True)
class Activation:
    """One output of one call of one layer.

    Attributes:
        layer: What a person calls it: the names of the models around the layer, and its own, with
            the number of the call or output where there are several.
        name: The layer's own name, which names of tensors and nodes carry.
        kind: The layer's class; ``"Input"`` for a model's input.
        values: Float64 or integers ``[n, ...]``, samples along the first axis.
        sources: Indices of the activations that went into it, as far as they are known.
    """

    layer: str
    name: str
    kind: str
    values: NDArray[Any]
    sources: tuple[int, ...] = ()


@dataclass
class _Log:
    """What was seen so far; tensors are kept alive, so that an id stays that of one tensor."""

    layers: list[str] = field(default_factory=list)
    inside_whole: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    found: list[Activation] = field(default_factory=list)
    makers: dict[int, int] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)

    def enter(self, layer: Any) -> None:
        self.layers.append(str(layer.name))
        self.inside_whole += isinstance(layer, _WHOLE)

    def leave(self, layer: Any, given: tuple[Any, Any], result: Any) -> None:
        label = "/".join(self.layers)
        self.layers.pop()
        self.inside_whole -= isinstance(layer, _WHOLE)
        if self.inside_whole:
            return
        self.calls[label] = self.calls.get(label, 0) + 1
        call = f" (call {self.calls[label]})" if self.calls[label] > 1 else ""
        went_in = [self.made_by(one) for one in keras.tree.flatten(given)]
        outputs = keras.tree.flatten(result)
        for place, tensor in enumerate(outputs):
            number = f" [{place}]" if len(outputs) > 1 else ""
            inside = self.made_by(tensor)  # a model hands on what a layer in it made
            sources = sorted(
                {i for i in (went_in if inside is None else [inside]) if i is not None}
            )
            self.add(label + call + number, layer.name, type(layer).__name__, tensor, sources)

    def made_by(self, tensor: Any) -> int | None:
        return self.makers.get(id(tensor))

    def add(
        self, label: str, name: str, kind: str, tensor: Any, sources: Sequence[int] = ()
    ) -> None:
        values = None if tensor is None else np.asarray(keras.ops.convert_to_numpy(tensor))
        if values is None or values.dtype.kind not in "fiub":
            return
        self.alive.append(tensor)
        self.makers.setdefault(id(tensor), len(self.found))
        self.found.append(Activation(label, name, kind, values, tuple(sources)))


def activations_of(
    model: Any, signature: Signature, inputs: Sequence[NDArray[Any]]
) -> tuple[list[Activation], list[NDArray[Any]], list[int | None]]:
    """Run a model eagerly and keep what every layer puts out.

    Args:
        model: A built keras.Model.
        signature: Its inputs and outputs.
        inputs: One array ``[n, ...]`` per input, in Keras order.

    Returns:
        The activations, inputs first, each layer after the layers inside it; the model's outputs
        in Keras order; and for each of these the index of the activation that it is.
    """
    log = _Log()
    tensors = [keras.ops.convert_to_tensor(values) for values in inputs]
    for spec, tensor in zip(signature.inputs, tensors, strict=True):
        log.add(spec.name, spec.name, "Input", tensor)
    layers = [layer for layer in every_layer(model) if layer is not model]
    with watched(layers, log.enter, log.leave):
        results = signature.call(model, tensors)
    arrays = [np.asarray(keras.ops.convert_to_numpy(result)) for result in results]
    return log.found, arrays, [log.made_by(result) for result in results]
