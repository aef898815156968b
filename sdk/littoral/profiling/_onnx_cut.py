"""An .onnx file up to one of its nodes: read from its bytes, put together from its bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from littoral.errors import FormatError
from littoral.formats._protobuf import BYTES, VARINT, Field, Message

_GRAPH, _NODES, _INITIALIZERS, _OUTPUTS, _VALUE_NAME = 7, 1, 5, 12, 1
_INPUT, _OUTPUT, _NAME, _OP_TYPE = 1, 2, 3, 4
_DIMS, _TYPE, _TENSOR_NAME = 1, 2, 8
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}


@dataclass(frozen=True)
class Node:
    """One node of the main graph.

    Attributes:
        kind: Its operator.
        name: Its own, failing that its first output's.
        inputs: Names of what it reads, empty for an optional input that is left out.
        outputs: Names of what it makes.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """A tensor's shape and size.

    Attributes:
        shape: Of one call.
        size_bytes: Of all its elements.
    """

    shape: tuple[int, ...]
    size_bytes: int


def nodes(content: bytes) -> list[Node]:
    """The nodes of the main graph, in the order of the file, which is one of execution.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged, or the graph has none.
    """
    graph = Message(content).first(_GRAPH)
    found = [] if graph is None else [_node(node) for node in graph.all(_NODES)]
    if not found:
        raise FormatError("the file's graph has no nodes: there is nothing to profile")
    return found


def constants(content: bytes) -> dict[str, Value]:
    """The main graph's initializers by name.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    graph = Message(content).first(_GRAPH)
    found = {}
    for tensor in [] if graph is None else graph.all(_INITIALIZERS):
        shape = tuple(tensor.numbers(_DIMS))
        size = math.prod(shape) * _BYTES.get(tensor.number(_TYPE), 1)
        found[tensor.text(_TENSOR_NAME)] = Value(shape, size)
    return found


def cut(content: bytes, found: Sequence[Node], count: int) -> bytes:
    """The file with its first nodes alone; its outputs are those of the last one.

    Args:
        content: The whole file.
        found: Its nodes.
        count: How many to keep, at least 1.
    """
    outputs = [name for name in found[count - 1].outputs if name]
    model = Message(content)
    parts = []
    for field in model.fields():
        if field.number != _GRAPH:
            parts.append(_raw(content, field))
            continue
        kept = _kept(model.sub(field), count)
        made = [_field(_OUTPUTS, _field(_VALUE_NAME, name.encode())) for name in outputs]
        parts.append(_field(_GRAPH, b"".join([*kept, *made])))
    return b"".join(parts)


def _kept(graph: Message, count: int) -> Iterable[bytes]:
    seen = 0
    for field in graph.fields():
        if field.number == _NODES:
            seen += 1
            if seen > count:
                continue
        if field.number != _OUTPUTS:
            yield _raw(graph.content, field)


def _node(node: Message) -> Node:
    inputs, outputs = (
        tuple(_text(node, field) for field in node.fields() if field.number == side)
        for side in (_INPUT, _OUTPUT)
    )
    name = node.text(_NAME) or next(iter(outputs), "")
    return Node(node.text(_OP_TYPE), name, inputs, outputs)


def _text(message: Message, field: Field) -> str:
    return message.content[field.start : field.end].decode("utf-8", "backslashreplace")


def _raw(content: bytes, field: Field) -> bytes:
    """A field as it was, its key written anew."""
    if field.wire == BYTES:
        return _field(field.number, content[field.start : field.end])
    key = _varint(field.number << 3 | field.wire)
    if field.wire == VARINT:
        return key + _varint(field.value)
    return key + content[field.start : field.end]


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
