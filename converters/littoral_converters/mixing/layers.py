"""Which operators of a float file come from which Keras layer, to leave some layers float.

Writers keep the path of a node's scopes in the names of tensors, more or less: TensorFlow fuses
several into one, tf2onnx renames what it folds. So an operator is asked for all the names around
it, the most telling first. One that none of them explains stands for itself, under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from littoral.errors import InputError

from littoral_converters.graphs import TracedGraph
from littoral_converters.graphs.scopes import scopes_of

_PRODUCT = re.compile(r"MatMul|Tensordot|einsum|conv|depthwise|PyFunc|Gather", re.IGNORECASE)


@dataclass(frozen=True)
class Operator:
    """An operator of a float file that quantizers change.

    Attributes:
        name: What `keep_float` of a scheme calls it: its first output.
        hints: Names in the file that may hold its layer's, the most telling first.
    """

    name: str
    hints: tuple[str, ...]


def operators_by_layer(
    format_name: str, content: bytes, graph: TracedGraph
) -> dict[str, tuple[str, ...]]:
    """The operators with weights, by the Keras layer that they come from.

    Args:
        format_name: ``"tflite"`` or ``"onnx"``.
        content: The float32 file.
        graph: What it was written from.

    Returns:
        Operator names by layer name, in the order of the file.
    """
    import tensorflow as tf

    operators = {"tflite": _of_tflite, "onnx": _of_onnx}[format_name](content)
    nodes = tf.compat.v1.GraphDef.FromString(graph.graph_def).node
    scopes = scopes_of([node.name for node in nodes], list(graph.layers))
    found: dict[str, list[str]] = {}
    for operator in operators:
        found.setdefault(_layer_of(operator, scopes), []).append(operator.name)
    return {layer: tuple(names) for layer, names in found.items()}


def operators_of(layers: Iterable[str], known: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The operators of some layers.

    Args:
        layers: Names of layers.
        known: `operators_by_layer`.

    Returns:
        What a scheme takes as ``keep_float``.

    Raises:
        InputError: A layer has no operator with weights.
    """
    names: set[str] = set()
    for layer in layers:
        if layer not in known:
            raise InputError(
                f"layer {layer!r} has no weights that are quantized in this file: choose from "
                f"{', '.join(known) or 'none'}"
            )
        names.update(known[layer])
    return frozenset(names)


def _layer_of(operator: Operator, scopes: Mapping[str, str]) -> str:
    for hint in operator.hints:
        pieces = hint.split(";")
        telling = [piece for piece in pieces if _PRODUCT.search(piece.rpartition("/")[2])]
        for piece in (*telling, *reversed(pieces)):
            for part in reversed(piece.split("/")[:-1]):
                if part in scopes:
                    return scopes[part]
    return operator.name


def _of_tflite(content: bytes) -> list[Operator]:
    from littoral_converters.schemes._tflite_weights import has_float_weights, kind_of
    from littoral_converters.trees.tflite import name_of, parse

    model = parse(content)
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            if has_float_weights(model, graph, operator):
                weights = graph.tensors[operator.inputs[kind_of(model, operator).weights]]
                name = name_of(graph, operator)
                found.append(Operator(name, (weights.name.decode(errors="replace"), name)))
    return found


def _of_onnx(content: bytes) -> list[Operator]:
    import onnx

    from littoral_converters.schemes._onnx_stored import STORED
    from littoral_converters.trees.onnx import identity

    model = onnx.load_from_string(content)
    weights = {
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1
    }
    makers = {output: node for node in model.graph.node for output in node.output}
    return [
        Operator(identity(node), tuple(_hints(node, makers)))
        for node in model.graph.node
        if node.op_type in (*STORED, "Gather") and weights & set(node.input)
    ]


def _hints(node: Any, makers: Mapping[str, Any]) -> list[str]:
    """Names at the node, then those of its constants, then of what feeds it."""
    constants = [name for name in node.input[1:] if name not in makers]
    return [node.name, *node.output, *constants]
