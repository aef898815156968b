"""One row of a table to numbers.

columns         names in the model's order
categories      by column, the values that it may have; other columns hold numbers
encoding        one_hot (default): a category becomes a place for each value, 1 at its own and 0
                elsewhere; index: the value's place in the list, from 0
unknown         what a value that is not in the list does. error (default); zero: 0 everywhere
                (one_hot only); first: it has a place of its own in front of the list's
missing         by column, what stands in for an empty text, null or NaN; a column that is not
                named here must have a value
mean, std       by column of numbers: the value is (x - mean) / std
dtype           float32 (default), int32 or int64

A category's value is compared as text without white space around; a whole number is written
without a point, a boolean as true or false. Keras's `StringLookup` is ``unknown`` first.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps._settings import by_name, number, one_of, setting, texts

ENDINGS: tuple[str, ...] = ()

_SHOWN = 4


def _stand_in(value: Any) -> str | float:
    return value if isinstance(value, str) else number(value)


def _divisor(value: Any) -> float:
    if number(value) == 0:
        raise ValueError("expected numbers other than 0")
    return float(value)


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains each."""

    columns: tuple[str, ...] = setting(texts)
    categories: tuple[tuple[str, tuple[str, ...]], ...] = setting(by_name(texts), ())
    encoding: str = setting(one_of("one_hot", "index"), "one_hot")
    unknown: str = setting(one_of("error", "zero", "first"), "error")
    missing: tuple[tuple[str, str | float], ...] = setting(by_name(_stand_in), ())
    mean: tuple[tuple[str, float], ...] = setting(by_name(number), ())
    std: tuple[tuple[str, float], ...] = setting(by_name(_divisor), ())
    dtype: str = setting(one_of("float32", "int32", "int64"), "float32")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        for name in ("categories", "missing", "mean", "std"):
            for column, _ in getattr(self, name):
                if column not in self.columns:
                    raise ValueError(f"{name} names {column!r}, which is no column")
        if self.unknown == "zero" and self.encoding == "index":
            raise ValueError("unknown zero needs encoding one_hot: take first or error")


def apply(settings: Settings, raw: Any) -> NDArray[Any]:
    """Put a row's values into the model's order, as numbers.

    Args:
        settings: The settings.
        raw: A dict by column name, a sequence in the columns' order, or a line of comma-separated
            values in that order.

    Returns:
        ``[values]`` of the settings' dtype: one a column, or one a possible value for a category
        in one_hot.

    Raises:
        InputError: A column or value is missing, a category is unknown, or a number is none.
    """
    values = _in_order(raw, settings)
    if len(values) != len(settings.columns):
        shown = ", ".join(settings.columns[:_SHOWN])
        more = "..." if len(settings.columns) > _SHOWN else ""
        raise InputError(
            f"a row has {len(settings.columns)} values ({shown}{more}), came {len(values)}"
        )
    categories, missing = dict(settings.categories), dict(settings.missing)
    mean, std = dict(settings.mean), dict(settings.std)
    found: list[float] = []
    for column, value in zip(settings.columns, values, strict=True):
        if _is_missing(value):
            if column not in missing:
                raise InputError(f"column {column!r}: {value!r} is no value, and none stands in")
            value = missing[column]
        if column in categories:
            found += _encoded(settings, categories[column], value, column)
        else:
            found.append((_number(value, column) - mean.get(column, 0)) / std.get(column, 1))
    return np.array(found).astype(settings.dtype)


def _in_order(raw: Any, settings: Settings) -> Sequence[Any]:
    if isinstance(raw, Mapping):
        stand_ins = dict(settings.missing)
        for column in settings.columns:
            if column not in raw and column not in stand_ins:
                raise InputError(
                    f"column {column!r} is missing: expected {', '.join(settings.columns)}"
                )
        return [raw.get(column) for column in settings.columns]
    if isinstance(raw, str):
        return next(csv.reader([raw], skipinitialspace=True), [])
    try:
        return list(raw)
    except TypeError as error:
        raise InputError(
            f"expected a row as dict, sequence or csv line, came {type(raw).__name__}"
        ) from error


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan")
    return value is None or (isinstance(value, (float, np.floating)) and math.isnan(value))


def _encoded(settings: Settings, known: Sequence[str], value: Any, column: str) -> list[float]:
    text, in_front = _text(value), int(settings.unknown == "first")
    place = known.index(text) + in_front if text in known else 0 if in_front else None
    if place is None and settings.unknown == "error":
        shown = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
        raise InputError(f"column {column!r}: {text!r} is none of {shown}")
    if settings.encoding == "index":
        return [float(place or 0)]
    return [float(index == place) for index in range(len(known) + in_front)]


def _text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and value == value // 1:
        return str(int(value))
    return str(value).strip()


def _number(value: Any, column: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"column {column!r}: {value!r} is no number") from error
    if not math.isfinite(number):
        raise InputError(f"column {column!r}: {value!r} is not finite")
    return number
