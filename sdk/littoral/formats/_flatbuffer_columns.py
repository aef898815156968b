"""Checking many tables of a FlatBuffer at once: one NumPy operation a field, not one a table.

The same layout as in `_flatbuffer`, and the same promise: no position is read that is not inside
the file. Rows stand for tables, columns for fields; a table that leaves a field out has position 0.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import FormatError

Positions = NDArray[np.int64]
_most, _any = np.maximum.reduce, np.logical_or.reduce
_MOST_FIELDS = 16
_PLACES = {width: np.arange(width) for width in (1, 2, 4, 8)}
_VISITS_PER_BYTE = 2


class Bytes:
    """The file, read at many positions at once."""

    def __init__(self, content: bytes) -> None:
        """Take the whole file."""
        self.content = np.frombuffer(content, np.uint8)
        self.size = len(content)

    def numbers(self, positions: Positions, dtype: str) -> NDArray[Any]:
        """Little-endian numbers at any positions, aligned or not.

        Raises:
            FormatError: A position is outside the file.
        """
        places = _PLACES[np.dtype(dtype).itemsize]
        if not len(positions):
            return np.zeros(0, dtype)
        # What lies before the file is, without its sign, far behind it.
        if _most(positions.view(np.uint64)) > self.size - len(places):
            raise FormatError("a FlatBuffer offset points outside the file: it is damaged")
        found: NDArray[Any] = self.content[positions[:, None] + places].view(dtype)
        return found[:, 0]

    def follow(self, positions: Positions) -> Positions:
        """Where the unsigned offsets stored at positions lead; absent ones (0) stay 0."""
        there = positions.nonzero()[0]
        if len(there) == len(positions):
            targets: Positions = positions + self.numbers(positions, "<u4")
            return targets
        targets = np.zeros(len(positions), np.int64)
        targets[there] = positions[there] + self.numbers(positions[there], "<u4")
        return targets


class Tables:
    """Tables of one kind.

    Attributes:
        count: How many.
    """

    def __init__(self, file: Bytes, positions: Positions) -> None:
        """Check that each has its vtable, and that both are inside the file.

        Raises:
            FormatError: One is not.
        """
        self._file, self._at = file, positions
        self.count = len(positions)
        vtables = positions - file.numbers(positions, "<i4")
        heads = file.numbers(vtables, "<u4").astype(np.int64)
        sizes, self._inline = heads & 0xFFFF, heads >> 16
        wrong = (sizes < 4) | (sizes & 1 > 0) | (self._inline < 4)
        wrong |= (vtables + sizes > file.size) | (positions + self._inline > file.size)
        if _any(wrong):
            raise FormatError("a FlatBuffer table has no sound vtable: the file is damaged")
        # Every table's offsets of its fields, 0 where its vtable ends before.
        places = np.arange(4, min(int(_most(sizes, initial=4)), 4 + 2 * _MOST_FIELDS), 2)
        self._offsets: Positions = np.zeros((len(places), self.count), np.int64)
        there = (places[:, None] < sizes).nonzero()
        self._offsets[there] = file.numbers((vtables + places[:, None])[there], "<u2")

    def fields(self, index: int, width: int) -> Positions:
        """Absolute positions of a field of so many bytes, 0 where a table leaves it out.

        Raises:
            FormatError: A field is outside its table.
        """
        if index >= len(self._offsets):
            return np.zeros(self.count, np.int64)
        offsets = self._offsets[index]
        if _any((offsets > 0) & (offsets + width > self._inline)):
            raise FormatError("a FlatBuffer field is outside its table: the file is damaged")
        return np.where(offsets > 0, self._at + offsets, 0)

    def numbers(self, index: int, dtype: str, default: int = 0) -> NDArray[Any]:
        """A scalar field of each table."""
        positions = self.fields(index, np.dtype(dtype).itemsize)
        values = np.full(self.count, default, dtype)
        there = positions.nonzero()[0]
        values[there] = self._file.numbers(positions[there], dtype)
        return values

    def vectors(self, index: int, width: int) -> Vectors:
        """A vector field of each table, of items of so many bytes."""
        return Vectors(self._file, self._file.follow(self.fields(index, 4)), width)

    def tables(
        self, index: int, wanted: NDArray[np.bool_] | None = None
    ) -> tuple[Tables, Positions]:
        """The tables in a table field, and the rows that have one (and are wanted)."""
        targets = self._file.follow(self.fields(index, 4))
        rows = np.flatnonzero(targets if wanted is None else (targets > 0) & wanted)
        return Tables(self._file, targets[rows]), rows


class Vectors:
    """A vector for each row, empty where there is none.

    Attributes:
        counts: Items of each.
    """

    def __init__(self, file: Bytes, heads: Positions, width: int) -> None:
        """Check that each vector is inside the file, and that they are not more than it.

        Raises:
            FormatError: One is not; or they share so many bytes that a small file looks enormous.
        """
        self._file, self._width = file, width
        self.counts: Positions = np.zeros(len(heads), np.int64)
        there = heads.nonzero()[0]
        self.counts[there] = file.numbers(heads[there], "<u4")
        self._starts = heads + 4
        ends = self._starts + self.counts * width
        if _most(ends, initial=0) > file.size or self._is_too_much():
            raise FormatError(
                f"a FlatBuffer vector does not fit into the file's {file.size} bytes: it is "
                "truncated or damaged"
            )

    def _is_too_much(self) -> bool:
        """Whether visiting every item would take more than the file's size warrants."""
        # Bytes are measured and never visited.
        visits = int(np.add.reduce(self.counts)) if self._width > 1 else 0
        return visits > 1024 + _VISITS_PER_BYTE * self._file.size

    def flat(self, dtype: str) -> NDArray[Any]:
        """Every item of every vector, one after the other."""
        return self._file.numbers(self._positions(), dtype)

    def tables(self) -> Tables:
        """The tables that the items point to, those of all vectors."""
        return Tables(self._file, self._file.follow(self._positions()))

    @cached_property
    def rows(self) -> Positions:
        """For every item the row that it belongs to."""
        # A 32-bit system counts in 32 bits and takes no others for it.
        return np.repeat(np.arange(len(self.counts)), self.counts.astype(np.intp))

    @cached_property
    def columns(self) -> Positions:
        """For every item its place in its own vector."""
        firsts = np.cumsum(self.counts) - self.counts
        return np.arange(len(self.rows)) - firsts[self.rows]

    def _positions(self) -> Positions:
        return self._starts[self.rows] + self.columns * self._width


def root(content: bytes) -> Tables:
    """The root table of a FlatBuffer.

    Raises:
        FormatError: It does not point into the file.
    """
    file = Bytes(content)
    return Tables(file, file.numbers(np.zeros(1, np.int64), "<u4").astype(np.int64))
