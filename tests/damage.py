"""Damage to model files: what disks, networks and enemies do to them, from a seed.

Random damage hits weights nearly always, and most of a file is weights; so half of the mutations
here look for the structure first: offsets, vtables, lengths and numbers of a FlatBuffer,
lengths, numbers and names of a protobuf.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

Mutation = Callable[[bytearray, random.Random, list[tuple[int, int]]], None]

_TELLING = (0, 1, 2, 3, 4, 7, 8, 16, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF)
_TELLING += (0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFC, 0xFFFFFFFF)


def damaged(content: bytes, format: str, seed: str) -> tuple[str, bytes]:
    """One damaged copy.

    Args:
        content: The whole file.
        format: ``"tflite"`` or ``"onnx"``.
        seed: The same seed gives the same damage.

    Returns:
        The kind of damage, and a file that differs from the whole one.
    """
    dice = random.Random(seed)
    places = _cached_places(content, format)
    while True:
        name, mutate = dice.choice(MUTATIONS)
        copy = bytearray(content)
        mutate(copy, dice, places)
        if copy != content:
            return name, bytes(copy)


def _flip_bits(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    for _ in range(dice.choice((1, 1, 4, 16, 64))):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def _overwrite(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    size = min(dice.randrange(1, 256), len(content))
    at = dice.randrange(len(content) - size + 1)
    content[at : at + size] = bytes(size) if dice.random() < 0.3 else dice.randbytes(size)


def _truncate(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    del content[dice.randrange(len(content)) :]


def _remove(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    at = dice.randrange(len(content))
    del content[at : at + dice.choice((1, 2, 4, 8, 64))]


def _insert(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    at = dice.randrange(len(content))
    content[at:at] = dice.randbytes(dice.choice((1, 2, 4, 8, 64)))


def _set_number(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    """A number of the structure becomes one at which programs stumble."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at, size = dice.choice(places)
        value = dice.choice(_TELLING) & (1 << 8 * size) - 1
        content[at : at + size] = value.to_bytes(size, "little")


def _nudge_number(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    """A number of the structure becomes a little more or less."""
    at, size = dice.choice(places)
    value = int.from_bytes(content[at : at + size], "little") + dice.choice((-8, -4, -1, 1, 4, 8))
    content[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _swap_numbers(content: bytearray, dice: random.Random, places: list[tuple[int, int]]) -> None:
    """Two numbers of the structure change places."""
    (a, size), (b, _) = dice.choice(places), dice.choice(places)
    if b + size <= len(content):
        content[a : a + size], content[b : b + size] = (
            content[b : b + size],
            content[a : a + size],
        )


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("bit flips", _flip_bits),
    ("overwritten", _overwrite),
    ("truncated", _truncate),
    ("removed", _remove),
    ("inserted", _insert),
    ("number set", _set_number),
    ("number set", _set_number),
    ("number nudged", _nudge_number),
    ("number nudged", _nudge_number),
    ("numbers swapped", _swap_numbers),
)

_places: dict[bytes, list[tuple[int, int]]] = {}


def _cached_places(content: bytes, format: str) -> list[tuple[int, int]]:
    if content not in _places:
        find = _flatbuffer_places if format == "tflite" else _protobuf_places
        _places[content] = sorted(set(find(content)))
    return _places[content]


def _flatbuffer_places(content: bytes) -> Iterator[tuple[int, int]]:
    """Position and size of vtables' entries, offsets, lengths, short vectors' items and scalars.

    Without a schema: whatever leads forward to something that has a vtable behind it is a table.
    """
    yield 0, 4
    waiting, seen = [struct.unpack_from("<I", content)[0]], set()
    while waiting:
        table = waiting.pop()
        if table in seen or not 0 < table <= len(content) - 4:
            continue
        seen.add(table)
        vtable = table - struct.unpack_from("<i", content, table)[0]
        if not 0 <= vtable <= len(content) - 4:
            continue
        size, inline = struct.unpack_from("<HH", content, vtable)
        if size < 4 or size > 128 or vtable + size > len(content) or inline > 512:
            continue
        yield table, 4
        for entry in range(vtable, vtable + size, 2):
            yield entry, 2
        for entry in range(vtable + 4, vtable + size, 2):
            offset = struct.unpack_from("<H", content, entry)[0]
            at = table + offset
            if offset and at <= len(content) - 4:
                yield at, 4
                yield from _behind(content, at, waiting)


def _behind(content: bytes, at: int, waiting: list[int]) -> Iterator[tuple[int, int]]:
    target = at + struct.unpack_from("<I", content, at)[0]
    if target == at or target > len(content) - 4:
        return
    waiting.append(target)
    count = struct.unpack_from("<I", content, target)[0]
    yield target, 4
    if count <= 4096 and target + 4 + 4 * count <= len(content):
        for item in range(target + 4, target + 4 + 4 * count, 4):
            if count <= 64:
                yield item, 4
            waiting.append(item + struct.unpack_from("<I", content, item)[0])


def _protobuf_places(content: bytes) -> Iterator[tuple[int, int]]:
    """Position and size of lengths, numbers and names, in whatever reads as a message itself."""
    waiting = [(0, len(content))]
    while waiting:
        start, end = waiting.pop()
        fields = list(_fields(content, start, end))
        if not fields or fields[-1][3] != end:
            continue
        for _, value_at, body, field_end, wire in fields:
            yield value_at, 1
            if wire == 2:
                # The first letters of a name, the first of packed numbers.
                yield from ((place, 1) for place in range(body, min(body + 4, field_end)))
                if 1 < field_end - body < 1 << 16:
                    waiting.append((body, field_end))


def _fields(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    while at < end:
        key, value_at = _varint(content, at, end)
        wire = key & 7
        if not key >> 3 or wire not in (0, 1, 2, 5):
            return
        value, body = _varint(content, value_at, end) if wire in (0, 2) else (0, value_at)
        if body < 0:
            return
        stop = body + {0: 0, 1: 8, 2: value, 5: 4}[wire]
        if stop > end:
            return
        yield at, value_at, body, stop, wire
        at = stop


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(at + 10, end)):
        value |= (content[place] & 0x7F) << 7 * (place - at)
        if content[place] < 0x80:
            return value, place + 1
    return 0, -1
