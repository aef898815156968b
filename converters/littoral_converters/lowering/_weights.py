"""Weights that a model sets itself while it answers: no lowering knows them before the trace.

A layer around another one may normalize the weights of that, and assign them, or put a tensor in
their place, before it calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def replaced(layers: Iterable[Any]) -> frozenset[int]:
    """The ids of the learned weights of Keras's own layers that something else stands in for."""
    found = set()
    for layer in layers:
        # Other layers than Keras's may hold theirs in lists.
        if type(layer).__module__.startswith("keras."):
            held = {id(value) for value in vars(layer).values()}
            found |= {id(weight) for weight in layer._trainable_variables} - held
    return frozenset(found)


def changed(graph: Any, layers: Sequence[Any]) -> frozenset[int]:
    """The ids of the learned weights that a traced model assigns to, or has replaced.

    Args:
        graph: Its FuncGraph.
        layers: All of its layers.
    """
    targets = {
        id(operation.inputs[0])
        for operation in graph.get_operations()
        if operation.type.startswith("Assign") and operation.inputs
    }
    handles = {id(outer) for outer, inner in graph.captures if id(inner) in targets}
    assigned = {
        id(weight)
        for layer in layers
        for weight in layer._trainable_variables
        if id(getattr(weight.value, "handle", None)) in handles
    }
    return replaced(layers) | assigned
