"""Pictures of the timed calls themselves: how they are distributed and whether they drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
)
from littoral.report.result import Result

Rounds = Sequence[NDArray[np.int64]]

WIDTH = 1060.0
_STRIP = 92.0
_BINS = 180
_MOST_POINTS = 300
"""Of a line; more than a screen can show would only make the page large."""


def distributions(results: Sequence[Result], rounds: Sequence[Rounds]) -> str:
    """A histogram strip for each file over one logarithmic time axis.

    Args:
        results: One a file.
        rounds: Durations in ns, the same order.

    Returns:
        An SVG.
    """
    samples = [np.concatenate(own) / 1e3 for own in rounds]
    ends = [float(end) for own in samples for end in np.quantile(own, (0.0, 0.995))]
    x = log_axis([max(end, 1e-3) for end in ends], 8.0, WIDTH - 8.0)
    height = _STRIP * len(results)
    grid = [
        line(x(tick), 0.0, x(tick), height, "grid")
        + label(x(tick), height + 18, units.tick(tick), "s mid")
        for tick in x.ticks()
    ]
    strips = [
        _strip(result, own, x, _STRIP * index)
        for index, (result, own) in enumerate(zip(results, samples, strict=True))
    ]
    return picture(WIDTH, height + 28, "Distribution of the timed calls", *grid, *strips)


def drift(results: Sequence[Result], rounds: Sequence[Rounds]) -> str:
    """Each round's median against the file's own median, round by round.

    Args:
        results: One a file.
        rounds: Durations in ns, the same order, equally many for each.

    Returns:
        An SVG: flat lines mean a quiet machine, lines that move together a drifting one.
    """
    series = [_relative_medians(own) for own in rounds]
    count = max(len(own) for own in rounds)
    values = np.concatenate(series)
    low, high = np.quantile(values, (0.01, 0.99)).tolist()
    y = linear_axis(min(low, 0.95), max(high, 1.05), 196.0, 10.0, air=0.05)
    x = Axis(0.0, max(1.0, count - 1.0), 52.0, WIDTH - 8.0)
    grid = [
        line(x.start, y(tick), x.end, y(tick), "grid")
        + label(x.start - 8, y(tick) + 4, f"{tick:.3g}{units.TIMES}", "s end")
        for tick in y.ticks(6)
    ]
    traces = [
        _trace(result, _thinned(own), len(own), x, y)
        for result, own in zip(results, series, strict=True)
    ]
    foot = label(x.end, 216.0, f"round 1 to {count}", "s end")
    return picture(WIDTH, 224.0, "Median of each round", *grid, *traces, foot)


def _strip(result: Result, samples: NDArray[np.float64], x: Axis, top: float) -> str:
    edges = np.geomspace(x.low, x.high, _BINS + 1)
    counts, _ = np.histogram(samples, edges)
    peak = max(1, int(counts.max()))
    base = top + _STRIP - 8
    room = _STRIP - 34
    steps = [f"M{x.start:.1f} {base:.1f}"]
    for count, edge in zip(counts.tolist(), edges[1:].tolist(), strict=True):
        steps.append(f"V{base - room * count / peak:.1f}H{x(edge):.1f}")
    marks = [
        line(x(estimate.value), base - room - 4, x(estimate.value), base, "whisker")
        + label(x(estimate.value) + shift, base - room + 4, name, f"s halo {anchor}")
        for name, estimate, shift, anchor in (
            ("p50", result.p50, -4, "end"),
            ("p90", result.p90, 4, ""),
            ("p99", result.p99, 4, ""),
        )
        if estimate is not None
    ]
    beyond = int((samples > x.high).sum())
    slower = f"; {beyond} slower than shown" if beyond else ""
    return tag(
        "g",
        hint(f"{result.label}: {len(samples)} calls{slower}"),
        tag("path", d="".join(steps) + f"V{base:.1f}Z", class_=f"bubble {result.hue}"),
        *marks,
        label(8.0, top + 16, result.label, "b"),
        label(WIDTH - 8, top + 16, f"{len(samples)} calls{slower}", "s end"),
        line(x.start, base, x.end, base, "axis"),
    )


def _thinned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians of neighbours, so that no more are left than can be seen."""
    if len(values) <= _MOST_POINTS:
        return values
    return np.array([float(np.median(part)) for part in np.array_split(values, _MOST_POINTS)])


def _trace(result: Result, values: NDArray[np.float64], count: int, x: Axis, y: Axis) -> str:
    places = np.linspace(0.0, count - 1.0, len(values)).tolist()
    points = [
        f"{x(place):.1f} {y(value):.1f}"
        for place, value in zip(places, values.tolist(), strict=True)
    ]
    return tag("path", hint(result.label), d="M" + "L".join(points), class_=f"trace {result.hue}")


def _relative_medians(rounds: Rounds) -> NDArray[np.float64]:
    medians = np.array([float(np.median(own)) for own in rounds])
    return np.asarray(medians / max(float(np.median(medians)), 1.0))
