"""float16 inputs and outputs for a .tflite: a CAST behind each input and before each output."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from littoral_converters.formats._tflite_tree import OP, opcode, raise_version

_VERSION = 5
"""Version of CAST that takes float16."""


def halve(model: Any) -> None:
    """Make every float32 input and output of the main subgraph float16, in place.

    Args:
        model: Object tree of a .tflite. Names, order and signature stay.
    """
    main = model.subgraphs[0]
    moved_in = {
        int(i): _twin(main, int(i)) for i in dict.fromkeys(map(int, main.inputs)) if _is(main, i)
    }
    moved_out = {
        int(i): _twin(main, int(i)) for i in dict.fromkeys(map(int, main.outputs)) if _is(main, i)
    }
    first = [_cast(model, half, full) for full, half in moved_in.items()]
    last = [_cast(model, full, half) for full, half in moved_out.items()]
    main.operators = [*first, *main.operators, *last]
    main.inputs = [moved_in.get(int(i), int(i)) for i in main.inputs]
    main.outputs = [moved_out.get(int(i), int(i)) for i in main.outputs]
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            _point(signature.inputs, moved_in)
            _point(signature.outputs, moved_out)


def _is(main: Any, index: int) -> bool:
    return bool(main.tensors[int(index)].type == schema.TensorType.FLOAT32)


def _twin(main: Any, index: int) -> int:
    """A float16 tensor that takes the name of a float32 one."""
    tensor = main.tensors[index]
    twin = schema.TensorT()
    twin.name, twin.shape, twin.shapeSignature = tensor.name, tensor.shape, tensor.shapeSignature
    twin.type, twin.hasRank = schema.TensorType.FLOAT16, tensor.hasRank
    tensor.name = tensor.name + b"_float32"
    main.tensors.append(twin)
    return len(main.tensors) - 1


def _cast(model: Any, source: int, target: int) -> Any:
    main = model.subgraphs[0]
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = main.tensors[source].type, main.tensors[target].type
    operator = schema.OperatorT()
    operator.opcodeIndex = opcode(model, OP.CAST)
    raise_version(model, operator, _VERSION)
    operator.inputs, operator.outputs = [source], [target]
    operator.builtinOptionsType = schema.BuiltinOptions.CastOptions
    operator.builtinOptions = options
    return operator


def _point(entries: Any, moved: dict[int, int]) -> None:
    for entry in entries:
        entry.tensorIndex = moved.get(int(entry.tensorIndex), int(entry.tensorIndex))
