"""An .onnx as a ModelProto: its nodes, the graphs inside them, what is known of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

LARGE = 1024
"""Elements from which a constant is a weight: shapes and axes are far smaller."""


def graphs_in(node: Any) -> Iterator[Any]:
    """The graphs that a node holds: the body of a loop, the branches of a choice."""
    return (attribute.g for attribute in node.attribute if attribute.HasField("g"))


def every_node(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in graphs_in(node):
            yield from every_node(inner)


def identity(node: Any) -> str:
    """What a node is called here: its first output that is used. Names may be missing."""
    name: str = next(output for output in node.output if output)
    return name


def replace_nodes(graph: Any, nodes: Iterable[Any]) -> None:
    """Make `nodes` a graph's nodes, and drop the constants that none of them reads."""
    nodes = list(nodes)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {output.name for output in graph.output}
    for node in every_node(graph):
        used.update(node.input)
        used.update(output.name for inner in graphs_in(node) for output in inner.output)
    for index in reversed(range(len(graph.initializer))):  # those that stay are not copied
        if graph.initializer[index].name not in used:
            del graph.initializer[index]


def inferred(model: Any) -> list[Any]:
    """What is known of the shapes of a graph's tensors, but for its constants.

    Args:
        model: A ModelProto; it stays as it is.

    Returns:
        ValueInfoProto of what is between, the inputs, the outputs.
    """
    import onnx

    constants = {tensor.name for tensor in model.graph.initializer}
    graph = onnx.shape_inference.infer_shapes(without_weights(model)).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return [value for value in values if value.name not in constants]


def without_weights(model: Any) -> Any:
    """A copy of a model whose large constants are inputs of their shape: it takes little memory.

    Args:
        model: A ModelProto; it stays as it is.
    """
    import onnx

    copy = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    copy.functions.extend(model.functions)
    graph, source = copy.graph, model.graph
    graph.name = source.name
    for field in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(graph, field).extend(getattr(source, field))
    known = {value.name for value in source.input}
    for tensor in source.initializer:
        if prod(tensor.dims) < LARGE:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            kind, shape = tensor.data_type, list(tensor.dims)
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, kind, shape))
    return copy
