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


def read(source: Source) -> tuple[str, bytes]:
    """A model file's name, for messages, and its bytes.

    Args:
        source: Path, bytes or binary file object.

    Raises:
        InputError: No such file, a folder, no permission, or not one of the three.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>", bytes(source)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        try:
            with open(path, "rb") as stream:
                return path, stream.read()
        except IsADirectoryError as error:
            raise InputError(f"{path} is a folder: give a model file in it") from error
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
    if hasattr(source, "read"):
        content = source.read()
        if isinstance(content, bytes):
            return str(getattr(source, "name", "<file object>")), content
        raise InputError("the file object gives text: open it in binary mode ('rb')")
    raise InputError(
        f"expected a path, bytes or a binary file object, came {type(source).__name__}"
    )
