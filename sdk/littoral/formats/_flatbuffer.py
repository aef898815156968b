"""Reading a FlatBuffer that nobody vouches for: every offset is checked before it is followed.

Layout (FlatBuffers binary format): a table starts with a signed offset back to its vtable; the
vtable lists, by field, where in the table the field is, 0 for absent. Strings, vectors and tables
are reached by unsigned offsets that only lead forward, so there are no cycles. They can still share
targets, which makes a small file look enormous; `Source.budget` bounds the work by the file's size.
"""

from __future__ import annotations

import struct
from typing import Any

from littoral.errors import FormatError

_VISITS_PER_BYTE = 2


class Source:
    """The bytes being read and how many elements may still be visited."""

    __slots__ = ("budget", "content")

    def __init__(self, content: bytes) -> None:
        """Allow a few visits for each byte of the file."""
        self.content = content
        self.budget = 1024 + _VISITS_PER_BYTE * len(content)

    def unpack(self, form: str, position: int) -> Any:
        """One little-endian number.

        Raises:
            FormatError: The position is outside the file.
        """
        if position < 0:
            raise FormatError("a FlatBuffer offset points before the file's start")
        try:
            return struct.unpack_from(form, self.content, position)[0]
        except struct.error as error:
            raise FormatError(
                f"a FlatBuffer offset points to byte {position} of {len(self.content)}: "
                "the file is truncated or damaged"
            ) from error

    def follow(self, position: int) -> int:
        """Where the unsigned offset stored at a position leads."""
        return position + int(self.unpack("<I", position))

    def spend(self, count: int, size: int, position: int) -> None:
        """Check that a vector of `count` elements of `size` bytes is inside, and pay for it."""
        self.budget -= count + 1
        if position + count * size > len(self.content) or self.budget < 0:
            raise FormatError(
                f"a FlatBuffer vector of {count} elements at byte {position} does not fit into "
                f"the file's {len(self.content)} bytes: it is truncated or damaged"
            )


class Table:
    """One table, read lazily by field id."""

    __slots__ = ("_entries", "position", "source")

    def __init__(self, source: Source, position: int) -> None:
        """Check the vtable.

        Args:
            source: The file.
            position: Where the table starts.

        Raises:
            FormatError: Table or vtable is not inside the file.
        """
        self.source = source
        self.position = position
        source.spend(0, 0, 0)
        vtable = position - int(source.unpack("<i", position))
        size = int(source.unpack("<H", vtable))
        if size < 4 or size % 2:
            raise FormatError(f"a FlatBuffer vtable of {size} bytes: the file is damaged")
        source.spend(0, 1, vtable + size)
        self._entries = struct.unpack_from(f"<{(size - 4) // 2}H", source.content, vtable + 4)

    def field(self, index: int) -> int:
        """Absolute position of a field, 0 when the table leaves it out."""
        if index >= len(self._entries) or not self._entries[index]:
            return 0
        return self.position + int(self._entries[index])

    def number(self, index: int, form: str, default: int = 0) -> int:
        """A scalar field; `form` is its `struct` code, for example ``"<I"``."""
        at = self.field(index)
        return int(self.source.unpack(form, at)) if at else default

    def table(self, index: int) -> Table | None:
        """A table field, None when absent."""
        at = self.field(index)
        return Table(self.source, self.source.follow(at)) if at else None

    def tables(self, index: int) -> list[Table]:
        """A vector of tables, empty when absent."""
        start, count = self._vector(index, 4)
        source = self.source
        return [Table(source, source.follow(start + 4 * k)) for k in range(count)]

    def numbers(self, index: int, code: str) -> tuple[Any, ...]:
        """A vector of scalars; `code` is one `struct` letter, for example ``"i"``."""
        start, count = self._vector(index, struct.calcsize(code))
        return struct.unpack_from(f"<{count}{code}", self.source.content, start)

    def blob(self, index: int) -> bytes:
        """A vector of bytes, empty when absent."""
        start, count = self._vector(index, 1)
        return self.source.content[start : start + count]

    def length(self, index: int) -> int:
        """Number of elements of a byte vector, without copying it."""
        return self._vector(index, 1)[1]

    def text(self, index: int) -> str:
        """A string, empty when absent; bytes that are not UTF-8 are shown escaped."""
        return self.blob(index).decode("utf-8", "backslashreplace")

    def _vector(self, index: int, size: int) -> tuple[int, int]:
        at = self.field(index)
        if not at:
            return 0, 0
        start = self.source.follow(at)
        count = int(self.source.unpack("<I", start))
        # Bytes are sliced, not visited, so only the check of their bounds is due for them.
        if size == 1:
            self.source.spend(0, 1, start + 4 + count)
        else:
            self.source.spend(count, size, start + 4)
        return start + 4, count


def root(content: bytes) -> Table:
    """The root table of a FlatBuffer.

    Args:
        content: The whole file.

    Raises:
        FormatError: It does not point into the file.
    """
    source = Source(content)
    return Table(source, source.follow(0))
