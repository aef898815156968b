"""Softmax of attention over short rows, as its steps over all rows at once.

XNNPACK's kernel takes each row alone. With AVX-512 it stores what does not fill the last 16 lanes
under a mask, and the product behind it waits for that: an attention of 4 heads of 16 channels took
1.65 times as long over 28 steps as with the operators here, 1.4 times over 50, 1.1 times over 90.
With AVX2 both take the same, within some percent, and so they do where rows fill the lanes. What
the product makes is divided by the sums of the rows, which is less than the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import (
    OP,
    add_constant,
    add_tensor,
    code_of,
    links,
    new_operator,
    shape_signature,
    sole_reader,
)

_FLOAT = schema.TensorType.FLOAT32

_LANES = 16
"""Numbers of float32 in a register of AVX-512."""

_SHORT = 128
"""From this length on a row is worth the kernels' way of taking it."""

_FEW = 400
"""Below so many values one operator is as fast as five."""


def spread_out(model: Any) -> None:
    """Write softmax over many short rows in front of a product as its steps, in place.

    Args:
        model: Object tree of a .tflite; its inputs and outputs keep their values.
    """
    for graph in model.subgraphs:
        _, readers = links(graph)
        written: dict[int, list[Any]] = {}
        for at, operator in enumerate(graph.operators):
            place = _product(model, graph, operator, readers)
            if place is not None:
                product = graph.operators[place]
                written[at], raised, sums = _raised(model, graph, operator, product)
                written[place] = _averaged(model, graph, product, raised, sums)
        graph.operators = [
            each
            for at, operator in enumerate(graph.operators)
            for each in written.get(at, [operator])
        ]


def _is_slow(model: Any, graph: Any, operator: Any) -> bool:
    """Whether an operator is a softmax over many rows that are short and leave lanes empty."""
    if code_of(model, operator) != OP.SOFTMAX or operator.builtinOptions.beta != 1:
        return False
    tensor = graph.tensors[int(operator.inputs[0])]
    sizes = shape_signature(tensor)
    if tensor.type != _FLOAT or len(sizes) < 2:
        return False
    length = sizes[-1]
    is_short = 0 < length < _SHORT and length % _LANES != 0
    return is_short and int(np.prod(np.abs(sizes))) >= _FEW


def _product(
    model: Any, graph: Any, softmax: Any, readers: Mapping[int, Sequence[int]]
) -> int | None:
    """Where the operator stands that sums the rows' products of a slow softmax, and alone reads it.

    None for any other operator.
    """
    if not _is_slow(model, graph, softmax):
        return None
    made = int(softmax.outputs[0])
    place = sole_reader(graph, readers, made)
    if place is None:
        return None
    reader = graph.operators[place]
    is_product = code_of(model, reader) == OP.BATCH_MATMUL
    if not is_product or reader.builtinOptions.adjX or int(reader.inputs[0]) != made:
        return None
    is_float = graph.tensors[int(reader.outputs[0])].type == _FLOAT
    return place if is_float and int(reader.inputs[1]) != made else None


def _raised(model: Any, graph: Any, softmax: Any, product: Any) -> tuple[list[Any], int, int]:
    """The steps up to the division, e to the power of each value, and the sum of each row's.

    The row's largest value is taken off before, so that no power is infinite. What the steps make
    is called after the product: nothing in the file is the softmax's own output any more.
    """
    source, made = int(softmax.inputs[0]), int(softmax.outputs[0])
    length = int(graph.tensors[made].shape[-1])
    axis = add_constant(model, graph, np.array([len(graph.tensors[source].shape) - 1], np.int32))
    name = _scope(graph.tensors[product.outputs[0]].name)
    largest, sums = (_rows(graph, made, name + part, 1) for part in (b"_max", b"_sum"))
    lower, raised = (_rows(graph, made, name + part, length) for part in (b"_lower", b"_exp"))
    options = schema.ReducerOptionsT()
    options.keepDims = True
    steps = [
        new_operator(model, OP.REDUCE_MAX, options, [source, axis], [largest]),
        new_operator(model, OP.SUB, schema.SubOptionsT(), [source, largest], [lower]),
        new_operator(model, OP.EXP, schema.ExpOptionsT(), [lower], [raised]),
        new_operator(model, OP.SUM, options, [raised, axis], [sums]),
    ]
    return steps, raised, sums


def _scope(name: bytes) -> bytes:
    """What the names of a product's parts begin with, to tell the layer, given its own."""
    path = name.split(b";")[0]
    return path if b"/" in path else path + b"/softmax"


def _rows(graph: Any, index: int, name: bytes, length: int) -> int:
    """A tensor with as many rows as another, of so many numbers each."""
    tensor = graph.tensors[index]
    added = add_tensor(graph, name, [*tensor.shape[:-1], length], _FLOAT)
    if tensor.shapeSignature is not None:
        graph.tensors[added].shapeSignature = [*tensor.shapeSignature[:-1], length]
    return added


def _averaged(model: Any, graph: Any, product: Any, raised: int, sums: int) -> list[Any]:
    """The product of what is not divided yet, and its division."""
    made, values = int(product.outputs[0]), int(product.inputs[1])
    tensor = graph.tensors[made]
    whole = _rows(graph, made, _scope(tensor.name) + b"_whole", int(tensor.shape[-1]))
    product.inputs, product.outputs = [raised, values], [whole]
    return [product, new_operator(model, OP.DIV, schema.DivOptionsT(), [whole, sums], [made])]
