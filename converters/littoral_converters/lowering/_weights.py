"""Which layers compute with other weights than they hold: those that a lowering cannot stand in for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def changed(graph: Any, layers: Iterable[Any]) -> frozenset[int]:
    """The learned weights that a model sets itself while it answers.

    A layer around another one may normalize the weights of that, and assign them or put a tensor in
    their place, before it calls it.

    Args:
        graph: The FuncGraph of the traced model.
        layers: All of its layers.

    Returns:
        Their ids.
    """
    assigned = {
        id(operation.inputs[0])
        for operation in graph.get_operations()
        if operation.type.startswith("Assign") and operation.inputs
    }
    handles = {id(outer) for outer, inner in graph.captures if id(inner) in assigned}
    found = set()
    for layer in layers:
        held = {id(value) for value in vars(layer).values()}
        for weight in layer._trainable_variables:
            is_replaced = _is_of_keras(layer) and id(weight) not in held
            if is_replaced or id(weight.value.handle) in handles:
                found.add(id(weight))
    return frozenset(found)


def _is_of_keras(layer: Any) -> bool:
    """Whether a layer holds each of its weights under a name; others may have lists of them."""
    return type(layer).__module__.startswith("keras.")
