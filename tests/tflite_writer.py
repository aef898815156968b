"""Small .tflite files, written with the published schema's own Python classes, not with ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    name: getattr(schema.TensorType, name.upper())
    for name in ("float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool", "string")
} | {"resource": schema.TensorType.RESOURCE}


@dataclass(frozen=True)
class T:
    """A tensor: `open_shape` is its signature with -1, `data` makes it a constant."""

    name: str
    shape: Sequence[int]
    dtype: str = "float32"
    scale: float | None = None
    zero_point: int = 0
    open_shape: Sequence[int] | None = None
    data: np.ndarray | None = None
    variable: bool = False


@dataclass(frozen=True)
class Op:
    """An operator: `kind` in the schema's spelling, options by attribute name."""

    kind: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    custom: str | None = None
    custom_options: bytes | None = None
    version: int = 1


@dataclass(frozen=True)
class Graph:
    tensors: Sequence[T]
    inputs: Sequence[int]
    outputs: Sequence[int]
    operators: Sequence[Op]


def write(
    *graphs: Graph,
    signature: tuple[Mapping[str, int], Mapping[str, int]] | None = None,
    metadata: Mapping[str, bytes] | None = None,
    signatures: Mapping[str, tuple[int, Mapping[str, int], Mapping[str, int]]] | None = None,
) -> bytes:
    """The file's bytes.

    `signature` maps Keras names to tensor indices, inputs then outputs; `signatures` does by name,
    with the graph's number in front.
    """
    model = schema.ModelT()
    model.version, model.description = 3, "a test's own"
    model.buffers, model.operatorCodes, model.metadata = [schema.BufferT()], [], []
    model.subgraphs = [_graph(graph, model) for graph in graphs]
    for name, data in (metadata or {}).items():
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, _buffer(data, model)
        model.metadata.append(entry)
    named = dict(signatures or {})
    if signature is not None:
        named["serving_default"] = (0, *signature)
    if named:
        model.signatureDefs = [_signature(name, *places) for name, places in named.items()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def add(a: int, b: int, out: int) -> Op:
    return Op("ADD", [a, b], [out], "AddOptions")


def sub(a: int, b: int, out: int) -> Op:
    return Op("SUB", [a, b], [out], "SubOptions")


def _graph(graph: Graph, model: schema.ModelT) -> schema.SubGraphT:
    made = schema.SubGraphT()
    made.name = f"graph {len(model.operatorCodes)}"
    made.inputs, made.outputs = list(graph.inputs), list(graph.outputs)
    made.tensors = [_tensor(tensor, model) for tensor in graph.tensors]
    made.operators = [_operator(op, model) for op in graph.operators]
    return made


def _tensor(tensor: T, model: schema.ModelT) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.type = tensor.name, list(tensor.shape), _TYPES[tensor.dtype]
    made.isVariable = tensor.variable
    if tensor.open_shape is not None:
        made.shapeSignature = list(tensor.open_shape)
    if tensor.scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [tensor.scale], [tensor.zero_point]
    if tensor.data is not None:
        made.buffer = _buffer(np.asarray(tensor.data, tensor.dtype).tobytes(), model)
    return made


def _operator(op: Op, model: schema.ModelT) -> schema.OperatorT:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op.kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version, code.customCode = op.version, op.custom
    model.operatorCodes.append(code)
    made = schema.OperatorT()
    made.opcodeIndex = len(model.operatorCodes) - 1
    made.inputs, made.outputs = list(op.inputs), list(op.outputs)
    if op.custom_options is not None:
        made.customOptions = np.frombuffer(op.custom_options, np.uint8)
    if op.options is not None:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, op.options)
        made.builtinOptions = getattr(schema, f"{op.options}T")()
        for name, value in op.settings.items():
            setattr(made.builtinOptions, name, value)
    return made


def _buffer(data: bytes, model: schema.ModelT) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _signature(
    name: str, graph: int, inputs: Mapping[str, int], outputs: Mapping[str, int]
) -> schema.SignatureDefT:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = name, graph
    made.inputs = [_mapping(*pair) for pair in inputs.items()]
    made.outputs = [_mapping(*pair) for pair in outputs.items()]
    return made


def _mapping(name: str, index: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
