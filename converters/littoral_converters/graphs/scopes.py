"""Scopes in the paths of a traced graph's nodes, and the Keras layers that they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import Any

_NUMBERED = re.compile(r"_\d+$")
_NOT_IN_SCOPES = re.compile(r"[^A-Za-z0-9_.>-]")


def name_as_scopes(model: Any, layers: Iterable[Any]) -> None:
    """Give layers names that TensorFlow takes for scopes, in place; inputs and outputs keep theirs.

    JAX and torch take any name, such as ``"my layer"``, and a model that was trained there may have
    it.

    Args:
        model: A keras.Model that is nobody else's.
        layers: Every layer in it.
    """
    import keras

    for layer in layers:
        if _NOT_IN_SCOPES.search(layer.name) and not isinstance(layer, keras.layers.InputLayer):
            layer.name = _NOT_IN_SCOPES.sub("_", layer.name)
    if model.name.startswith(("_", "-", ">")):  # which a scope inside another one may
        model.name = f"model{model.name}"


def meant_by(part: str, layers: Container[str]) -> list[str]:
    """The layers that a part of a node's path may be the scope of.

    Keras numbers a scope that it enters again: ``dense_1`` is the layer of that name, or ``dense``
    entered twice.
    """
    return [name for name in dict.fromkeys((part, _NUMBERED.sub("", part))) if name in layers]


def scopes_of(nodes: Sequence[str], layers: Sequence[str]) -> dict[str, str]:
    """The layer behind each part of a node's path that is a layer's scope.

    Parts that only one layer can have entered are decided first; of an ambiguous one it is a layer
    that has none yet.

    Args:
        nodes: Paths of the traced graph's nodes.
        layers: Names of the model's layers.

    Returns:
        Layer by part of a path.
    """
    parts = dict.fromkeys(part for node in nodes for part in node.split("/")[:-1])
    options = {part: meant_by(part, layers) for part in parts}
    found = {part: names[0] for part, names in options.items() if len(names) == 1}
    for part, names in options.items():
        if len(names) > 1:
            free = [name for name in names if name not in found.values()]
            found[part] = (free or names)[0]
    return found


def name_after_layers(graph_def: Any, layers: Sequence[str]) -> None:
    """Give scopes that Keras numbered their layer's own name, in place.

    Keras enters a layer's scope once to build it and once to call it, so that ``dense`` goes by
    ``dense_1`` in the graph and in every file. A layer that is called more than once keeps the
    numbers.

    Args:
        graph_def: A frozen GraphDef.
        layers: Names of the model's layers.
    """
    scopes = scopes_of([node.name for node in graph_def.node], layers)
    uses = Counter(scopes.values())
    names = {part: layer for part, layer in scopes.items() if uses[layer] == 1}

    def renamed(path: str) -> str:
        control, path = path[: path.startswith("^")], path.removeprefix("^")
        *within, last = path.split("/")
        return control + "/".join([*(names.get(part, part) for part in within), last])

    for node in graph_def.node:
        node.name = renamed(node.name)
        node.input[:] = [renamed(name) for name in node.input]
        node.attr.pop("_class", None)  # where to be placed: beside a node of the old name
