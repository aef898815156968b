"""What goes over the pipe between a program and the process that runs its engine.

A message is its two lengths, a head in JSON and the bytes of its arrays, back to back. Nothing is
pickled: a file that takes the engine's process over must not get at the program through its answer.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import asdict
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from littoral.tensors import TensorSpec

_LENGTHS = struct.Struct("<IQ")
_LARGEST_HEAD_BYTES = 64 << 20
_NUMBERS = "biufc"


class Nonsense(Exception):
    """The other side sent something that is no message."""


def send(stream: IO[bytes], head: bytes, arrays: list[NDArray[Any]] | tuple[bytes, ...]) -> None:
    """Write a message.

    Args:
        stream: The pipe.
        head: JSON.
        arrays: What the head describes, C-contiguous.
    """
    pieces = [piece if isinstance(piece, bytes) else _bytes_of(piece) for piece in arrays]
    stream.write(_LENGTHS.pack(len(head), sum(len(piece) for piece in pieces)) + head)
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def receive_head(stream: IO[bytes]) -> tuple[bytes, int]:
    """Read a message up to its arrays.

    Returns:
        The JSON, and how many bytes of arrays follow.

    Raises:
        EOFError: The other side is gone.
        Nonsense: What came is no message.
    """
    head_bytes, payload_bytes = _LENGTHS.unpack(receive_bytes(stream, _LENGTHS.size))
    if head_bytes > _LARGEST_HEAD_BYTES:
        raise Nonsense(f"a head of {head_bytes} bytes")
    return receive_bytes(stream, head_bytes), payload_bytes


def receive_bytes(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes.

    Raises:
        EOFError: The other side is gone.
    """
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def describe(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """What JSON says of a value; the arrays in it are added to a list.

    Args:
        value: An array of numbers or text, a list or a dict of such, or a plain value.
        arrays: Is given the arrays of numbers, in the order of the description.
    """
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in _NUMBERS:
        arrays.append(np.ascontiguousarray(value).reshape(value.shape))
        return ["array", value.dtype.str, list(value.shape)]
    if isinstance(value, np.ndarray):
        return ["text", list(value.shape), [_text(item) for item in value.reshape(-1).tolist()]]
    if isinstance(value, (list, tuple)):
        return ["list", [describe(item, arrays) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[_plain(key), describe(item, arrays)] for key, item in value.items()]]
    return ["plain", value]


def build(description: Any, arrays: Iterator[NDArray[Any]]) -> Any:
    """The value that was described; takes its arrays in turn."""
    kind, *rest = description
    if kind == "array":
        return next(arrays)
    if kind == "text":
        shape, items = rest
        return np.array([_untext(item) for item in items] or [], object).reshape(shape)
    if kind == "list":
        return [build(item, arrays) for item in rest[0]]
    if kind == "dict":
        return {key: build(item, arrays) for key, item in rest[0]}
    return rest[0]


def layouts(description: Any) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
    """Dtype and shape of the arrays that follow a description, in order.

    Raises:
        Nonsense: A dtype that is no number, or a shape that is none.
    """
    kind, *rest = description
    if kind == "array":
        dtype = np.dtype(str(rest[0]))
        shape = tuple(int(size) for size in rest[1])
        if dtype.kind not in _NUMBERS or any(size < 0 for size in shape):
            raise Nonsense(f"an array of {dtype} {shape}")
        return [(dtype, shape)]
    items = rest[0] if kind == "list" else [item for _, item in rest[0]] if kind == "dict" else []
    return [layout for item in items for layout in layouts(item)]


def receive_arrays(
    stream: IO[bytes], wanted: list[tuple[np.dtype[Any], tuple[int, ...]]], payload_bytes: int
) -> list[NDArray[Any]]:
    """Read the arrays of a message into new memory.

    Raises:
        EOFError: The other side is gone.
        Nonsense: The message holds more or fewer bytes than its head says.
    """
    if sum(dtype.itemsize * math.prod(shape) for dtype, shape in wanted) != payload_bytes:
        raise Nonsense(f"{payload_bytes} bytes of arrays, described were others")
    found = [np.empty(shape, dtype) for dtype, shape in wanted]
    for array in found:
        receive_into(stream, array)
    return found


def receive_into(stream: IO[bytes], array: NDArray[Any]) -> None:
    """Fill an array.

    Raises:
        EOFError: The other side is gone.
    """
    memory = _bytes_of(array)
    done = 0
    while done < len(memory):
        count = stream.readinto(memory[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count


def spec_to_json(spec: TensorSpec) -> dict[str, Any]:
    """A spec as JSON holds it."""
    return asdict(spec)


def spec_from_json(fields: dict[str, Any]) -> TensorSpec:
    """The spec again."""
    return TensorSpec(**{**fields, "shape": tuple(fields["shape"])})


def to_json(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def from_json(head: bytes) -> Any:
    """What JSON says.

    Raises:
        Nonsense: It is none.
    """
    try:
        return json.loads(head)
    except (ValueError, RecursionError) as error:
        raise Nonsense(str(error)) from error


def _bytes_of(array: NDArray[Any]) -> memoryview:
    memory: memoryview = array.reshape(-1).view(np.uint8).data
    return memory


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _text(item: Any) -> Any:
    return [item.decode("latin-1")] if isinstance(item, bytes) else str(item)


def _untext(item: Any) -> Any:
    return item if isinstance(item, str) else str(item[0]).encode("latin-1")
