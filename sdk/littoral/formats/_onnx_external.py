"""Weights that an ONNX file keeps in other files: only regular files in its own folder are read."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from littoral.errors import FormatError
from littoral.formats._protobuf import Message

_TENSOR_DIMS, _TENSOR_TYPE = 1, 2
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_KEY, _VALUE = 1, 2

Buffer: TypeAlias = bytes | mmap.mmap


@dataclass(frozen=True)
class Place:
    """Where a tensor's values are.

    Attributes:
        tensor: The tensor's name.
        location: The other file's path, as the model has it.
        offset: Where in the other file they begin.
        length: How many bytes they are; 0 for all that follow.
        number: The format's number for their type.
        shape: Their sizes.
    """

    tensor: str
    location: str
    offset: int
    length: int
    number: int
    shape: tuple[int, ...]


def places(tensors: Iterable[Message]) -> list[Place]:
    """Where the values of external tensors are.

    Args:
        tensors: Any tensors of a file.

    Raises:
        FormatError: A place is not given in whole numbers.
    """
    return [_place(tensor) for tensor in tensors if tensor.number(_TENSOR_LOCATION) == 1]


def read(found: Iterable[Place], folder: str | None) -> dict[str, Buffer]:
    """The other files, by their path as the model has it.

    Args:
        found: What is to be read.
        folder: The model's folder, None where it did not come from a path.

    Returns:
        Read-only maps of the files.

    Raises:
        FormatError: The folder is not known, a path leads out of it (also by a symbolic link), or
            a file is missing or too short.
    """
    files: dict[str, Buffer] = {}
    for place in found:
        if folder is None:
            raise FormatError(
                f"the weights {place.tensor!r} are in another file, {place.location!r}, which is "
                "read only for a model that is loaded by its path and without trust, since no "
                "signature covers it: save the model as one file"
            )
        if place.location not in files:
            files[place.location] = _map(_inside(Path(folder), place), place)
        if len(files[place.location]) < place.offset + place.length:
            end = place.offset + place.length
            raise FormatError(
                f"the weights {place.tensor!r} end at byte {end} of {place.location!r}, "
                f"which has {len(files[place.location])}: it is truncated or another model's"
            )
    return files


def arrays(
    found: Iterable[Place], files: Mapping[str, Buffer], dtypes: Mapping[int, str]
) -> dict[str, NDArray[Any]]:
    """The weights themselves, by their names, without a copy.

    Args:
        found: Where they are.
        files: As `read` gives them.
        dtypes: NumPy's name for a type, by the format's number.

    Raises:
        FormatError: A type that NumPy does not have, or sizes that do not fit the bytes.
    """
    values = {}
    for place in found:
        try:
            content = memoryview(files[place.location])[place.offset :]
            content = content[: place.length] if place.length else content
            array = np.frombuffer(content, dtypes.get(place.number, "unknown"))
            values[place.tensor] = array.reshape(place.shape)
        except (TypeError, ValueError) as error:
            raise FormatError(
                f"the weights {place.tensor!r} in {place.location!r} cannot be read: {error}"
            ) from error
    return values


def _place(tensor: Message) -> Place:
    entries = {entry.text(_KEY): entry.text(_VALUE) for entry in tensor.all(_TENSOR_EXTERNAL)}
    name = tensor.text(_TENSOR_NAME)
    numbers = [entries.get(key, "0") for key in ("offset", "length")]
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise FormatError(f"the place of the weights {name!r} is no number: the file is damaged")
    offset, length = map(int, numbers)
    shape = tuple(tensor.numbers(_TENSOR_DIMS))
    number = tensor.number(_TENSOR_TYPE)
    return Place(name, entries.get("location", ""), offset, length, number, shape)


def _inside(folder: Path, place: Place) -> Path:
    location = place.location
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or "\0" in location or absolute or ".." in parts:
        raise FormatError(
            f"the weights {place.tensor!r} are said to be in {location!r}: littoral reads files in "
            "the model's own folder only"
        )
    try:
        home = folder.resolve(strict=True)
        path = (home / location).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise FormatError(
            f"the weights {place.tensor!r} are in {location!r}, which is not beside the model"
        ) from error
    if not path.is_relative_to(home) or not path.is_file():
        raise FormatError(
            f"the weights {place.tensor!r} are in {location!r}, which leads out of the model's "
            "folder or is no file"
        )
    return path


def _map(path: Path, place: Place) -> Buffer:
    try:
        with path.open("rb") as stream:
            if not path.stat().st_size:
                return b""
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise FormatError(f"{place.location!r} cannot be read: {error}") from error
