"""What must hold of an .onnx file before an engine sees it.

ONNX Runtime reads the graph with care and names what is missing in it; what is checked here is that
the constants have as many values as their shapes say, in one walk over them that costs nothing for
their size. A file that engines accept is never refused.
"""

from __future__ import annotations

import math

from littoral.errors import FormatError
from littoral.formats._protobuf import BYTES, VARINT, Message

_GRAPH, _INITIALIZERS = 7, 5
_DIMS, _TYPE, _FLOATS, _NAME, _RAW, _DOUBLES, _LOCATION = 1, 2, 4, 8, 9, 10, 14

# Bits of one item by type number; types that are not here have no fixed size or are too new.
_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64}
_BITS |= {14: 64, 15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4}


def check(content: bytes) -> None:
    """Refuse a file whose constants are not whole.

    Args:
        content: The whole file.

    Raises:
        FormatError: A constant has more or fewer values than its shape; the message says which.
    """
    graph = Message(content).first(_GRAPH)
    if graph is None:
        raise FormatError("the ONNX file holds no graph")
    for tensor in graph.all(_INITIALIZERS):
        _check(tensor)


def _check(tensor: Message) -> None:
    held: dict[int, int] = {}
    numbers = {_TYPE: 0, _LOCATION: 0}
    for field in tensor.fields():
        if field.wire == BYTES:
            held[field.number] = field.end - field.start
        elif field.wire == VARINT and field.number in numbers:
            numbers[field.number] = field.value
    bits = _BITS.get(numbers[_TYPE])
    if bits is None or numbers[_LOCATION]:
        return
    dims = tensor.numbers(_DIMS)
    if any(size >= 1 << 63 for size in dims):
        raise FormatError(f"constant {tensor.text(_NAME)!r} has a negative size: it is damaged")
    needed = (math.prod(dims) * bits + 7) // 8
    for place in (_RAW, _FLOATS, _DOUBLES):
        if place in held and held[place] != needed and held[place]:
            raise FormatError(
                f"constant {tensor.text(_NAME)!r} of shape {dims} needs {needed} bytes and has "
                f"{held[place]}: the file is damaged"
            )
