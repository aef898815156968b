"""float16 inputs and outputs for an .onnx: a Cast behind each input and before each output."""

from __future__ import annotations

from typing import Any

from littoral_converters.trees.onnx import graphs_in, replace_nodes


def halve(model: Any) -> None:
    """Make every float32 input and output of a model float16, in place.

    Args:
        model: A ModelProto. Names and order stay.
    """
    import onnx

    graph = model.graph
    full, half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    inputs = [value for value in graph.input if value.type.tensor_type.elem_type == full]
    outputs = [value for value in graph.output if value.type.tensor_type.elem_type == full]
    renamed = {value.name: f"{value.name}__float32" for value in (*inputs, *outputs)}
    _rename(graph, renamed)
    for value in (*inputs, *outputs):
        value.type.tensor_type.elem_type = half
    casts = [
        onnx.helper.make_node("Cast", [value.name], [renamed[value.name]], to=full)
        for value in inputs
    ]
    nodes = [*casts, *graph.node]
    nodes += [
        onnx.helper.make_node("Cast", [renamed[value.name]], [value.name], to=half)
        for value in outputs
    ]
    replace_nodes(graph, nodes)


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Rename tensors that nodes read and write, in a graph and the graphs inside it."""
    for value in (*graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for inner in graphs_in(node):
            _rename(inner, names)
            for value in inner.output:
                value.name = names.get(value.name, value.name)
