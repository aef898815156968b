"""Matrix products whose input is quantized when it arrives, as onnxruntime fuses them.

    DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul by both scales [-> Add bias]

onnxruntime runs this as one DynamicQuantizeMatMul.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from math import prod
from typing import Any

import onnx

from littoral_converters.schemes._onnx_gains import Product
from littoral_converters.schemes._onnx_graph import (
    MULTIPLIED,
    add_constants,
    attribute,
    symmetric,
    weights_of,
)
from littoral_converters.trees.onnx import identity, replace_nodes

FLOAT = onnx.TensorProto.FLOAT


def products_of(model: Any, shapes: dict[str, list[int]]) -> dict[str, Product]:
    """The products with constant two-dimensional weights, by `identity` of their node."""
    weights = weights_of(model)
    found = {}
    for node in model.graph.node:
        if node.op_type not in ("Gemm", "MatMul") or node.input[1] not in weights:
            continue
        sizes = list(weights[node.input[1]].dims)
        plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
        if len(sizes) != 2 or not plain or attribute(node, "transA", 0):
            continue
        depth, columns = reversed(sizes) if attribute(node, "transB", 0) else sizes
        rows = prod(shapes.get(node.output[0], [1])[:-1])
        found[identity(node)] = Product(rows, depth, columns)
    return found


def quantize_products(model: Any, chosen: Container[str]) -> None:
    """Quantize products at run time, in place.

    Args:
        model: A ModelProto.
        chosen: Nodes among `products_of`, by name.
    """
    weights = weights_of(model)
    inputs: dict[str, list[str]] = {}
    stored: dict[str, list[str]] = {}
    nodes: list[Any] = []
    for node in model.graph.node:
        if identity(node) not in chosen:
            nodes.append(node)
            continue
        source, name = node.input[:2]
        if source not in inputs:
            inputs[source] = [f"{source}__{part}" for part in ("uint8", "scale", "zero_point")]
            nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", [source], inputs[source]))
        if name not in stored:
            values = onnx.numpy_helper.to_array(weights[name])
            if attribute(node, "transB", 0):
                values = values.T
            quanta, scales = symmetric(values, 1, MULTIPLIED)
            stored[name] = add_constants(model, name, int8=quanta, scale=scales.reshape(-1))
        nodes.extend(_product(node, inputs[source], stored[name]))
    replace_nodes(model.graph, nodes)


def _product(node: Any, source: list[str], weights: list[str]) -> Iterator[Any]:
    result = node.output[0]
    integers, scale, zero_point = source
    bias = [name for name in node.input[2:] if name]
    scaled = f"{result}__scaled" if bias else result
    make = onnx.helper.make_node
    yield make("MatMulInteger", [integers, weights[0], zero_point], [f"{result}__int32"], node.name)
    yield make("Cast", [f"{result}__int32"], [f"{result}__float"], to=FLOAT)
    yield make("Mul", [scale, weights[1]], [f"{result}__scale"])
    yield make("Mul", [f"{result}__float", f"{result}__scale"], [scaled])
    if bias:
        yield make("Add", [scaled, *bias], [result])
