"""The picture of a search: latency against accuracy drop, the area is the size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count, takewhile

from littoral.report import units
from littoral.report.charts import marker, marker_radius
from littoral.report.markup import (
    Axis,
    hint,
    label,
    line,
    linear_axis,
    log_axis,
    picture,
    tag,
)
from littoral.report.result import Result

_WIDTH, _HEIGHT = 1040.0, 430.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 1000.0, 30.0, 370.0
_GAP = 15.0
_HIGHEST_NAME = 30.0
"""Above it stands what the axis counts."""
_LEAST_REACH = 0.25
"""Points to either side of the drops' middle: less is drawn as what it is, not blown up."""

_WHAT = {True: "accuracy drop", False: "growth of the error"}
_COUNTED = {True: "change of accuracy in points", False: "change of the mean absolute error"}


@dataclass(frozen=True)
class Point:
    """A file in the picture.

    Attributes:
        result: Its figures.
        drop: Points of accuracy lost, or percent added to the error.
        is_best: It was chosen.
        is_front: No other file beats it in latency, drop and size.
    """

    result: Result
    drop: float
    is_best: bool
    is_front: bool


def front(points: Sequence[Point], max_drop: float, metric: str = "accuracy") -> str:
    """Draw the files with a latency; those on the Pareto front have a ring and a name.

    Args:
        points: Measured files.
        max_drop: The limit, drawn as a line across.
        metric: ``"accuracy"``, whose points are lost, or the name of an error, which grows.

    Returns:
        An SVG; a sentence when there is nothing to draw.
    """
    shown = [point for point in points if point.result.p50 is not None]
    if not shown:
        return tag("p", "No file was measured.", class_="note")
    x = log_axis([_p50(point) for point in shown], _LEFT, _RIGHT)
    drops = [point.drop for point in shown]
    # The limit is shown where it is near; far away it would press all files into one corner.
    near = max_drop <= max(drops) + 2 * max(max(drops) - min(drops), 1.0)
    y = _drop_axis([*drops, max_drop] if near else drops)
    largest = max(point.result.size_bytes or 1 for point in shown)
    by_size = sorted(shown, key=lambda point: -(point.result.size_bytes or 0))
    return picture(
        _WIDTH,
        _HEIGHT,
        f"Latency against {_WHAT[metric == 'accuracy']} of every measured file",
        *_frame(x, y, metric),
        *(_limit(y, max_drop, metric) if near else []),
        _steps([point for point in shown if point.is_front], x, y),
        *(_bubble(point, x, y, largest, metric) for point in by_size),
        *_names([point for point in shown if point.is_front], x, y, largest),
    )


def _drop_axis(drops: Sequence[float]) -> Axis:
    """Drops upside down: up is better."""
    middle = (max(drops) + min(drops)) / 2
    reach = max(_LEAST_REACH, (max(drops) - min(drops)) / 2)
    return linear_axis(middle - reach, middle + reach, _TOP, _BOTTOM, air=0.16)


def _frame(x: Axis, y: Axis, metric: str) -> list[str]:
    shapes = []
    for tick in y.ticks(5):
        shapes.append(line(_LEFT, y(tick), _RIGHT, y(tick), "grid"))
        shapes.append(label(_LEFT - 8, y(tick) + 4, units.change(tick, metric), "s end"))
    for tick in x.ticks():
        shapes.append(line(x(tick), _BOTTOM, x(tick), _BOTTOM + 5, "axis"))
        shapes.append(label(x(tick), _BOTTOM + 19, units.tick(tick), "s mid"))
    shapes.append(line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis"))
    words = "latency p50, log scale (left is better)"
    shapes.append(label(_RIGHT, _BOTTOM + 42, words, "t end"))
    words = f"{_COUNTED[metric == 'accuracy']} (up is better)"
    shapes.append(label(6.0, 14.0, words, "t"))
    return shapes


def _limit(y: Axis, max_drop: float, metric: str) -> list[str]:
    height = y(max_drop)
    words = f"allowed: {units.change(max_drop, metric)}"
    return [
        line(_LEFT, height, _RIGHT, height, "keras"),
        label(_RIGHT, height - 5, words, "t end halo"),
    ]


def _steps(points: Sequence[Point], x: Axis, y: Axis) -> str:
    """At a latency, the least drop that any file up to there has."""
    corners: list[str] = []
    least = float("inf")
    for point in sorted(points, key=lambda one: (_p50(one), one.drop)):
        if point.drop >= least:
            continue
        least = point.drop
        across, up = x(_p50(point)), y(point.drop)
        corners.append(f"H{across:.1f}V{up:.1f}" if corners else f"M{across:.1f} {up:.1f}")
    return tag("path", hint("Pareto front"), class_="front", d="".join(corners))


def _bubble(point: Point, x: Axis, y: Axis, largest: int, metric: str) -> str:
    result = point.result
    across, up = x(_p50(point)), y(point.drop)
    radius = marker_radius(point.result, largest)
    facts = hint(
        f"{result.label}\np50 {units.duration_with_spread(result.p50)}\n"
        f"change {units.change(point.drop, metric)}\n{units.size(result.size_bytes)}"
    )
    shapes = [facts]
    if point.is_front:
        shapes.append(marker(result.format, across, up, radius + 3.5, "ring"))
    shapes.append(marker(result.format, across, up, radius, f"bubble {result.hue}"))
    if point.is_best:
        shapes.append(label(across, up + 5, "\N{BLACK STAR}", "mid halo"))
    return tag("g", *shapes)


def _names(points: Sequence[Point], x: Axis, y: Axis, largest: int) -> list[str]:
    """Names above the bubbles, moved apart upward where they would touch; else below them."""
    shapes: list[str] = []
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: -one.drop):
        across = x(_p50(point))
        is_right = across < 0.6 * _WIDTH
        near = [height for x0, height in taken if abs(across - x0) < 240]
        above = y(point.drop) - marker_radius(point.result, largest) - 9
        below = y(point.drop) + marker_radius(point.result, largest) + 17
        upward = takewhile(lambda height: height > _HIGHEST_NAME, count(above, -_GAP))
        places = chain(upward, count(below, _GAP))
        place = next(one for one in places if all(abs(one - other) >= _GAP for other in near))
        taken.append((across, place))
        at = across - 4 if is_right else across + 4
        shapes.append(label(at, place, point.result.label, "b halo" if is_right else "b end halo"))
    return shapes


def _p50(point: Point) -> float:
    return point.result.p50.value if point.result.p50 is not None else 0.0
