"""A .csv file: numbers and texts in columns, the class in the last one, a header or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from littoral import inputs, preprocess
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_models.readers import Samples, classes_of

KIND = "a .csv file"
MOST_CATEGORIES = 100
"""Different texts in a column: more are names or notes, of which a model learns nothing."""


def accepts(path: Path) -> bool:
    """True for a file that ends in .csv."""
    return path.suffix == ".csv" and path.is_file()


def read(path: Path) -> Samples:
    """Read the table.

    Args:
        path: UTF-8, separated by commas. A first row whose cells are unlike those below it is a
            header. A column without a number in it holds categories, each a value of its own.

    Raises:
        InputError: Not text, no rows, rows of different length, a text among numbers, or a column
            of too many texts.
    """
    rows = inputs.rows_of(path)
    columns = [f"column_{number}" for number in range(1, len(rows[0][1]) if rows else 1)]
    for line, row in rows:
        if len(row) != len(columns) + 1:
            raise InputError(f"{path} line {line}: {len(row)} cells, expected {len(columns) + 1}")
    if rows and _is_header(rows):
        columns = rows.pop(0)[1][:-1]
    if not rows or not columns:
        raise InputError(f"{path} holds no rows of features with a class in the last column")
    categories = {
        column: _texts(path, column, [row[place] for _, row in rows])
        for place, column in enumerate(columns)
        if not any(inputs.is_number(row[place]) or not row[place].strip() for _, row in rows)
    }
    step: dict[str, Any] = {"step": "tabular", "columns": columns}
    if categories:
        step |= {"categories": categories, "unknown": "zero"}
    steps = (step,)
    labels, y = classes_of([row[-1] for _, row in rows])
    x = np.stack([_sample(path, line, row[:-1], steps) for line, row in rows])
    return Samples(x, y, labels, "features", steps)


def _is_header(rows: list[tuple[int, list[str]]]) -> bool:
    """Whether a cell of the first row is a text that its column does not know below."""
    first, below = rows[0][1][:-1], [row for _, row in rows[1:]]
    return any(
        not inputs.is_number(cell) and cell not in {row[place] for row in below}
        for place, cell in enumerate(first)
    )


def _texts(path: Path, column: str, cells: list[str]) -> list[str]:
    distinct = sorted({cell.strip() for cell in cells})
    if len(distinct) > MOST_CATEGORIES:
        raise InputError(
            f"{path}: column {column!r} holds {len(distinct)} different texts, at most "
            f"{MOST_CATEGORIES} can be told apart: leave it out"
        )
    return distinct


def _sample(
    path: Path, line: int, row: list[str], steps: tuple[Mapping[str, Any], ...]
) -> NDArray[Any]:
    try:
        return preprocess.apply(steps, row)
    except InputError as error:
        raise InputError(f"{path} line {line}: {error}") from error
