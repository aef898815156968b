"""int8 in an .onnx: int8 kernels where they are faster, stored weights elsewhere.

- MatMul and Gemm with constant weights: quantized at run time (`_onnx_products`); when static, QDQ
  with calibrated ranges for single rows. Products of several rows stand between float operators,
  as in an attention block, where fixed ranges cost more than they save.
- LSTM: onnxruntime's DynamicQuantizeLSTM (`_onnx_lstm`).
- Conv: QDQ when static, and what stands between quantized convolutions with them. Dynamically
  quantized convolutions are many times slower than float ones.
- Whatever does not gain (`_onnx_gains`), GRU, RNN, ConvTranspose, embeddings: the weights are
  stored as int8 and computed with as float (`_onnx_stored`).
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnxruntime import quantization

from littoral_converters.schemes import NOTHING, Feed, KeepFloat, Samples
from littoral_converters.schemes._onnx_gains import (
    POOLED_NS,
    best_end,
    convolution_gain,
    gains_at_run_time,
    gains_calibrated,
)
from littoral_converters.schemes._onnx_graph import Surroundings, shapes_of
from littoral_converters.schemes._onnx_lstm import quantize_lstm
from littoral_converters.schemes._onnx_products import products_of, quantize_products
from littoral_converters.schemes._onnx_stored import store_tables, store_weights
from littoral_converters.trees.onnx import identity

MAX_SHARED = 2
"""Uses of one weight up to which a convolution is a layer that a model shares, no recurrence."""

HANDED_ON = frozenset(
    {"Add", "AveragePool", "Clip", "Concat", "GlobalAveragePool", "LeakyRelu", "MaxPool", "Relu"}
)
"""What stands between convolutions and may be quantized with them."""

CARRIED = HANDED_ON | {"Conv"}


def make_dynamic(content: bytes, keep_float: KeepFloat = NOTHING) -> bytes:
    """int8 weights, float activations; what has a fast kernel is quantized at run time.

    Args:
        content: A float32 .onnx.
        keep_float: Nodes that stay as they are, by `identity`.

    Returns:
        The quantized file.
    """
    model = onnx.load_from_string(content)
    products = products_of(model, shapes_of(model))
    gaining = {name for name, product in products.items() if gains_at_run_time(product)}
    quantize_products(model, gaining - keep_float)
    return _stored(model, keep_float)


def make_static(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """int8 weights and activations where that pays; inputs and outputs stay float.

    Args:
        content: A float32 .onnx.
        samples: Representative feeds by input name.
        keep_float: Nodes that stay as they are, by `identity`.

    Returns:
        The quantized file.
    """
    model = onnx.load_from_string(content)
    shapes = shapes_of(model)
    products = products_of(model, shapes)
    single = {name for name, p in products.items() if p.rows == 1 and gains_calibrated(p)}
    several = {name for name, p in products.items() if p.rows > 1 and gains_at_run_time(p)}
    calibrated = (single | _convolutions(model, shapes)) - keep_float
    if calibrated:
        model = _static(model, _with_neighbours(model, calibrated) - keep_float, samples)
    quantize_products(model, several - keep_float)
    return _stored(model, keep_float)


def _stored(model: Any, keep_float: KeepFloat) -> bytes:
    quantize_lstm(model, keep_float)
    store_weights(model, keep_float)
    store_tables(model, keep_float)
    return bytes(model.SerializeToString())


def _convolutions(model: Any, shapes: dict[str, list[int]]) -> set[str]:
    """Convolutions that together are faster with int8 activations: the last ones of a model.

    The first ones read few channels of large images, which float does faster.
    """
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    repeated = _repeated_convolutions(model)
    around = Surroundings(model, shapes, CARRIED)
    nodes = [
        node
        for node in model.graph.node
        if node.op_type == "Conv"
        and node.input[1] in weights
        and {node.input[0], node.output[0]} <= set(shapes)
        and identity(node) not in repeated
    ]
    gains = [
        convolution_gain(
            node,
            weights[node.input[1]],
            prod(shapes[node.output[0]]),
            around.handed_over(node),
        )
        for node in nodes
    ]
    entries = [POOLED_NS * around.pooled_before(node) for node in nodes]
    return {identity(node) for node in nodes[best_end(gains, entries) :]}


def _repeated_convolutions(model: Any) -> set[str]:
    """Convolutions of a recurrence that is written out: their weights are used at every step.

    A state's range differs from step to step, and rounding errors add up. Two uses may be a layer
    that a model shares, which quantizes well.
    """
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    users = Counter(node.input[1] for node in nodes)
    return {identity(node) for node in nodes if users[node.input[1]] > MAX_SHARED}


def _with_neighbours(model: Any, chosen: set[str]) -> set[str]:
    """The chosen nodes, and those between them that only hand quantized values on."""
    found = set(chosen)
    constants = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        sources = {name for name in node.input if name and name not in constants}
        if node.op_type in HANDED_ON and sources and sources <= found:
            found.add(identity(node))
    return found


def _static(model: Any, chosen: set[str], samples: Samples) -> Any:
    """A model with QDQ around the chosen nodes."""
    before = {identity(node): node.name for node in model.graph.node}
    for node in model.graph.node:
        # onnxruntime finds nodes by name, and some have none.
        node.name = identity(node)
    kinds = {node.op_type for node in model.graph.node if node.name in chosen}
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantization.quantize_static(
            source,
            target,
            _Reader(samples),
            op_types_to_quantize=sorted(kinds),
            nodes_to_quantize=sorted(chosen),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,  # see `MULTIPLIED`
            quant_format=quantization.QuantFormat.QDQ,
        )
        quantized = onnx.load(target)
    for node in quantized.graph.node:
        node.name = before.get(node.name, "")
    return quantized


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Representative feeds in the form that onnxruntime's calibration asks for."""

    def __init__(self, samples: Samples) -> None:
        self._feeds = iter(samples)

    def get_next(self) -> Feed | None:
        """The next feed; None after the last."""
        return next(self._feeds, None)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep back what onnxruntime's quantizers log, while this lasts: advice that does not apply."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
