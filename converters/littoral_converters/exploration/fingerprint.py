"""Whether two files are the same but for the names that a writer numbers as it goes."""

from __future__ import annotations

import hashlib
from typing import Any

from littoral_converters.trees.onnx import graphs_in


def fingerprint(format_name: str, content: bytes) -> str:
    """A digest that equal files share.

    Args:
        format_name: ``"tflite"`` or ``"onnx"``.
        content: The file without a card.

    Returns:
        SHA-256 in hex. For an .onnx, of the graph with tensors named by their order of use, since
        tf2onnx numbers names through all the conversions of a process.
    """
    if format_name == "onnx":
        content = _with_plain_names(content)
    return hashlib.sha256(content).hexdigest()


def _with_plain_names(content: bytes) -> bytes:
    import onnx

    model = onnx.load_from_string(content)
    values = (*model.graph.input, *model.graph.output)
    names = {value.name: value.name for value in values}
    _rename(model.graph, names)
    constants = sorted(model.graph.initializer, key=lambda tensor: str(tensor.name))
    del model.graph.initializer[:]
    model.graph.initializer.extend(constants)
    return bytes(model.SerializeToString(deterministic=True))


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Number the tensors of a graph and of the graphs inside it, in place."""

    def new(name: str) -> str:
        return names.setdefault(name, f"t{len(names)}") if name else ""

    for node in graph.node:
        node.name = ""
        node.input[:] = [new(name) for name in node.input]
        for inner in graphs_in(node):
            _rename(inner, names)
        node.output[:] = [new(name) for name in node.output]
    for value in (*graph.initializer, *graph.input, *graph.output):
        value.name = new(value.name)
    graph.name = ""
    del graph.value_info[:]
