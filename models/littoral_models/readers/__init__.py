"""People's own data. One file a kind, which is its own registration.

A reader's module offers:

    KIND: str                          what it reads, for messages
    accepts(path) -> bool              by name and what lies there, without reading it
    read(path) -> Samples
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from littoral import plugins, preprocess
from littoral.errors import InputError
from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """What a file or folder holds, before it is split.

    Attributes:
        x: Samples, [n, ...].
        y: Class numbers, [n] int64.
        labels: Class names by number.
        input_name: What one sample is called as the input of a model.
        preprocessing: Steps from raw data to one sample.
        test: Samples and class numbers that the file sets apart for testing, None when it does not.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    labels: tuple[str, ...]
    input_name: str
    preprocessing: tuple[Mapping[str, Any], ...] = ()
    test: tuple[NDArray[Any], NDArray[np.int64]] | None = None


def read(path: Path) -> Samples:
    """Read a file or folder with the reader that knows its kind.

    Raises:
        InputError: No reader knows it, or it does not hold samples with classes.
    """
    readers = plugins.load_all(sys.modules[__name__])
    for reader in readers:
        if reader.accepts(path):
            samples: Samples = reader.read(path)
            return samples
    kinds = ", ".join(reader.KIND for reader in readers)
    raise InputError(f"{path} holds no data that littoral reads: give {kinds}")


def class_folders(path: Path, endings: Sequence[str]) -> dict[str, list[Path]]:
    """Files with one of the endings, by the name of the folder that they lie in.

    Args:
        path: A folder with one folder per class.
        endings: Lower-case name endings, for example ``(".wav",)``.

    Returns:
        Classes in the order of their names, those without such a file left out.
    """
    if not path.is_dir():
        return {}
    found = {
        folder.name: sorted(f for f in folder.iterdir() if f.suffix.lower() in endings)
        for folder in sorted(path.iterdir())
        if folder.is_dir()
    }
    return {name: files for name, files in found.items() if files}


def from_folders(
    classes: Mapping[str, list[Path]], steps: tuple[Mapping[str, Any], ...], input_name: str
) -> Samples:
    """Samples of files that lie in one folder per class.

    Args:
        classes: Files by class name.
        steps: Preprocessing that turns a file into a sample.
        input_name: What one sample is called.

    Raises:
        InputError: A file that cannot be read; the message names it.
    """
    x, y = [], []
    for number, files in enumerate(classes.values()):
        for file in files:
            try:
                x.append(preprocess.apply(steps, file))
            except InputError as error:
                raise InputError(f"{file}: {error}; mend or remove it") from error
            y.append(number)
    return Samples(np.stack(x), np.array(y, np.int64), tuple(classes), input_name, steps)


def classes_of(column: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Class names and the number of each entry's class.

    Args:
        column: One entry per sample. Whole numbers are ordered by value, anything else by name.
    """
    distinct = set(column)
    try:
        labels = sorted(distinct, key=int)
    except ValueError:
        labels = sorted(distinct)
    numbers = {label: number for number, label in enumerate(labels)}
    return tuple(labels), np.array([numbers[entry] for entry in column], np.int64)
