"""Where a model file comes from: a path, bytes or a file object."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO, TypeAlias

from littoral.errors import EngineNotInstalled, FormatError, InputError, IntegrityError

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Put a file's name in front of what is wrong with it.

    Args:
        name: As `read` gives it.
    """
    try:
        yield
    except (FormatError, IntegrityError, EngineNotInstalled) as error:
        raise type(error)(f"{name}: {error}") from error


MAX_BYTES = 2 << 30
"""What `read` takes unless told otherwise: the most that a FlatBuffer or a protobuf can address."""

_PIECE_BYTES = 1 << 20


def folder(source: Source) -> str | None:
    """The folder that a file is in, None where the source is no path."""
    if isinstance(source, (str, os.PathLike)):
        return os.path.dirname(os.fspath(source)) or os.curdir  # noqa: PTH120 (pathlib: 3 ms)
    return None


def read(source: Source, max_bytes: int | None = MAX_BYTES) -> tuple[str, bytes]:
    """A model file's name, for messages, and its bytes.

    Args:
        source: Path, bytes or binary file object.
        max_bytes: The most that is read, None for no limit.

    Raises:
        InputError: No such file, a folder, no permission, or not one of the three.
        FormatError: Larger than `max_bytes`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        _admit("<bytes>", memoryview(source).nbytes, max_bytes)
        return "<bytes>", bytes(source)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        try:
            with open(path, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                _admit(path, size, max_bytes)
                # A pipe or a device has no size: it is read piece by piece.
                return path, stream.read() if size else _drained(path, stream, max_bytes)
        except IsADirectoryError as error:
            raise InputError(f"{path} is a folder: give a model file in it") from error
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "<file object>"))
        return name, _drained(name, source, max_bytes)
    raise InputError(
        f"expected a path, bytes or a binary file object, came {type(source).__name__}"
    )


def _drained(name: str, stream: IO[bytes], max_bytes: int | None) -> bytes:
    """Everything that a stream gives, which is not asked for more than is allowed."""
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(_PIECE_BYTES):
        if not isinstance(piece, bytes):
            raise InputError("the file object gives text: open it in binary mode ('rb')")
        pieces.append(piece)
        size += len(piece)
        _admit(name, size, max_bytes)
    return b"".join(pieces)


def _admit(name: str, size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        raise FormatError(
            f"{name} has more than {max_bytes} bytes: raise max_bytes if that is right"
        )
