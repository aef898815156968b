"""The loops of a frozen graph: their variables, and what they hand on unchanged taken out of them.

TensorFlow writes a loop as a circle of nodes for each of its variables: Enter before the first
turn, Merge, Switch (to the body or out), NextIteration back to Merge, and Exit. What a body reads
from outside passes through one of these circles too, and ONNX's engine copies it at every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.nodes import by_name, keep, node_of


@dataclass(frozen=True)
class Variable:
    """One variable of a loop, as the nodes that carry it.

    Attributes:
        enter: Takes its first value.
        merge: What the loop's condition reads.
        switch: Gives it to the body (``:1``), or out of the loop (``:0``).
        following: The NextIteration, which takes its value after a turn.
        exits: What takes it out of the loop; empty where nobody asks.
    """

    enter: Any
    merge: Any
    switch: Any
    following: Any
    exits: tuple[Any, ...]

    @property
    def in_body(self) -> str:
        """The tensor that the body reads."""
        return f"{self.switch.name}:1"


class Loops:
    """The nodes of a frozen GraphDef by name, and the variables of its loops.

    Args:
        graph_def: The graph, changed in place.
    """

    def __init__(self, graph_def: Any) -> None:
        self.graph_def = graph_def
        self.nodes = by_name(graph_def)

    def maker(self, reference: str) -> Any:
        """The node that makes a tensor."""
        return self.nodes[node_of(reference)]

    def source(self, reference: str) -> str:
        """Where a tensor comes from, through the nodes that hand it on."""
        while (node := self.maker(reference)).op == "Identity":
            reference = node.input[0]
        return tensor(reference)

    def takers(self, reference: str) -> list[Any]:
        """The nodes that take a tensor."""
        name = tensor(reference)
        return [
            node
            for node in self.graph_def.node
            if any(tensor(i) == name for i in node.input if not i.startswith("^"))
        ]

    def users(self, reference: str) -> list[Any]:
        """The nodes that take a tensor, through those that hand it on."""
        found = []
        for node in self.takers(reference):
            found += self.users(node.name) if node.op == "Identity" else [node]
        return found

    def variables(self) -> list[Variable]:
        """Every variable of every loop."""
        switches: dict[str, Any] = {}
        exits: dict[str, list[Any]] = {}
        for node in self.graph_def.node:
            if node.op == "Switch":
                switches[node_of(node.input[0])] = node
            elif node.op == "Exit":
                exits.setdefault(node_of(node.input[0]), []).append(node)
        found = []
        for merge in self.graph_def.node:
            around = [self.maker(name) for name in merge.input] if merge.op == "Merge" else []
            if [node.op for node in around[:2]] == ["Enter", "NextIteration"]:
                switch = switches.get(merge.name)
                if switch is not None:
                    ends = tuple(exits.get(switch.name, ()))
                    found.append(Variable(around[0], merge, switch, around[1], ends))
        return found

    def copy(self, node: Any, name: str, source: str, dtype: Any) -> Any:
        """Add a node like another one, for another tensor."""
        own = self.graph_def.node.add()
        own.CopyFrom(node)
        own.name, own.input[0] = name, source
        own.attr["T"].type = dtype.as_datatype_enum
        self.nodes[name] = own
        return own

    def put(self, scope: str, build: Callable[..., Any], *inputs: tuple[str, Any]) -> list[str]:
        """Add operations to the graph.

        Args:
            scope: What their names begin with.
            build: Builds them of tensors.
            inputs: Name and dtype of each of these.

        Returns:
            The names of the tensors that it returned.
        """
        with tf.Graph().as_default() as graph:
            feeds = [tf.compat.v1.placeholder(dtype) for _, dtype in inputs]
            results = [f"{scope}/{each.name}" for each in build(*feeds)]
        outside = {feed.op.name: name for feed, (name, _) in zip(feeds, inputs, strict=True)}
        for node in graph.as_graph_def().node:
            if node.name not in outside:
                own = self.graph_def.node.add()
                own.CopyFrom(node)
                own.name = f"{scope}/{node.name}"
                own.input[:] = [outside.get(name, f"{scope}/{name}") for name in node.input]
                if not own.input:  # inside a loop a constant too must belong to a turn of it
                    own.input.append(f"^{node_of(inputs[0][0])}")
                self.nodes[own.name] = own
        return results

    def replace(self, names: Mapping[str, str]) -> None:
        """Let everything that takes one tensor take another one.

        Args:
            names: New by old, both as `tensor` writes them.
        """
        waits = {f"^{node_of(old)}": f"^{node_of(new)}" for old, new in names.items()}
        for node in self.graph_def.node:
            for at, reference in enumerate(node.input):
                is_wait = reference.startswith("^")
                new = waits.get(reference) if is_wait else names.get(tensor(reference))
                if new is not None:
                    node.input[at] = new

    def remove(self, nodes: list[Any]) -> None:
        """Take nodes out that nothing takes from any more."""
        keep(self.graph_def, self.nodes.keys() - {node.name for node in nodes})
        self.nodes = by_name(self.graph_def)


def free_invariants(graph_def: Any) -> None:
    """Take the variables that no turn changes out of the loops of a graph, in place."""
    loops = Loops(graph_def)
    while still := [one for one in loops.variables() if _is_unchanged(one, loops)]:
        names: dict[str, str] = {}
        for one in still:
            one.enter.attr["is_constant"].b = True
            names |= dict.fromkeys([f"{one.merge.name}:0", one.in_body], f"{one.enter.name}:0")
            names |= {f"{end.name}:0": tensor(one.enter.input[0]) for end in one.exits}
        loops.replace({old: _last(new, names) for old, new in names.items()})
        loops.remove(
            [node for one in still for node in (one.merge, one.switch, one.following, *one.exits)]
        )


def tensor(reference: str) -> str:
    """A tensor's name with its number, of an input as a node writes it."""
    name = reference.removeprefix("^")
    return name if ":" in name else f"{name}:0"


def _is_unchanged(one: Variable, loops: Loops) -> bool:
    return loops.source(one.following.input[0]) == one.in_body


def _last(name: str, names: Mapping[str, str]) -> str:
    """What a name becomes that becomes another one in turn."""
    while name in names:
        name = names[name]
    return name
