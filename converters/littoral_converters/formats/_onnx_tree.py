"""A ModelProto's nodes, and the graphs inside them: bodies of loops, branches of choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def graphs_in(node: Any) -> Iterator[Any]:
    """The graphs that a node holds."""
    return (attribute.g for attribute in node.attribute if attribute.HasField("g"))


def every_node(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in graphs_in(node):
            yield from every_node(inner)
