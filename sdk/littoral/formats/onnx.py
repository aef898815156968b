"""ONNX: a protobuf message (ModelProto). Field numbers are those of the published schema."""

from __future__ import annotations

from littoral.errors import FormatError
from littoral.formats._protobuf import BYTES, VARINT, Message

SUFFIX = ".onnx"
_CARD = "littoral_card"

_IR_VERSION, _GRAPH, _METADATA = 1, 7, 14
_KNOWN = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES}
_KNOWN |= {14: BYTES, 20: BYTES, 25: BYTES, 26: BYTES}


def claims(content: bytes) -> bool:
    """True when the bytes are one whole protobuf message with the fields of a ModelProto."""
    seen = set()
    try:
        for field in Message(content).fields():
            if _KNOWN.get(field.number, field.wire) != field.wire:
                return False
            seen.add(field.number)
    except FormatError:
        return False
    return {_IR_VERSION, _GRAPH} <= seen


def read_card(content: bytes) -> bytes | None:
    """The card's JSON, None when the file has no card.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    for entry in Message(content).all(_METADATA):
        if entry.text(1) == _CARD:
            return entry.blob(2)
    return None
