"""Settings of a step: from a card's JSON to a frozen dataclass, every value checked by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from littoral import __version__
from littoral.errors import InputError

Check = Callable[[Any], Any]
"""Returns the value as the dataclass holds it, or raises ValueError saying what was expected."""

T = TypeVar("T")
_LARGEST = 1 << 24


def setting(check: Check, default: Any = dataclasses.MISSING) -> Any:
    """A field of a step's `Settings`.

    Args:
        check: What a value must be.
        default: Taken when the card does not name it; without one the card must.
    """
    return dataclasses.field(default=default, metadata={"check": check})


def read(kind: type[T], step: Mapping[str, Any]) -> T:
    """Check a card's step and turn it into settings.

    Args:
        kind: The step's `Settings`.
        step: The card's mapping, with ``"step"``.

    Raises:
        InputError: A setting is unknown, missing or of no use; the message names step and setting.
    """
    name, fields = step.get("step"), kind.__dataclass_fields__  # type: ignore[attr-defined]
    given = {key: value for key, value in step.items() if key != "step"}
    for key in given:
        if key not in fields:
            raise InputError(
                f"step {name!r} has no setting {key!r} in littoral {__version__}: it knows "
                f"{', '.join(fields)}"
            )
    for key, field in fields.items():
        if key not in given and field.default is dataclasses.MISSING:
            raise InputError(f"step {name!r} lacks the setting {key!r}")
    try:
        return kind(**{key: _checked(fields[key], value) for key, value in given.items()})
    except ValueError as error:
        raise InputError(f"step {name!r}: {error}") from error


def whole(least: int = 1, most: int = _LARGEST) -> Check:
    """A whole number of at least `least`."""

    def check(value: Any) -> int:
        is_whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_whole or value != value // 1 or not least <= value <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(value)

    return check


def number(value: Any) -> float:
    """A finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def above_zero(value: Any) -> float:
    """A finite number over 0."""
    if number(value) <= 0:
        raise ValueError("expected a number above 0")
    return float(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def numbers(value: Any) -> tuple[float, ...]:
    """A finite number, or a list of them."""
    return tuple(map(number, value)) if _is_list(value) else (number(value),)


def divisors(value: Any) -> tuple[float, ...]:
    """A finite number other than 0, or a list of them."""
    found = numbers(value)
    if not all(found):
        raise ValueError("expected numbers other than 0")
    return found


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts that are all different, at least one."""
    if not _is_list(value) or not value or not all(isinstance(entry, str) for entry in value):
        raise ValueError("expected a list of texts")
    if len(set(value)) < len(value):
        raise ValueError("expected texts that are all different")
    return tuple(value)


def one_of(*choices: Any) -> Check:
    """One of some values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in choices:
            raise ValueError(f"expected one of {', '.join(map(str, choices))}")
        return value

    return check


def optional(check: Check) -> Check:
    """None, or what `check` takes."""
    return lambda value: None if value is None else check(value)


def by_name(check: Check) -> Check:
    """A mapping whose values `check` takes, as pairs, so that settings can be hashed."""

    def checked(value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, Mapping):
            raise ValueError("expected a mapping by column")
        return tuple((str(key), check(entry)) for key, entry in value.items())

    return checked


def _checked(field: Any, value: Any) -> Any:
    try:
        return field.metadata["check"](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{field.name} is {value!r}: {error}") from error


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
