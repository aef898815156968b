"""The nodes of a GraphDef: found by name, followed back, made others, left out."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any


def by_name(graph_def: Any) -> dict[str, Any]:
    """The nodes of a graph."""
    return {node.name: node for node in graph_def.node}


def node_of(reference: str) -> str:
    """The node behind an input: ``name``, ``name:1`` or ``^name``."""
    return reference.removeprefix("^").partition(":")[0]


def behind(ends: Iterable[str], nodes: Mapping[str, Any], waits: bool = False) -> set[str]:
    """The nodes whose values some nodes are computed from, and these.

    Args:
        ends: Names of those nodes.
        nodes: All by name.
        waits: Whether those count too that are merely waited for.
    """
    found: set[str] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [node_of(i) for i in nodes[name].input if waits or not i.startswith("^")]
    return found


def become(node: Any, operator: str, inputs: Sequence[str], **dtypes: int) -> None:
    """Make a node another operator's, in place, with these dtypes as its attributes."""
    node.op = operator
    node.input[:] = inputs
    node.attr.clear()
    for name, dtype in dtypes.items():
        node.attr[name].type = dtype


def keep(graph_def: Any, names: Container[str]) -> None:
    """Leave only the nodes of some names in a graph, without copying these."""
    for index in reversed(range(len(graph_def.node))):
        if graph_def.node[index].name not in names:
            del graph_def.node[index]
    for node in graph_def.node:
        node.attr.pop("_class", None)  # where to be placed: beside a node that may be gone
