"""A .tflite file up to one of its operators: read from its bytes, cut in its bytes.

Cutting writes nothing new but a list of outputs: the vector of operators is made shorter in place,
and a vector of the tensors that are then alive is put at the file's end, where the graph's offset
is led to.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from littoral.errors import FormatError
from littoral.formats import tflite
from littoral.formats._flatbuffer import Table, root
from littoral.profiling import layer_of
from littoral.profiling._cuts import Operator

_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_OPERATOR_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 0, 1, 2
_SHAPE, _TYPE, _BUFFER, _NAME = 0, 1, 2, 3

# Size of one element by the schema's number of its type, in bits.
_BITS = (32, 16, 32, 8, 64, 8, 8, 16, 64, 8, 64, 128, 64, 8, 8, 32, 16, 4, 16, 2)


@dataclass(frozen=True)
class Node:
    """An operator with what it reads and makes.

    Attributes:
        operator: What is known of it.
        inputs: Indices of tensors, -1 for an optional one that is left out.
        outputs: Indices of tensors.
    """

    operator: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def nodes(content: bytes) -> list[Node]:
    """The operators of the first graph, in the order of execution.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged, or the graph has none.
    """
    model = root(content)
    graph = _graph(model)
    codes = [tflite.operator_name(code) for code in model.tables(_CODES)]
    tensors = graph.tables(_TENSORS)
    found = [
        _node(index, table, codes, tensors) for index, table in enumerate(graph.tables(_OPERATORS))
    ]
    if not found:
        raise FormatError("the file's graph has no operators: there is nothing to profile")
    return found


def cut(content: bytes, found: Sequence[Node], count: int) -> bytes:
    """The file with its first operators alone.

    Args:
        content: The whole file.
        found: Its nodes.
        count: How many to keep; 0 hands the inputs through. So does a count of operators that only
            prepare weights: an engine has done their work before the first call, and XNNPACK does
            not run a graph that leaves it nothing else.
    """
    if count == len(found):
        return content
    graph = _graph(root(content))
    inputs = graph.numbers(_INPUTS, "i")
    needed = {index for one in found[count:] for index in one.inputs}
    wanted = set(graph.numbers(_OUTPUTS, "i"))
    alive = sorted(_varying(found[:count], inputs) & (needed | wanted))
    if not alive:
        count, alive = 0, sorted(inputs)
    padding = bytes(-len(content) % 4)
    at = graph.field(_OUTPUTS)
    shorter = bytearray(content) + padding
    struct.pack_into("<I", shorter, at, len(shorter) - at)
    shorter += struct.pack(f"<I{len(alive)}i", len(alive), *alive)
    operators_at = graph.field(_OPERATORS)
    start = operators_at + struct.unpack_from("<I", content, operators_at)[0]
    struct.pack_into("<I", shorter, start, count)
    return bytes(shorter)


def _varying(found: Sequence[Node], inputs: Sequence[int]) -> set[int]:
    """The tensors that operators make of the graph's inputs or of variables.

    An operator that reads no tensor hands out a variable, or numbers of its own.
    """
    known = set(inputs)
    made: set[int] = set()
    for one in found:
        if not one.inputs or not known.isdisjoint(one.inputs):
            made.update(one.outputs)
            known.update(one.outputs)
    return made


def _graph(model: Table) -> Table:
    graphs = model.tables(_SUBGRAPHS)
    if not graphs or not graphs[0].field(_OUTPUTS):
        raise FormatError("the file has no graph with outputs")
    return graphs[0]


def _node(index: int, table: Table, codes: list[str], tensors: list[Table]) -> Node:
    kind = codes[table.number(_OPERATOR_CODE, "<I")]
    inputs, outputs = (table.numbers(i, "i") for i in (_OPERATOR_INPUTS, _OPERATOR_OUTPUTS))
    named = [tensors[i].text(_NAME) for i in (*outputs, *inputs[1:]) if 0 <= i < len(tensors)]
    name = next((own for own in named if own), "")
    shapes = [_shape(tensors, i) for i in inputs]
    results = [_shape(tensors, i) for i in outputs]
    touched = [tensors[i] for i in (*inputs, *outputs) if 0 <= i < len(tensors)]
    operator = Operator(
        index=index,
        kind=kind,
        name=name,
        layer=layer_of(name),
        macs=_macs(kind, shapes, results),
        moved_bytes=sum(map(_size, touched)),
    )
    return Node(operator, inputs, outputs)


def _macs(kind: str, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]]) -> int:
    """From the shapes; the schema's filters are [out, height, width, in], of volumes [..., out]."""
    if len(inputs) < 2 or not outputs or not inputs[1]:
        return 0
    out, filters = math.prod(outputs[0]), inputs[1]
    if kind == "FULLY_CONNECTED":
        return out * filters[-1]
    if kind == "CONV_2D":
        return out * math.prod(filters[1:])
    if kind == "CONV_3D":
        return out * math.prod(filters[:-1])
    if kind == "DEPTHWISE_CONV_2D":
        return out * math.prod(filters[1:3])
    if kind == "TRANSPOSE_CONV":
        return math.prod(inputs[2]) * math.prod(filters[:3])
    if kind == "BATCH_MATMUL":
        return out * _inner_size(inputs[0], filters, outputs[0])
    return 0


def _inner_size(a: tuple[int, ...], b: tuple[int, ...], out: tuple[int, ...]) -> int:
    """K of [m, k] times [k, n], either of them perhaps turned: k squared is mk times kn by mn."""
    return math.isqrt(math.prod(a[-2:]) * math.prod(b[-2:]) // max(1, math.prod(out[-2:])))


def _shape(tensors: list[Table], index: int) -> tuple[int, ...]:
    return tensors[index].numbers(_SHAPE, "i") if 0 <= index < len(tensors) else ()


def _size(tensor: Table) -> int:
    kind = tensor.number(_TYPE, "<b")
    bits = _BITS[kind] if 0 <= kind < len(_BITS) else 8
    return int(np.prod(tensor.numbers(_SHAPE, "i"), dtype=np.int64)) * bits // 8
