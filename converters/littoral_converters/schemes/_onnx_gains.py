"""Where int8 activations pay in onnxruntime, by shape, as measured on one x86-64 core."""

from __future__ import annotations

from math import prod
from typing import Any

import onnx

MIN_WORK = 7_000_000
"""Multiplications in all convolutions from which int8 gains on float, whose blocked layout it
breaks up: 7.2 million took 0.5 of the float time, 1.1 million 1.9."""


def gains_from_convolutions(model: Any) -> bool:
    """Whether a model's convolutions are worth int8 activations."""
    shapes = _shapes(model)
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    work = 0
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in weights and node.output[0] in shapes:
            work += prod(shapes[node.output[0]]) * prod(weights[node.input[1]][1:])
    return work >= MIN_WORK


def many_rows(model: Any) -> list[str]:
    """Products of constant weights with several rows, as in an attention block.

    They stand between float operators, so that fixed ranges cost more than they save (1.18 of the
    float time, where quantizing their input at run time takes 0.95).
    """
    shapes = _shapes(model)
    weights = {tensor.name for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("Gemm", "MatMul")
        and node.input[1] in weights
        and prod(shapes.get(node.output[0], [1])[:-1]) > 1
    ]


def _shapes(model: Any) -> dict[str, list[int]]:
    """Static shapes by tensor name; an open batch counts as 1."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name: [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
