"""Reading protobuf messages that nobody vouches for, field by field, without a schema.

Only wire types 0 (varint), 1 (64 bit), 2 (length-delimited) and 5 (32 bit) exist in an ONNX file.
A sub-message is a pair of bounds into the same bytes, so walking past gigabytes of weights copies
nothing. The bounds only shrink going down and `Message` objects only go where the caller leads, so
the work is bounded by the file's size and the caller's depth.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from littoral.errors import FormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: The field's number in its schema.
        wire: The wire type.
        value: The number itself for the numeric wire types (unsigned), 0 for bytes.
        start: Where the payload begins.
        end: Where it ends.
    """

    number: int
    wire: int
    value: int
    start: int
    end: int


class Message:
    """A message between two bounds of a file."""

    __slots__ = ("content", "end", "start")

    def __init__(self, content: bytes, start: int = 0, end: int | None = None) -> None:
        """Take the bounds as they are; they are checked while the fields are walked."""
        self.content = content
        self.start = start
        self.end = len(content) if end is None else end

    def fields(self) -> Iterator[Field]:
        """Walk the fields in the order of the file.

        Raises:
            FormatError: A field does not end inside the message, or has an unknown wire type.
        """
        position = self.start
        while position < self.end:
            field = self._field(position)
            yield field
            position = field.end

    def sub(self, field: Field) -> Message:
        """The message that a length-delimited field holds."""
        if field.wire != BYTES:
            raise FormatError(f"protobuf field {field.number} is no message: the file is damaged")
        return Message(self.content, field.start, field.end)

    def all(self, number: int) -> list[Message]:
        """Every sub-message with a field number, in order."""
        return [self.sub(field) for field in self.fields() if field.number == number]

    def first(self, number: int) -> Message | None:
        """The first sub-message with a field number, None when there is none."""
        for field in self.fields():
            if field.number == number:
                return self.sub(field)
        return None

    def blob(self, number: int) -> bytes:
        """The bytes of the last field with a number, as protobuf wants it; empty when absent."""
        found = b""
        for field in self.fields():
            if field.number == number and field.wire == BYTES:
                found = self.content[field.start : field.end]
        return found

    def text(self, number: int) -> str:
        """Like `blob`, decoded; bytes that are not UTF-8 are shown escaped."""
        return self.blob(number).decode("utf-8", "backslashreplace")

    def number(self, number: int, default: int = 0) -> int:
        """The last varint with a field number, as a signed 64-bit integer."""
        found = default
        for field in self.fields():
            if field.number == number and field.wire == VARINT:
                found = field.value
        return found - (1 << 64) if found >= 1 << 63 else found

    def numbers(self, number: int) -> list[int]:
        """A repeated varint, packed or not, unsigned."""
        found: list[int] = []
        for field in self.fields():
            if field.number != number:
                continue
            if field.wire == VARINT:
                found.append(field.value)
            elif field.wire == BYTES:
                position = field.start
                while position < field.end:
                    value, position = self._varint(position, field.end)
                    found.append(value)
        return found

    def _field(self, position: int) -> Field:
        key, start = self._varint(position, self.end)
        number, wire = key >> 3, key & 7
        value = 0
        if not number:
            raise FormatError(f"protobuf field number 0 at byte {position}: the file is damaged")
        if wire == VARINT:
            value, end = self._varint(start, self.end)
        elif wire == BYTES:
            length, start = self._varint(start, self.end)
            end = start + length
        elif wire in (FIXED64, FIXED32):
            end = start + (8 if wire == FIXED64 else 4)
        else:
            raise FormatError(f"protobuf wire type {wire} at byte {position}: the file is damaged")
        if end > self.end:
            raise FormatError(
                f"the protobuf field at byte {position} ends at byte {end} of {self.end}: "
                "the file is truncated or damaged"
            )
        if wire in (FIXED64, FIXED32):
            value = struct.unpack_from("<Q" if wire == FIXED64 else "<I", self.content, start)[0]
        return Field(number, wire, value, start, end)

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        value = 0
        for k in range(_LONGEST_VARINT):
            if position + k >= end:
                raise FormatError("a protobuf number runs past its message: the file is truncated")
            byte = self.content[position + k]
            value |= (byte & 0x7F) << (7 * k)
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, position + k + 1
        raise FormatError(f"a protobuf number at byte {position} never ends: the file is damaged")
