"""The files that a person hands to `littoral run`, read by their ending."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError

_ARRAY = np.lib.format.MAGIC_PREFIX
"""A .npy begins with it, an .npz does not."""


@dataclass(frozen=True)
class Arrays:
    """Samples that need no preprocessing.

    Attributes:
        source: Where they came from.
        values: What `Model.run` takes.
        truth: Class numbers or names, None when the file has none.
    """

    source: str
    values: Any
    truth: NDArray[Any] | None = None


@dataclass(frozen=True)
class Raw:
    """One thing for the card's preprocessing.

    Attributes:
        source: Where it came from.
        value: What the first step takes: a path, a text or a row.
        truth: Its class, None when not known.
    """

    source: str
    value: Any
    truth: str | None = None


def read(path: Path) -> list[Arrays | Raw]:
    """Read a file by its ending.

    Args:
        path: ``.npz`` (arrays by input name, or ``x``, and perhaps ``y``), ``.npy``, ``.csv`` (a
            row a sample, perhaps with a header and a column ``y``), ``.txt``; anything else is
            left to the card's first step.

    Returns:
        One item for an array file, one a row for a table.

    Raises:
        InputError: No such file, or not what its ending says.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file in it")
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return [_arrays(path)]
    if suffix == ".csv":
        return list(_rows(path))
    return [Raw(path.name, value_of(path))]


def read_arrays(path: Path) -> Arrays:
    """Read a file that must hold arrays.

    Args:
        path: ``.npz`` or ``.npy``, see `read`.

    Raises:
        InputError: As `read`, or a file of another kind.
    """
    content = read(path)[0]
    if not isinstance(content, Arrays):
        raise InputError(f"{path}: expected an .npz with one array per input name, or x")
    return content


def read_folder(path: Path, endings: Sequence[str], labels: Sequence[str] = ()) -> list[Raw]:
    """The files of a folder, and of the folders in it, in the order of their names.

    Args:
        path: The folder.
        endings: Of the files to take, lower case; all others are left alone.
        labels: Class names. A file in a folder that is called like one, or by a class's number, is
            of that class; any other folder says nothing of what is in it.

    Raises:
        InputError: It cannot be read, or there is no such file in it.
    """
    found = []
    for folder, file in files_of(path, endings):
        source = file.name if folder is None else f"{folder}/{file.name}"
        named = folder in labels or (folder is not None and folder.isdecimal() and bool(labels))
        found.append(Raw(source, value_of(file), folder if named else None))
    return found


def files_of(path: Path, endings: Sequence[str]) -> list[tuple[str | None, Path]]:
    """The files of a folder, then those of the folders in it, in the order of their names.

    Args:
        path: The folder.
        endings: Of the files to take, lower case; all others are left alone.

    Returns:
        For each file the name of the folder in `path` that it lies in, None for `path` itself.

    Raises:
        InputError: It cannot be read, or there is no such file in it.
    """
    if not endings:
        raise InputError(f"{path} is a folder, and the model takes no files: give a file of data")
    folders = [(None, path), *((f.name, f) for f in _visible(path) if f.is_dir())]
    found = [(name, file) for name, folder in folders for file in _of_kind(folder, endings)]
    if not found:
        raise InputError(f"{path} holds no files that end in {', '.join(endings)}")
    return found


def value_of(file: Path) -> Path | str:
    """What a card's first step takes of a file: the text of a .txt, the path of any other.

    Raises:
        InputError: The text is no UTF-8, or cannot be read.
    """
    return text_in(file) if file.suffix.lower() == ".txt" else file


def _of_kind(folder: Path, endings: Sequence[str]) -> list[Path]:
    return [f for f in _visible(folder) if f.suffix.lower() in endings and f.is_file()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from error


@contextmanager
def numpy_file(path: Path, *, is_mapped: bool = False) -> Iterator[Any]:
    """A file of plain arrays as NumPy writes it, open.

    Args:
        path: ``.npz`` or ``.npy``.
        is_mapped: Whether an array is mapped into memory, to be looked at without reading it.

    Yields:
        What `numpy.load` gives: an array, or an archive that reads an array when it is asked for.

    Raises:
        InputError: There is no such file, or NumPy cannot read it or what is asked of it.
    """
    try:
        # NumPy leaves a file that it opened by name open when the archive inside is damaged.
        with path.open("rb") as stream:
            if is_mapped and stream.read(len(_ARRAY)) == _ARRAY:
                yield np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                stream.seek(0)
                yield np.load(stream, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # archive, compression and header: each has errors of its own
        raise InputError(
            f"{path} is no .npz or .npy file that can be read ({_cause(path, error)})"
        ) from error


def _cause(path: Path, error: Exception) -> str:
    """NumPy takes whatever is no archive and no array for a pickle, and tells how to trust it."""
    if "pickled (object) data" in str(error):
        with path.open("rb") as stream:
            return f"it begins with {stream.read(16)!r}"
    return " ".join(str(error).split())[:120]


def _arrays(path: Path) -> Arrays:
    with numpy_file(path) as content:
        if isinstance(content, np.ndarray):
            return Arrays(path.name, content)
        found = {name: content[name] for name in content.files}
    truth = found.pop("y", None)
    if not found:
        raise InputError(f"{path} holds no input array: one per input name, or x")
    return Arrays(path.name, found, truth)


def _rows(path: Path) -> list[Raw]:
    rows = rows_of(path)
    header = rows.pop(0)[1] if rows and not all(map(is_number, rows[0][1])) else None
    if not rows:
        raise InputError(f"{path} holds no rows")
    if header is None:
        return [Raw(f"{path.name}:{line}", row) for line, row in rows]
    found = []
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}:{line} has {len(row)} values, the header has {len(header)}")
        fields = dict(zip(header, row, strict=True))
        truth = fields.pop("y", None)
        found.append(Raw(f"{path.name}:{line}", fields, truth))
    return found


def rows_of(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a .csv file that are not empty, each with the number of its line.

    Args:
        path: UTF-8, with or without the mark that some editors put first; separated by commas.

    Raises:
        InputError: It is no such table, or cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            return [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table in UTF-8 with commas: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def text_in(path: Path, encoding: str = "utf-8") -> str:
    """The text in a file.

    Args:
        path: The file.
        encoding: A kind of UTF-8: ``"utf-8-sig"`` leaves out the mark that some editors put first.

    Raises:
        InputError: It is no UTF-8, or cannot be read.
    """
    try:
        return path.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def is_number(text: str) -> bool:
    """Whether a cell of a table holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
