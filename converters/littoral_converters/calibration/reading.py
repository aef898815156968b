"""Data that has to go through the card's preprocessing: tables, folders of pictures or recordings.

table.csv                        a row a sample; a header or none; the class in a column y, or
                                 in the last one behind those that the card names
folder/CLASS/FILE                a file a sample; CLASS is a label of the card
folder/FILE                      the same without classes
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from littoral import inputs, preprocess
from littoral.card import Card
from littoral.errors import InputError
from littoral.prediction import prepare
from littoral.tensors import TensorSpec

if TYPE_CHECKING:
    from littoral_converters.calibration import Data

_TABLE = ".csv"
_COLUMNS_OF = {"tabular": None, "bytes": ["text"], "vocabulary": ["text"]}
_SHOWN = 8


@dataclass(frozen=True)
class _Item:
    """One sample before preprocessing: where it is, what it is, the name of its class."""

    where: str
    raw: Any
    truth: str | None


def arrays(data: Data, card: Card | None, specs: Sequence[TensorSpec], role: str) -> Data:
    """Turn a table or a folder into arrays; leave all other data as it is.

    Args:
        data: As `littoral_converters.convert` takes it.
        card: What the model's file says of itself; None when it says nothing.
        specs: The model's inputs.
        role: What the data is for, as messages call it, for example ``"representative data"``.

    Returns:
        ``data``, or for a .csv file or a folder a mapping with the input's array ``[n, ...]`` and,
        when the classes are known, their numbers ``y`` int64 ``[n]``.

    Raises:
        InputError: Which file, folder, line or class is wrong, and what was expected.
        EngineNotInstalled: Pictures, and Pillow is missing; the message names the extra.
    """
    if not isinstance(data, (str, os.PathLike)):
        return data
    path = Path(data)
    if not is_raw(path):
        return data
    try:
        card, steps = _steps(card, specs, path)
        items = _files(path, steps) if path.is_dir() else _rows(path, dict(steps[0]))
        samples = [_sample(card, specs, item) for item in items]
        found = {specs[0].name: np.stack(samples)}
        if all(item.truth is not None for item in items):
            found["y"] = _classes(items, card.labels)
    except InputError as error:
        raise InputError(f"{role}: {error}") from error
    return found


def is_raw(path: Path) -> bool:
    """Whether a path is a table or a folder."""
    return path.is_dir() or (path.suffix.lower() == _TABLE and path.is_file())


def _steps(
    card: Card | None, specs: Sequence[TensorSpec], path: Path
) -> tuple[Card, Sequence[Mapping[str, Any]]]:
    if len(specs) != 1:
        raise InputError(
            f"{path} can feed a model of one input, this one has {len(specs)}: give an .npz with "
            f"arrays {', '.join(spec.name for spec in specs)}"
        )
    steps = card.inputs[0].preprocessing if card is not None and card.inputs else ()
    if card is None or not steps:
        raise InputError(
            f"the model's card does not say how {path} becomes its input: give an .npz or .npy, or "
            "tell convert or search the steps with --preprocessing (littoral steps lists them)"
        )
    return card, steps


def _files(folder: Path, steps: Sequence[Mapping[str, Any]]) -> list[_Item]:
    """A file a sample, by class folder when there are folders."""
    endings = preprocess.parsed(steps)[0][0].ENDINGS
    files = inputs.files_of(folder, endings)
    classes = [(name, file) for name, file in files if name is not None]
    return [_Item(str(file), inputs.value_of(file), name) for name, file in classes or files]


def _rows(path: Path, step: dict[str, Any]) -> list[_Item]:
    """A row a sample, its values in the order of the card's columns."""
    columns = _columns(path, step)
    lines = inputs.rows_of(path)
    if lines and set(columns) <= set(lines[0][1]):
        header = lines.pop(0)[1]
    else:
        has_class = bool(lines) and len(lines[0][1]) == len(columns) + 1
        header = [*columns, "y"] if has_class else columns
    if not lines:
        raise InputError(f"{path} holds no rows")
    places = [header.index(column) for column in columns]
    classes = _class_column(path, header, columns)
    items = []
    for number, row in lines:
        if len(row) != len(header):
            raise InputError(
                f"{path}:{number} has {len(row)} values, expected {len(header)}: {_some(header)}"
            )
        values = [row[place] for place in places]
        raw = values if step["step"] == "tabular" else values[0]
        items.append(
            _Item(f"{path}:{number}", raw, row[classes].strip() if classes is not None else None)
        )
    return items


def _columns(path: Path, step: dict[str, Any]) -> list[str]:
    kind = step.get("step")
    if kind not in _COLUMNS_OF:
        raise InputError(f"{path} is a table, the model takes {kind}: give a folder of files")
    return _COLUMNS_OF[kind] or [str(column) for column in step.get("columns", ())]


def _class_column(path: Path, header: list[str], columns: list[str]) -> int | None:
    """Where the class stands: the column y, or the only one that the card does not name."""
    others = [place for place, name in enumerate(header) if name not in columns]
    named = [place for place in others if header[place] == "y"]
    if len(named or others) > 1:
        unknown = [header[place] for place in others]
        raise InputError(f"{path}: which of {_some(unknown)} is the class? Call it y")
    return next(iter(named or others), None)


def _sample(card: Card, specs: Sequence[TensorSpec], item: _Item) -> Any:
    try:
        (sample,) = prepare(card, tuple(specs), item.raw)
    except InputError as error:
        raise InputError(f"{item.where}: {error}") from error
    return sample


def _classes(items: Sequence[_Item], labels: tuple[str, ...]) -> Any:
    """Class numbers: the place among the labels, or the number that stands there."""
    numbers = {label: number for number, label in enumerate(labels)}
    if not any(label.isdecimal() for label in labels):
        numbers |= {str(number): number for number in range(len(labels))}
    found = []
    for item in items:
        truth = str(item.truth)
        if labels and truth not in numbers:
            raise InputError(
                f"{item.where}: the model has no class {truth!r}, only {_some(labels)}"
            )
        if not labels and not truth.isdecimal():
            raise InputError(
                f"{item.where}: the model's card names no classes: {truth!r} must be a number"
            )
        found.append(numbers[truth] if labels else int(truth))
    return np.array(found, np.int64)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:_SHOWN])
    return shown if len(listed) <= _SHOWN else f"{shown}, ... ({len(listed)})"
