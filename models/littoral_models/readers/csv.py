"""A .csv file: numbers in columns, the class in the last one, a header or none."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from littoral.errors import InputError

from littoral_models.readers import Samples, classes_of

KIND = "a .csv file"


def accepts(path: Path) -> bool:
    """True for a file that ends in .csv."""
    return path.suffix == ".csv" and path.is_file()


def read(path: Path) -> Samples:
    """Read the table.

    Args:
        path: UTF-8, separated by commas. A first row with a word among its numbers is a header.

    Raises:
        InputError: Not text, no rows, rows of different length, or a cell that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table in UTF-8 with commas: {error}") from error
    columns = [f"column_{number}" for number in range(1, len(rows[0][1]) if rows else 1)]
    if rows and not all(_is_number(cell) for cell in rows[0][1][:-1]):
        columns = rows.pop(0)[1][:-1]
    if not rows or not columns:
        raise InputError(f"{path} holds no rows of numbers with a class in the last column")
    x = np.array([_numbers(path, line, row, columns) for line, row in rows], np.float32)
    labels, y = classes_of([row[-1] for _, row in rows])
    return Samples(x, y, labels, "features", ({"step": "tabular", "columns": columns},))


def _numbers(path: Path, line: int, row: list[str], columns: list[str]) -> list[float]:
    if len(row) != len(columns) + 1:
        raise InputError(f"{path} line {line}: {len(row)} cells, expected {len(columns) + 1}")
    for cell, column in zip(row, columns, strict=False):
        if not _is_number(cell):
            raise InputError(f"{path} line {line}: {cell!r} in {column!r} is no number")
    return [float(cell) for cell in row[:-1]]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
