"""Elements of SVG and HTML as strings, escaped, and the axes that pictures share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

_VOID = ("br", "img", "meta")


def tag(name: str, *children: str, **attributes: object) -> str:
    """One element.

    Args:
        name: For example ``"circle"``.
        children: Markup that is already escaped.
        attributes: An underscore at the end is dropped (``class_``), any other becomes a hyphen;
            None leaves the attribute out, floats are rounded to a tenth.

    Returns:
        The element as a string.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return f"<{name}{written}>"
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(content: object) -> str:
    """Escaped text."""
    return escape(str(content))


def hint(content: object) -> str:
    """What an SVG shape says under the pointer and to a screen reader."""
    return tag("title", text(content))


def label(x: float, y: float, content: object, class_: str = "", **attributes: object) -> str:
    """A piece of text in a picture."""
    return tag("text", text(content), x=x, y=y, class_=class_ or None, **attributes)


def breadth(words: str) -> float:
    """About how wide a label is at most, in a picture's coordinates: fonts differ."""
    return sum(8.8 if letter.isupper() or letter in "+%" else 7.0 for letter in words)


def line(x1: float, y1: float, x2: float, y2: float, class_: str, **attributes: object) -> str:
    """A straight line in a picture."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, **attributes)


def picture(width: float, height: float, title: str, *children: str) -> str:
    """An SVG that scales with its column.

    Args:
        width: Of its coordinates.
        height: Of its coordinates.
        title: What a screen reader says.
        children: Shapes.
    """
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role="img",
        aria_label=title,
    )


@dataclass(frozen=True)
class Axis:
    """Values to coordinates along one direction.

    Attributes:
        low: Value at `start`.
        high: Value at `end`.
        start: Coordinate of `low`.
        end: Coordinate of `high`.
        is_log: Equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value; values outside land on the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values along the axis."""
        return (
            _log_ticks(self.low, self.high) if self.is_log else _ticks(self.low, self.high, about)
        )


def log_axis(values: list[float], start: float, end: float) -> Axis:
    """A logarithmic axis around values above 0, with some air on both sides."""
    low, high = min(values), max(values)
    air = max((high / low) ** 0.12, 1.15)
    return Axis(low / air, high * air, start, end, is_log=True)


def linear_axis(low: float, high: float, start: float, end: float, air: float = 0.0) -> Axis:
    """A linear axis from low to high, widened by a share of its length; never of length 0."""
    margin = (high - low) * air or (0.0 if high > low else max(abs(high) * 0.01, 1e-9))
    return Axis(low - margin, high + margin, start, end)


def _ticks(low: float, high: float, about: int) -> list[float]:
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of every power of ten; fewer over a long range, more over a short one."""
    decades = math.log10(high / low)
    factors = (1.0,) if decades > 3.5 else (1.0, 2.0, 5.0) if decades > 0.7 else _FINE
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    candidates = [factor * 10.0**power for power in powers for factor in factors]
    return [value for value in candidates if low <= value <= high]


_FINE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


def _plain(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    # Adding 0.0 turns -0.0 into 0.0.
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
