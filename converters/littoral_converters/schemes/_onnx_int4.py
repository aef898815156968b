"""int4 weights in an .onnx, a scale for every 32 of them.

- MatMul and Gemm: onnxruntime's MatMulNBits, which reads them as they are.
- Convolutions and recurrent operators have no int4 form: two weights lie in a byte, and standard
  operators that onnxruntime folds once, when it loads the file, take them apart.
- Small weights and tables become int8 (`_onnx_stored`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx

from littoral_converters.schemes import NOTHING, KeepFloat
from littoral_converters.schemes._int4 import nibbles, quantize
from littoral_converters.schemes._onnx_gains import Product
from littoral_converters.schemes._onnx_graph import (
    Float,
    add_constants,
    attribute,
    require_contrib,
    shapes_of,
    weights_of,
)
from littoral_converters.schemes._onnx_products import products_of
from littoral_converters.schemes._onnx_stored import STORED, store_tables, store_weights
from littoral_converters.trees.onnx import identity, replace_nodes

BLOCK = 32
"""Weights that share a scale: the smallest block with fast kernels in onnxruntime."""

MIN_ELEMENTS = 4096
"""Smaller weights become int8: they weigh little, and are often the ones that matter most."""

_INT8_PRODUCTS = 4
"""MatMulNBits's accuracy_level that multiplies int4 by activations of 8 bits."""


def make_int4(content: bytes, keep_float: KeepFloat = NOTHING) -> bytes:
    """int4 weights, float activations.

    Args:
        content: A float32 .onnx.
        keep_float: Nodes that stay as they are, by `identity`.

    Returns:
        The quantized file.
    """
    model = onnx.load_from_string(content)
    _quantize_products(model, keep_float)
    _pack_weights(model, keep_float)
    store_weights(model, keep_float)
    store_tables(model, keep_float)
    return bytes(model.SerializeToString())


def _quantize_products(model: Any, keep_float: KeepFloat) -> None:
    """Make MatMulNBits of products with large constant weights, in place."""
    products = products_of(model, shapes_of(model))
    weights = weights_of(model)
    stored: dict[tuple[str, bool], list[str]] = {}
    nodes: list[Any] = []
    for node in model.graph.node:
        product = None if identity(node) in keep_float else products.get(identity(node))
        if product is None or product.depth * product.columns < MIN_ELEMENTS:
            nodes.append(node)
            continue
        turned = bool(attribute(node, "transB", 0))
        key = node.input[1], turned
        if key not in stored:
            values = onnx.numpy_helper.to_array(weights[key[0]])
            stored[key] = _columns(model, key[0], values if turned else values.T)
        nodes.extend(_product(node, product, stored[key]))
    if stored:
        require_contrib(model)
    replace_nodes(model.graph, nodes)


def _product(node: Any, product: Product, weights: list[str]) -> Iterator[Any]:
    """MatMulNBits in the place of a product, and the sum with its bias."""
    bias = [name for name in node.input[2:] if name]
    result = node.output[0]
    scaled = f"{result}__product" if bias else result
    yield onnx.helper.make_node(
        "MatMulNBits",
        [node.input[0], *weights],
        [scaled],
        node.name,
        domain="com.microsoft",
        K=product.depth,
        N=product.columns,
        bits=4,
        block_size=BLOCK,
        accuracy_level=_INT8_PRODUCTS,
    )
    if bias:
        yield onnx.helper.make_node("Add", [scaled, *bias], [result])


def _columns(model: Any, name: str, rows: Float) -> list[str]:
    """Weights (columns, depth) as MatMulNBits reads them; depth is filled up with zeros."""
    count, depth = rows.shape
    blocks = -(-depth // BLOCK)
    filled = np.zeros((count, blocks * BLOCK), np.float32)
    filled[:, :depth] = rows
    quanta, scales = quantize(filled.reshape(-1, BLOCK).T)
    packed = nibbles(quanta.T + np.int8(8)).reshape(count, blocks, BLOCK // 2)
    return add_constants(model, name, int4=packed, scale=scales)


def _pack_weights(model: Any, keep_float: KeepFloat) -> None:
    """Pack the large weights of operators without an int4 form, in place."""
    weights = weights_of(model)
    packed: dict[str, str] = {}
    added: list[Any] = []
    for node in model.graph.node:
        if node.op_type in ("Gemm", "MatMul") or identity(node) in keep_float:
            continue
        for position in STORED.get(node.op_type, {}):
            name = node.input[position]
            size = int(np.prod(weights[name].dims)) if name in weights else 0
            if size < MIN_ELEMENTS or size % BLOCK:
                continue
            if name not in packed:
                added.extend(_unpacked(model, name, onnx.numpy_helper.to_array(weights[name])))
                packed[name] = f"{name}__unpacked"
            node.input[position] = packed[name]
    replace_nodes(model.graph, [*added, *model.graph.node])


def _unpacked(model: Any, name: str, values: Float) -> list[Any]:
    """Constants that hold the weights, and nodes that restore them."""
    quanta, scales = quantize(values.reshape(-1, BLOCK).T)
    given = add_constants(
        model,
        name,
        int4=nibbles(quanta.T + np.int8(8)).reshape(-1, 1),
        mask=np.array(15, np.uint8),
        bits=np.array(4, np.uint8),
        zero=np.array(8, np.float32),
        scale=scales.reshape(-1, 1),
        rows=np.array([-1, BLOCK], np.int64),
        shape=np.array(values.shape, np.int64),
    )
    packed, mask, bits, zero, scale, rows, shape = given
    make = onnx.helper.make_node
    halves = [f"{name}__low", f"{name}__high"]
    return [
        make("BitwiseAnd", [packed, mask], halves[:1]),
        make("BitShift", [packed, bits], halves[1:], direction="RIGHT"),
        make("Concat", halves, [f"{name}__pairs"], axis=1),
        make("Reshape", [f"{name}__pairs", rows], [f"{name}__blocks"]),
        make("Cast", [f"{name}__blocks"], [f"{name}__float"], to=onnx.TensorProto.FLOAT),
        make("Sub", [f"{name}__float", zero], [f"{name}__centred"]),
        make("Mul", [f"{name}__centred", scale], [f"{name}__scaled"]),
        make("Reshape", [f"{name}__scaled", shape], [f"{name}__unpacked"]),
    ]
