"""One row of a table to numbers.

Settings: ``columns``, the names in the model's order.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError


def apply(step: Mapping[str, Any], raw: Any) -> NDArray[np.float32]:
    """Put a row's values into the model's order.

    Args:
        step: The settings.
        raw: A dict by column name, a sequence in the columns' order, or a line of comma-separated
            values in that order.

    Returns:
        float32 ``[number of columns]``.

    Raises:
        InputError: A column is missing or unknown, or a value is no finite number.
    """
    columns = [str(column) for column in step["columns"]]
    values = _in_order(raw, columns)
    if len(values) != len(columns):
        raise InputError(
            f"a row has {len(columns)} values ({', '.join(columns[:4])}...), came {len(values)}"
            if len(columns) > 4
            else f"a row has {len(columns)} values ({', '.join(columns)}), came {len(values)}"
        )
    return np.array(
        [_number(value, column) for value, column in zip(values, columns, strict=True)], np.float32
    )


def _in_order(raw: Any, columns: list[str]) -> list[Any]:
    if isinstance(raw, Mapping):
        missing = [column for column in columns if column not in raw]
        if missing:
            raise InputError(f"column {missing[0]!r} is missing: expected {', '.join(columns)}")
        return [raw[column] for column in columns]
    if isinstance(raw, str):
        return next(csv.reader([raw], skipinitialspace=True), [])
    try:
        return list(raw)
    except TypeError as error:
        raise InputError(
            f"expected a row as dict, sequence or csv line, came {type(raw).__name__}"
        ) from error


def _number(value: Any, column: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"column {column!r}: {value!r} is no number") from error
    if not np.isfinite(number):
        raise InputError(f"column {column!r}: {value!r} is not finite")
    return number
