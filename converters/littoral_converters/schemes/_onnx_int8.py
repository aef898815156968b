"""int8 in an .onnx: onnxruntime's quantizers where they help, stored weights elsewhere.

- MatMul and Gemm with constant weights: dynamically quantized; when static, QDQ with calibrated
  ranges for single rows.
- LSTM: onnxruntime's DynamicQuantizeLSTM.
- Conv: QDQ when static and large enough (`_onnx_gains`). Dynamically quantized convolutions are
  many times slower than float ones, so there the weights are only stored as int8.
- GRU, RNN, ConvTranspose, embeddings: no int8 kernel; the weights are only stored as int8.

A stored weight is Cast and Mul in front of its operator, which onnxruntime folds once when it loads
the file; DequantizeLinear would be run at every call.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization

from littoral_converters.schemes import Feed, Samples
from littoral_converters.schemes._onnx_gains import gains_from_convolutions, many_rows

MIN_ELEMENTS = 64
MAX_SHARED = 2
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
    model = _dynamic(onnx.load_from_string(content))
    _quantize_lstm(model)
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
    rows = many_rows(model)
    if rows:
        # onnxruntime splits each Gemm before it looks for the names.
        model = _dynamic(model, [*rows, *(f"{name}_MatMul" for name in rows)])
    operators = {node.op_type for node in model.graph.node}
    kinds = ["MatMul", "Gemm"]
    if gains_from_convolutions(model):
        kinds.append("Conv")
        if not _repeated_convolutions(model):
            kinds.extend(BETWEEN_CONVOLUTIONS)
    if operators & set(kinds):
        model = _static(model, kinds, samples)
    _quantize_lstm(model)
    _store_weights(model, STORED)
    _store_tables(model)
    return _serialize(model)


def _dynamic(model: Any, nodes: list[str] | None = None) -> Any:
    with _files(model) as (source, target):
        quantization.quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=nodes,
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
            source,
            target,
            _Reader(samples),
            op_types_to_quantize=kinds,
            nodes_to_exclude=[*computed, *_repeated_convolutions(model)],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            quant_format=quantization.QuantFormat.QDQ,
        )
        return onnx.load(target)


def _repeated_convolutions(model: Any) -> list[str]:
    """Convolutions of a recurrence that is written out: their weights are used at every step.

    A state's range differs from step to step, and rounding errors add up. Two uses may be a layer
    that a model shares, which quantizes well.
    """
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    users = Counter(node.input[1] for node in nodes)
    return [node.name for node in nodes if users[node.input[1]] > MAX_SHARED]


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Representative feeds in the form that onnxruntime's calibration asks for."""

    def __init__(self, samples: Samples) -> None:
        self._feeds = iter(samples)

    def get_next(self) -> Feed | None:
        """The next feed; None after the last."""
        return next(self._feeds, None)


@contextmanager
def _files(model: Any) -> Iterator[tuple[str, str]]:
    """Onnxruntime's quantizers read and write files, and log advice that does not apply."""
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "float32.onnx")
        onnx.save(model, source)
        yield source, str(Path(folder) / "int8.onnx")


def _quantize_lstm(model: Any) -> None:
    """Make every LSTM with constant weights a DynamicQuantizeLSTM, in place.

    onnxruntime's own quantizer writes a broken file when two LSTMs share their weights.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    done: dict[str, list[str]] = {}
    found = False
    for node in model.graph.node:
        if node.op_type != "LSTM" or not {*node.input[1:3]} <= set(constants):
            continue
        for name in node.input[1:3]:
            if name not in done:
                values = onnx.numpy_helper.to_array(constants[name])
                rows, scales = _symmetric(values.reshape(-1, values.shape[2]), 0)
                quanta, scales = rows.reshape(values.shape), scales.reshape(values.shape[:2])
                done[name] = _add_constants(
                    model,
                    name,
                    int8=quanta.transpose(0, 2, 1).copy(),
                    scale=scales,
                    zero_point=np.zeros(scales.shape, np.int8),
                )
        (w, *w_parameters), (r, *r_parameters) = done[node.input[1]], done[node.input[2]]
        inputs = [*node.input, *[""] * (8 - len(node.input))]
        node.input[:] = [inputs[0], w, r, *inputs[3:], *w_parameters, *r_parameters]
        node.op_type, node.domain, found = "DynamicQuantizeLSTM", "com.microsoft", True
    if found and all(entry.domain != "com.microsoft" for entry in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


def _add_constants(model: Any, name: str, **values: NDArray[Any]) -> list[str]:
    """Add initializers called after `name` and return their names."""
    for suffix, array in values.items():
        tensor = onnx.numpy_helper.from_array(array, f"{name}__{suffix}")
        model.graph.initializer.append(tensor)
    return [f"{name}__{suffix}" for suffix in values]


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
    stored, scale = _add_constants(model, name, int8=quanta, scale=scales)
    return [
        onnx.helper.make_node("Cast", [stored], [f"{name}__float"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Mul", [f"{name}__float", scale], [f"{name}__restored"]),
    ]


def _store_tables(model: Any) -> None:
    """Store embedding tables as int8 and restore only the rows that are looked up, in place."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    done: dict[str, list[str]] = {}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        values = _values(constants.get(node.input[0])) if node.op_type == "Gather" else None
        if values is None or values.ndim != 2:
            continue
        table, (result,) = node.input[0], node.output
        if table not in done:
            quanta, scale = _symmetric(values.reshape(1, -1), 0)
            done[table] = _add_constants(
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
