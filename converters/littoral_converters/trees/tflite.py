"""A .tflite as the schema's object tree: operators, constants and tensors, read and added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from littoral.formats._tflite_operators import NAMES
from numpy.typing import NDArray

OP = schema.BuiltinOperator

_IDENTIFIER = b"TFL3"
_SHARE, _ROOM = 64, 1 << 16
"""Room for what is in a file beside its buffers: this part of theirs, and so much more."""


def parse(content: bytes) -> Any:
    """A .tflite file as the schema's object tree (`schema.ModelT`)."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def serialize(model: Any) -> bytes:
    """The object tree as a .tflite file."""
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    # Too small a builder grows by a copy of twice its size.
    builder = flatbuffers.Builder(size + size // _SHARE + _ROOM)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def opcode(model: Any, code: int) -> int:
    """Index of an operator in the file's list of operators, added when absent."""
    for index, entry in enumerate(model.operatorCodes):
        if code_in(entry) == code:
            return index
    entry = schema.OperatorCodeT()
    entry.builtinCode = code
    entry.deprecatedBuiltinCode = min(code, 127)
    entry.version = 1
    model.operatorCodes.append(entry)
    return len(model.operatorCodes) - 1


def code_of(model: Any, operator: Any) -> int:
    """The operator's BuiltinOperator."""
    return code_in(model.operatorCodes[operator.opcodeIndex])


def code_in(entry: Any) -> int:
    """The BuiltinOperator of an entry in the file's list of operators."""
    return max(int(entry.builtinCode), int(entry.deprecatedBuiltinCode))


def has_kind(content: bytes, code: int) -> bool:
    """Whether a file has an operator of a kind, seen without reading the file whole."""
    model = schema.Model.GetRootAs(content, 0)
    entries = (model.OperatorCodes(at) for at in range(model.OperatorCodesLength()))
    return any(code_in(schema.OperatorCodeT.InitFromObj(entry)) == code for entry in entries)


def kind_name(code: int) -> str:
    """What the schema calls a BuiltinOperator."""
    return NAMES[code] if code < len(NAMES) else f"operator {code}"


def links(graph: Any) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Who makes and who reads the tensors of a subgraph.

    Returns:
        By tensor the place of the operator that makes it, and the places of those that read it,
        once for each time that they do.
    """
    makers: dict[int, int] = {}
    readers: dict[int, list[int]] = defaultdict(list)
    for at, operator in enumerate(graph.operators):
        makers.update((int(index), at) for index in operator.outputs)
        for index in operator.inputs:
            readers[int(index)].append(at)
    return makers, readers


def sole_reader(graph: Any, readers: Mapping[int, Sequence[int]], index: int) -> int | None:
    """Who reads a tensor that nobody else does.

    Args:
        graph: A subgraph.
        readers: Of its tensors, as `links` gives them.
        index: The tensor.

    Returns:
        The place of the operator; None where there is none or another, where it reads the tensor
        twice, and where the caller gets the tensor too.
    """
    places = readers.get(index, ())
    is_output = index in {int(output) for output in graph.outputs}
    return places[0] if len(places) == 1 and not is_output else None


def raise_version(model: Any, operator: Any, version: int) -> None:
    """Make the file ask for at least this version of the operator."""
    entry = model.operatorCodes[operator.opcodeIndex]
    entry.version = max(entry.version, version)


def name_of(graph: Any, operator: Any) -> str:
    """What an operator is called: the name of its first output."""
    name: str = graph.tensors[operator.outputs[0]].name.decode(errors="replace")
    return name


def constant(model: Any, tensor: Any) -> NDArray[np.float32] | None:
    """A float32 constant's values in its shape; None for anything else."""
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) == 0:
        return None
    return np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)


def integers(model: Any, tensor: Any) -> list[int] | None:
    """An int32 constant's values, flat; None for anything else."""
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.INT32 or data is None or len(data) == 0:
        return None
    return [int(value) for value in np.frombuffer(bytes(data), np.int32)]


def shape_signature(tensor: Any) -> list[int]:
    """The size of each axis, -1 for an open one."""
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return [] if sizes is None else [int(size) for size in sizes]


def add_tensor(graph: Any, name: bytes, shape: Any, kind: int, buffer: int = 0) -> int:
    """Add a tensor to a subgraph and return its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, buffer
    tensor.hasRank = True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def add_like(graph: Any, index: int, suffix: bytes, kind: int) -> int:
    """Add a tensor like another one, but of another type, and return its index."""
    tensor = graph.tensors[index]
    added = add_tensor(graph, tensor.name + suffix, tensor.shape, kind)
    graph.tensors[added].shapeSignature = tensor.shapeSignature
    return added


def add_buffer(model: Any, values: NDArray[Any]) -> int:
    """Add a constant to the file and return its buffer."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def new_operator(
    model: Any, code: int, options: Any, inputs: Sequence[int], outputs: Sequence[int]
) -> Any:
    """An operator, for its caller to put in its place.

    Args:
        model: Object tree, whose list of operators may grow.
        code: The BuiltinOperator.
        options: What the schema has for it, such as ``schema.PadOptionsT()``; None for nothing.
        inputs: Tensors.
        outputs: Tensors.
    """
    operator = schema.OperatorT()
    operator.opcodeIndex = opcode(model, code)
    operator.inputs, operator.outputs = list(inputs), list(outputs)
    if options is not None:
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = options
    return operator


def add_constant(model: Any, graph: Any, values: NDArray[Any]) -> int:
    """Add a constant of float32 or int32 to a subgraph, without a name, and return its index."""
    types = schema.TensorType
    kind = types.FLOAT32 if values.dtype == np.float32 else types.INT32
    return add_tensor(graph, b"", list(values.shape), kind, add_buffer(model, values))


def conversion(model: Any, code: int, version: int, source: int, target: int) -> Any:
    """A QUANTIZE or DEQUANTIZE operator."""
    is_quantize = code == OP.QUANTIZE
    options = schema.QuantizeOptionsT() if is_quantize else schema.DequantizeOptionsT()
    operator = new_operator(model, code, options, [source], [target])
    raise_version(model, operator, version)
    return operator


def cast(model: Any, graph: Any, version: int, source: int, target: int) -> Any:
    """A CAST operator from one tensor of a subgraph to another."""
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = graph.tensors[source].type, graph.tensors[target].type
    operator = new_operator(model, OP.CAST, options, [source], [target])
    raise_version(model, operator, version)
    return operator
