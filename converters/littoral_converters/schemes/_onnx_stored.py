"""int8 weights for operators without a fast int8 kernel: smaller files at float speed.

A stored weight is Cast and Mul in front of its operator, which onnxruntime folds once when it loads
the file; DequantizeLinear would be run at every call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from littoral_converters.schemes import KeepFloat
from littoral_converters.schemes._onnx_graph import (
    Float,
    add_constants,
    attribute,
    symmetric,
    weights_of,
)
from littoral_converters.trees.onnx import identity, replace_nodes

STORED = {
    "Conv": {1: 0},
    "ConvTranspose": {1: 1},
    "Gemm": {1: -1},
    "GRU": {1: 1, 2: 1},
    "LSTM": {1: 1, 2: 1},
    "MatMul": {1: -1},
    "RNN": {1: 1, 2: 1},
}
"""Inputs that hold weights, with their channel axis."""


def store_weights(model: Any, keep_float: KeepFloat) -> None:
    """Store the constant weights of every operator of `STORED` as int8, in place.

    Args:
        model: A ModelProto.
        keep_float: Nodes that stay as they are, by `identity`.
    """
    weights = weights_of(model)
    stored: dict[str, str] = {}
    added: list[Any] = []
    for node in model.graph.node:
        if identity(node) in keep_float:
            continue
        for position, axis in _positions(node).items():
            name = node.input[position]
            if name in weights and name not in stored:
                values = onnx.numpy_helper.to_array(weights[name])
                added.extend(_restored(model, name, *symmetric(values, axis)))
                stored[name] = f"{name}__restored"
            node.input[position] = stored.get(name, name)
    replace_nodes(model.graph, [*added, *model.graph.node])


def _positions(node: Any) -> dict[int, int]:
    if node.op_type == "Gemm" and attribute(node, "transB", 0):
        return {1: 0}
    return STORED.get(node.op_type, {})


def _restored(model: Any, name: str, quanta: NDArray[np.int8], scales: Float) -> list[Any]:
    stored, scale = add_constants(model, name, int8=quanta, scale=scales)
    return [
        onnx.helper.make_node("Cast", [stored], [f"{name}__float"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Mul", [f"{name}__float", scale], [f"{name}__restored"]),
    ]


def store_tables(model: Any, keep_float: KeepFloat) -> None:
    """Store embedding tables as int8 and restore only the rows that are looked up, in place.

    Args:
        model: A ModelProto.
        keep_float: Nodes that stay as they are, by `identity`.
    """
    weights = weights_of(model)
    done: dict[str, list[str]] = {}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        table, result = (*node.input, "")[0], node.output[0]
        if node.op_type != "Gather" or table not in weights or result in keep_float:
            continue
        if len(weights[table].dims) != 2:
            continue
        if table not in done:
            values = onnx.numpy_helper.to_array(weights[table])
            quanta, scale = symmetric(values.reshape(1, -1), 0)
            done[table] = add_constants(
                model, table, int8=quanta.reshape(values.shape), scale=scale.reshape(())
            )
        node.input[0], scale_name = done[table]
        node.output[0] = f"{result}__int8"
        nodes.append(
            onnx.helper.make_node(
                "Cast", [node.output[0]], [f"{result}__float"], to=onnx.TensorProto.FLOAT
            )
        )
        nodes.append(onnx.helper.make_node("Mul", [f"{result}__float", scale_name], [result]))
    replace_nodes(model.graph, nodes)
