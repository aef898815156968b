"""Short names and no leftovers in an .onnx: converters' paths can outweigh a small model's weights.

A node keeps the Keras layer that it came from as its name; a tensor is called after its number.
"""

from __future__ import annotations

from typing import Any

from littoral_converters.trees.onnx import every_node, graphs_in

MAX_NAME = 40


def compact(model: Any) -> None:
    """Compact a ModelProto in place.

    Args:
        model: The model. Its inputs, outputs and properties keep their names.
    """
    graph = model.graph
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    _order_constants(graph)
    _collect(graph, names)
    _rename(graph, names)
    graph.doc_string = model.doc_string = ""


def short(name: str) -> str:
    """A converter's node name without the model in front, cut to size."""
    parts = name.split(":")[0].split("/")
    return "/".join(parts[1:] if len(parts) > 2 else parts)[:MAX_NAME]


def _order_constants(graph: Any) -> None:
    """Put constants in the order of their first use: tf2onnx's is another in every process."""
    places: dict[str, int] = {}
    for node in every_node(graph):
        for name in node.input:
            places.setdefault(name, len(places))
        for inner in graphs_in(node):
            _order_constants(inner)
    graph.initializer.sort(key=lambda tensor: places.get(tensor.name, len(places)))


def _collect(graph: Any, names: dict[str, str]) -> None:
    """Give every tensor of a graph, and of the graphs inside it, a short name."""
    interface = set(names)
    own = [tensor.name for tensor in graph.initializer]
    own += [value.name for value in graph.input]
    own += [output for node in graph.node for output in node.output]
    for name in own:
        if name and name not in names:
            candidate = f"t{len(names)}"
            while candidate in interface:
                candidate += "_"
            names[name] = candidate
    for node in graph.node:
        for inner in graphs_in(node):
            _collect(inner, names)


def _rename(graph: Any, names: dict[str, str]) -> None:
    del graph.value_info[:]
    for tensor in (*graph.initializer, *graph.input, *graph.output):
        tensor.name = names[tensor.name]
    taken: set[str] = set()
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        name = short(node.name)
        node.name = "" if name in taken else name
        node.doc_string = ""
        taken.add(name)
        for inner in graphs_in(node):
            _rename(inner, names)
