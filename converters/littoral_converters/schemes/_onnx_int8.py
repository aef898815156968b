"""int8 in an .onnx, through onnxruntime's quantizers where they help and by stored weights elsewhere.

- MatMul and Gemm with constant weights: dynamically quantized, or QDQ with calibrated ranges.
- LSTM: onnxruntime's DynamicQuantizeLSTM.
- Conv: QDQ when static. Dynamically quantized convolutions are many times slower than float ones,
  so there the weights are only stored as int8.
- GRU, RNN, ConvTranspose, embeddings: no int8 kernel; the weights are only stored as int8.

A stored weight is Cast and Mul in front of its operator, which onnxruntime folds once when it loads
the file; DequantizeLinear would be run at every call.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization

from littoral_converters.schemes import Feed, Samples

MIN_ELEMENTS = 64
STORED = {
    "Conv": {1: 0},
    "ConvTranspose": {1: 1},
    "GRU": {1: 1, 2: 1},
    "RNN": {1: 1, 2: 1},
}
"""Inputs that hold weights, with their channel axis, of operators without a fast int8 kernel."""

BETWEEN_CONVOLUTIONS = ("Add", "AveragePool", "Concat", "GlobalAveragePool", "MaxPool")


def make_dynamic(content: bytes) -> bytes:
    """int8 weights, float activations; what has a fast kernel is quantized at run time.

    Args:
        content: A float32 .onnx.

    Returns:
        The quantized file.
    """
    model = _dynamic(onnx.load_from_string(content), ["MatMul", "Gemm", "LSTM"])
    _store_weights(model, STORED)
    _store_tables(model)
    return _serialize(model)


def make_static(content: bytes, samples: Samples) -> bytes:
    """int8 weights and activations where that pays; inputs and outputs stay float.

    Args:
        content: A float32 .onnx.
        samples: Representative feeds by input name.

    Returns:
        The quantized file.
    """
    model = onnx.load_from_string(content)
    operators = {node.op_type for node in model.graph.node}
    kinds = ["Conv", "MatMul", "Gemm"]
    if "Conv" in operators:
        kinds.extend(BETWEEN_CONVOLUTIONS)
    if operators & {"Conv", "MatMul", "Gemm"}:
        model = _static(model, kinds, samples)
    model = _dynamic(model, ["LSTM"]) if "LSTM" in operators else model
    _store_weights(model, {kind: at for kind, at in STORED.items() if kind != "Conv"})
    _store_tables(model)
    return _serialize(model)


def _dynamic(model: Any, kinds: list[str]) -> Any:
    with _files(model) as (source, target):
        quantization.quantize_dynamic(
            source, target, op_types_to_quantize=kinds, per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(target)


def _static(model: Any, kinds: list[str], samples: Samples) -> Any:
    constants = {tensor.name for tensor in model.graph.initializer}
    computed = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and not constants & set(node.input)
    ]
    with _files(model) as (source, target):
        quantization.quantize_static(
            source, target, _Reader(samples), op_types_to_quantize=kinds,
            nodes_to_exclude=computed, per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            quant_format=quantization.QuantFormat.QDQ,
        )
        return onnx.load(target)


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Representative feeds in the form that onnxruntime's calibration asks for."""

    def __init__(self, samples: Samples) -> None:
        self._feeds = iter(samples)

    def get_next(self) -> Feed | None:
        """The next feed; None after the last."""
        return next(self._feeds, None)


@contextmanager
def _files(model: Any) -> Iterator[tuple[str, str]]:
    """onnxruntime's quantizers read and write files, and log advice that does not apply."""
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "float32.onnx")
        onnx.save(model, source)
        yield source, str(Path(folder) / "int8.onnx")


def _store_weights(model: Any, kinds: dict[str, dict[int, int]]) -> None:
    """Store the constant weights of some operators as int8 with a scale per channel, in place."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    stored: dict[str, str] = {}
    added = []
    for node in model.graph.node:
        for position, axis in kinds.get(node.op_type, {}).items():
            name = node.input[position]
            if name not in stored:
                values = _values(constants.get(name))
                if values is None:
                    continue
                quanta, scales = _symmetric(values, axis)
                added.extend(_restored(model, name, quanta, scales))
                stored[name] = f"{name}__restored"
            node.input[position] = stored[name]
    _prepend(model, added)
    _drop_unused(model)


def _restored(
    model: Any, name: str, quanta: NDArray[np.int8], scales: NDArray[np.float32]
) -> list[Any]:
    for suffix, values in (("int8", quanta), ("scale", scales)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, f"{name}__{suffix}"))
    return [
        onnx.helper.make_node("Cast", [f"{name}__int8"], [f"{name}__float"], to=1),
        onnx.helper.make_node("Mul", [f"{name}__float", f"{name}__scale"], [f"{name}__restored"]),
    ]


def _store_tables(model: Any) -> None:
    """Store embedding tables as int8 and restore only the rows that are looked up, in place."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        values = _values(constants.get(node.input[0])) if node.op_type == "Gather" else None
        if values is None or values.ndim != 2:
            continue
        quanta, scales = _symmetric(values.reshape(1, -1), 0)
        table, (result,) = node.input[0], node.output
        for suffix, array in (("int8", quanta.reshape(values.shape)), ("scale", scales.reshape(()))):
            name = f"{table}__{suffix}"
            if name not in constants:
                constants[name] = onnx.numpy_helper.from_array(array, name)
                model.graph.initializer.append(constants[name])
        node.input[0], node.output[0] = f"{table}__int8", f"{result}__int8"
        nodes.append(onnx.helper.make_node("Cast", [f"{result}__int8"], [f"{result}__float"], to=1))
        nodes.append(
            onnx.helper.make_node("Mul", [f"{result}__float", f"{table}__scale"], [result])
        )
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _drop_unused(model)


def _symmetric(
    values: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    others = tuple(a for a in range(values.ndim) if a != axis)
    scales = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, 1e-12)
    return np.rint(values / scales).astype(np.int8), scales.astype(np.float32)


def _values(tensor: Any) -> NDArray[np.float32] | None:
    if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT:
        return None
    values = onnx.numpy_helper.to_array(tensor)
    return values if values.size >= MIN_ELEMENTS else None


def _prepend(model: Any, nodes: list[Any]) -> None:
    everything = [*nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(everything)


def _drop_unused(model: Any) -> None:
    used = {name for node in _every_node(model.graph) for name in node.input}
    used.update(output.name for output in model.graph.output)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _every_node(graph: Any) -> Iterator[Any]:
    """Nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _every_node(attribute.g)


def _serialize(model: Any) -> bytes:
    return bytes(model.SerializeToString())
