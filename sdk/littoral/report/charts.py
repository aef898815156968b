"""Pictures of several files side by side: latency against accuracy, and latency with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.report import units
from littoral.report.markup import (
    Axis,
    hint,
    label,
    line,
    linear_axis,
    log_axis,
    picture,
    tag,
    text,
)
from littoral.report.result import Result, format_name, pareto
from littoral.report.style import scheme_class
from littoral.statistics import Estimate

WIDTH = 540.0
_LABEL_GAP = 15.0
_ROW = 38.0
_RIGHT = WIDTH - 62.0
"""Right end of the scatter; Keras's accuracy stands beside it."""


def scatter(results: Sequence[Result], keras_accuracy: float | None) -> str:
    """Latency (log) against accuracy; area is size, colour is scheme, shape is format.

    Args:
        results: Of one family; those without latency or accuracy are left out.
        keras_accuracy: Drawn as a line across; None for no line.

    Returns:
        An SVG; a sentence when there is nothing to draw.
    """
    shown = [r for r in results if r.p50 is not None and r.accuracy is not None]
    if not shown:
        return tag("p", "No file has both a latency and an accuracy.", class_="note")
    x, y = _axes(shown, keras_accuracy)
    front = pareto(shown)
    by_size = sorted(shown, key=lambda result: -(result.size_bytes or 0))
    largest = max(result.size_bytes or 1 for result in shown)
    return picture(
        WIDTH,
        384.0,
        "Latency against accuracy of every file",
        *_frame(x, y),
        *_keras_line(y, keras_accuracy),
        _front_line(front, x, y),
        *(_bubble(result, x, y, largest, result in front) for result in by_size),
        *_front_labels(front, x, y, largest),
    )


def latencies(results: Sequence[Result], width: float = WIDTH) -> str:
    """One bar a file: p50 solid, up to p90 pale, p99 as a stroke, whiskers for the intervals.

    Args:
        results: Those without latency are left out; drawn from the fastest to the slowest.
        width: Of the picture.

    Returns:
        An SVG; a sentence when there is nothing to draw.
    """
    shown = sorted((r for r in results if r.p50 is not None), key=lambda r: _value(r.p50))
    if not shown:
        return tag("p", "No file was measured.", class_="note")
    left = 16.0 + 6.6 * max(len(result.label) for result in shown)
    x = Axis(0.0, _longest_shown(shown), min(left, 0.43 * width), width - 68.0)
    height = _ROW * len(shown)
    grid = [
        line(x(tick), 0.0, x(tick), height + 4, "grid")
        + label(x(tick), height + 20, units.tick(tick), "s mid")
        for tick in x.ticks(4)
    ]
    bars = [_bar(result, x, _ROW * index) for index, result in enumerate(shown)]
    return picture(width, height + 28, "Latency of every file with intervals", *grid, *bars)


def legend(results: Sequence[Result]) -> str:
    """Colours and shapes that the results use."""
    schemes = list(dict.fromkeys(result.scheme for result in results))
    formats = list(dict.fromkeys(result.format for result in results))
    entries = [
        tag("span", tag("i", class_=f"chip {scheme_class(scheme)}"), text(scheme or "no card"))
        for scheme in schemes
    ]
    entries += [
        tag(
            "span",
            tag("svg", marker(name, 7.0, 7.0, 5.0, "mark whisker"), viewBox="0 0 14 14"),
            text(format_name(name)),
        )
        for name in formats
    ]
    return tag("div", *entries, class_="legend")


def _axes(shown: Sequence[Result], keras_accuracy: float | None) -> tuple[Axis, Axis]:
    shares = [100 * (result.accuracy or 0.0) for result in shown]
    if keras_accuracy is not None:
        shares.append(100 * keras_accuracy)
    # Less than half a point apart is drawn as such, not blown up to the height of the picture.
    middle = (max(shares) + min(shares)) / 2
    reach = max(0.25, (max(shares) - min(shares)) / 2)
    x = log_axis([_value(result.p50) for result in shown], 52.0, _RIGHT)
    return x, linear_axis(middle - reach, middle + reach, 330.0, 24.0, air=0.16)


def _frame(x: Axis, y: Axis) -> list[str]:
    shapes = []
    for tick in y.ticks(5):
        shapes.append(line(x.start, y(tick), x.end, y(tick), "grid"))
        shapes.append(label(x.start - 8, y(tick) + 4, f"{tick:.4g}%", "s end"))
    for tick in x.ticks():
        shapes.append(line(x(tick), y.start, x(tick), y.start + 5, "axis"))
        shapes.append(label(x(tick), y.start + 19, units.tick(tick), "s mid"))
    shapes.append(line(x.start, y.start, x.end, y.start, "axis"))
    shapes.append(label(x.end, y.start + 40, "latency p50, log scale (left is better)", "t end"))
    shapes.append(label(6.0, 12.0, "accuracy (up is better)", "t"))
    return shapes


def _keras_line(y: Axis, accuracy: float | None) -> list[str]:
    if accuracy is None:
        return []
    height = y(100 * accuracy)
    return [
        line(52.0, height, _RIGHT, height, "keras"),
        label(_RIGHT + 6, height - 2, "Keras", "t"),
        label(_RIGHT + 6, height + 12, units.percent(accuracy), "t"),
    ]


def _front_line(front: Sequence[Result], x: Axis, y: Axis) -> str:
    """Steps: at a latency, the best accuracy that any file up to there has."""
    corners: list[str] = []
    for result in front:
        across, up = x(_value(result.p50)), y(100 * (result.accuracy or 0.0))
        corners.append(f"M{across:.1f} {up:.1f}" if not corners else f"H{across:.1f}V{up:.1f}")
    return tag("path", hint("Pareto front"), class_="front", d="".join(corners))


def _bubble(result: Result, x: Axis, y: Axis, largest: int, is_best: bool) -> str:
    across, up = x(_value(result.p50)), y(100 * (result.accuracy or 0.0))
    radius = marker_radius(result, largest)
    facts = hint(
        f"{result.label}\np50 {units.duration_with_spread(result.p50)}\n"
        f"accuracy {units.percent(result.accuracy)} ({units.points(result.drop_points)} points)\n"
        f"{units.size(result.size_bytes)}"
    )
    shapes = [facts, *(_whisker(result.p50, x, up) if _reaches(result, x, radius) else [])]
    if is_best:
        shapes.append(marker(result.format, across, up, radius + 3.5, "ring"))
    class_ = f"bubble {result.hue}"
    shapes.append(marker(result.format, across, up, radius, class_))
    return tag("g", *shapes)


def _reaches(result: Result, x: Axis, radius: float) -> bool:
    """The interval is wider than the bubble, so that it can be seen."""
    low, high = (None, None) if result.p50 is None else result.p50.ends
    return low is not None and high is not None and x(high) - x(low) > 2 * radius


def _front_labels(front: Sequence[Result], x: Axis, y: Axis, largest: int) -> list[str]:
    """Names above the front's bubbles, moved apart upward where they would touch."""
    shapes: list[str] = []
    taken: list[tuple[float, float]] = []
    for result in sorted(front, key=lambda one: one.accuracy or 0.0):
        across, up = x(_value(result.p50)), y(100 * (result.accuracy or 0.0))
        is_right = across < 0.55 * WIDTH
        at = across - 4 if is_right else across + 4
        place = up - marker_radius(result, largest) - 14
        while any(abs(place - height) < _LABEL_GAP and abs(at - x0) < 170 for x0, height in taken):
            place -= _LABEL_GAP
        taken.append((at, place))
        shapes.append(label(at, place + 4, result.label, "b halo" if is_right else "b end halo"))
    return shapes


def _bar(result: Result, x: Axis, top: float) -> str:
    middle = top + _ROW / 2
    colour = result.hue
    p50, p90, p99 = _value(result.p50), _value(result.p90), _value(result.p99)
    shapes = [
        hint(_interval_hint(result)),
        tag("rect", x=0.0, y=top, width=x.end + 68, height=_ROW, fill="transparent"),
        label(x.start - 10, middle + 4, result.label, "end"),
        _rectangle(x.start, x(p90), middle, f"tail {colour}"),
        _rectangle(x.start, x(p50), middle, f"solid {colour}"),
        line(x(p99), middle - 10, x(p99), middle + 10, f"mark {colour}"),
        *_whisker(result.p90, x, middle),
        *_whisker(result.p50, x, middle),
        label(x.end + 68, middle + 4, units.duration(p50), "b end"),
    ]
    if p99 > x.high:
        shapes.append(label(x.end + 3, middle + 4, "\N{RIGHTWARDS ARROW}", "s"))
    return tag("g", *shapes)


def _interval_hint(result: Result) -> str:
    rows = (("p50", result.p50), ("p90", result.p90), ("p99", result.p99))
    figures = [
        f"{name} {units.duration(estimate.value)} (95%: {units.interval(estimate)})"
        for name, estimate in rows
        if estimate is not None
    ]
    return "\n".join([result.label, *figures])


def _longest_shown(shown: Sequence[Result]) -> float:
    """The axis ends where every p90 fits, and the p99s unless they are far out."""
    body = max(_value(result.p90 or result.p50) for result in shown)
    tail = max(_value(result.p99 or result.p50) for result in shown)
    return max(min(tail, 1.6 * body), body) * 1.02


def _rectangle(left: float, right: float, middle: float, class_: str) -> str:
    return tag(
        "rect",
        x=left,
        y=middle - 10,
        width=max(1.0, right - left),
        height=20.0,
        rx=2,
        class_=class_,
    )


def _whisker(estimate: Estimate | None, x: Axis, height: float) -> list[str]:
    if estimate is None or estimate.low is None or estimate.high is None:
        return []
    left, right = x(estimate.low), x(estimate.high)
    return [
        line(left, height, right, height, "whisker"),
        line(left, height - 4, left, height + 4, "whisker"),
        line(right, height - 4, right, height + 4, "whisker"),
    ]


def marker(kind: str, x: float, y: float, radius: float, class_: str) -> str:
    """A file in a picture: a square for an .onnx, a circle for any other format."""
    if kind == "onnx":
        side = radius * 1.77
        return tag(
            "rect", x=x - side / 2, y=y - side / 2, width=side, height=side, rx=2, class_=class_
        )
    return tag("circle", cx=x, cy=y, r=radius, class_=class_)


def marker_radius(result: Result, largest: int) -> float:
    """Of a marker whose area is the file's size, of which `largest` bytes are the most."""
    return float(max(5.0, 17.0 * ((result.size_bytes or 0) / largest) ** 0.5))


def _value(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None else float(estimate.value)
