"""CAST of integers to numbers in a .tflite of integers alone: the same values at another scale.

Images of uint8 that a Rescaling reads come in this way. Eight bits stand for themselves, one step a
unit, so that none of them is rounded; wider integers get the scale that the data asks for.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from littoral_converters.schemes._tflite_weights import parameters
from littoral_converters.trees.tflite import OP, add_like, cast, code_of, conversion

_TYPE = schema.TensorType
_OFFSETS = {_TYPE.UINT8: -128, _TYPE.INT8: 0}
_INTEGERS = {*_OFFSETS, _TYPE.INT16, _TYPE.UINT16, _TYPE.INT32, _TYPE.INT64}


def reads_integers(model: Any, graph: Any, operator: Any) -> bool:
    """Whether an operator turns integers into numbers."""
    if code_of(model, operator) != OP.CAST:
        return False
    source, target = _ends(graph, operator)
    return source.type in _INTEGERS and target.type == _TYPE.FLOAT32


def given_scale(graph: Any, operator: Any, symmetric: bool) -> tuple[float, int] | None:
    """Scale and zero point of what such a CAST gives; None where the data decides.

    Args:
        graph: The operator's subgraph.
        operator: A CAST that `reads_integers`.
        symmetric: Whether activations are int16, where 0 stands for 0.0; else they are int8.
    """
    offset = _OFFSETS.get(_ends(graph, operator)[0].type)
    return None if offset is None else (1.0, 0 if symmetric else offset)


def requantized(model: Any, graph: Any, operator: Any, symmetric: bool) -> list[Any]:
    """What computes such a CAST: a QUANTIZE, which takes int32, and of 8 bits what becomes 8 bits.

    Args:
        model: Object tree of a .tflite.
        graph: One of its subgraphs.
        operator: A CAST that `reads_integers`.
        symmetric: As for `given_scale`.

    Returns:
        Operators in the order of computing; the last one writes what the CAST wrote.
    """
    source, target = int(operator.inputs[0]), int(operator.outputs[0])
    tensor = graph.tensors[source]
    if tensor.type in _OFFSETS and not symmetric:
        tensor.quantization = parameters(1.0, 0)
        return [conversion(model, OP.QUANTIZE, 2, source, target)]
    wide = add_like(graph, source, b"_wide", _TYPE.INT32)
    graph.tensors[wide].quantization = parameters(1.0, 0)
    widening = cast(model, graph, 1, source, wide)
    return [widening, conversion(model, OP.QUANTIZE, 2, wide, target)]


def _ends(graph: Any, operator: Any) -> tuple[Any, Any]:
    return graph.tensors[int(operator.inputs[0])], graph.tensors[int(operator.outputs[0])]
