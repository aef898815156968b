"""Reading an engine's options: as Python values, or as the text that a command line gives.

An option is known by its name; ``"delegate.*"`` in an engine's ``OPTIONS`` stands for a group whose
members go to somebody else, who knows what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from littoral.errors import InputError

T = TypeVar("T")

_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def parse(pairs: Iterable[str]) -> dict[str, str]:
    """Options as a person types them.

    Args:
        pairs: ``NAME=VALUE`` each.

    Returns:
        Value by name, both as text.

    Raises:
        InputError: No ``=``, nothing in front of it, or a name that came twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise InputError(f"option {pair!r}: expected NAME=VALUE")
        if name in found:
            raise InputError(f"option {name} is given twice")
        found[name] = value
    return found


def unparse(options: Mapping[str, Any]) -> list[str]:
    """The same options as `parse` takes them; several values are joined by commas."""
    return [
        f"{name}={','.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
        for name, value in options.items()
    ]


def check(options: Mapping[str, Any], known: Mapping[str, str], engine: str) -> None:
    """Refuse an option that the engine does not have.

    Raises:
        InputError: The message lists the ones there are.
    """
    groups = tuple(name[:-1] for name in known if name.endswith(".*"))
    for name in options:
        if name in known and not name.endswith("*"):
            continue
        if not any(str(name).startswith(group) and name != group for group in groups):
            raise InputError(
                f"engine {engine} has no option {name!r}: choose from {', '.join(known)}"
            )


def group(options: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """The members of a group without its prefix, as text.

    Args:
        options: By name.
        prefix: For example ``"delegate."``.
    """
    return {
        name.removeprefix(prefix): str(value)
        for name, value in options.items()
        if name.startswith(prefix)
    }


def switch(name: str, value: Any) -> bool:
    """On or off: a bool, or one of on, off, true, false, 1, 0."""
    known = _SWITCH.get(str(value).lower())
    if known is None:
        raise InputError(f"option {name} is {value!r}: expected on or off")
    return known


def whole(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if number < 1:
        raise InputError(f"option {name} is {value!r}: expected a whole number of at least 1")
    return number


def chosen(name: str, value: Any, choices: Mapping[str, T]) -> T:
    """One of several by its name."""
    if value not in choices:
        raise InputError(f"option {name} is {value!r}: choose from {', '.join(choices)}")
    return choices[value]


def listed(value: Any) -> list[str]:
    """Several names: a sequence, or text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    return [str(part).strip() for part in parts]
