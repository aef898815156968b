"""Gates: how far a figure may move from one measurement to the next before a build fails.

    p90<=+5%          at most 5% more than before
    size<=200k        at most 200,000 bytes, whatever it was
    accuracy>=-0.5    at most half a percentage point less than before
    cold_start<=50ms  at most so long

A sign in front of the limit means a change, no sign means the figure itself.

A latency is an estimate, so a gate on one is breached only where the figure is beyond the limit
and noise cannot explain it: the 95% interval of a change leaves out "no change", the interval of a
figure lies beyond the limit as a whole. Where only the first is true the verdict is ``undecided``,
which does not fail a build but is said. Where both measurements timed the yardstick
(`littoral.yardstick`), latencies are compared in units of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from littoral.errors import InputError
from littoral.proportions import proportion_difference, proportion_interval
from littoral.statistics import Estimate

Outcome = Literal["passed", "breached", "undecided", "unknown"]

RUN_TO_RUN = {"p50": 0.012, "p90": 0.02, "p99": 0.05, "cold_start": 0.03, "load": 0.1} | {
    "throughput": 0.03,
    "missed": 0.0,
}
"""Standard deviation, as a share, between runs of one file, beyond what each run's own interval
shows: where code and data come to lie in memory differs from process to process, and what else the
machine does from minute to minute. From 24 fresh processes on two busy cores, in yardsticks: p50
0.3% to 1.0%, p90 0.6% to 2.7%.

Between the median and a high percentile there may be other work on the machine, in one run and not
in the next: a p99 went from 5% to 170%, and beside a neighbour that took every fourth call a p90
went from 70 to 128 us while the median stayed within 3%. So as much as a p99 is above the p90 of
its run, and a p90 above the median by more than `_BURST`, counts as uncertainty too (`_tail`)."""

_BURST = 0.15
"""Logarithm of p90 over p50 beyond which other work is at play. Undisturbed: 0.02 to 0.1."""

_AS_MUCH = 0.5
"""Of what the yardstick says of the machine's own speed, what a model may have felt less or more: a
neighbour on the machine does not slow all work alike. In 27 fresh processes beside such neighbours
the yardstick moved by a standard deviation of 3.5%, a model by 3.9%, their ratio by 2.5%."""

_OF_SCATTER = 0.5
"""Of what a run moved within itself (`littoral.patterns.scatter`), how much stands for other runs,
where that is more than `RUN_TO_RUN`. In seven sets of 12 to 16 processes beside busy neighbours, at
a gate of 5% on p50, a half lets 2.0% of runs of one file breach and catches 98.8% of those with 12%
more work, all of it 0.9% and 90.4%, none of it 2.2% and 99.1%."""

_Z = 1.96
_DISTURBED = 3.0
_FORM = re.compile(
    r"\s*(?P<metric>\w+)\s*(?P<direction><=|>=)\s*(?P<sign>[+-]?)(?P<number>\d+(\.\d+)?)\s*"
    r"(?P<unit>%|[a-zA-Zµ]*)\s*"
)


@dataclass(frozen=True)
class Metric:
    """A figure that a measurement's JSON holds.

    Attributes:
        field: Its name there.
        kind: What it is, which decides the units a limit may have.
        factor: From the field's number to ns, bytes, percentage points, calls a second.
        is_estimate: It has an interval, and differs from run to run.
        by_yardstick: It moves with the speed of the machine while it was measured.
    """

    field: str
    kind: Literal["time", "bytes", "points", "rate"]
    factor: float = 1.0
    is_estimate: bool = True
    by_yardstick: bool = False


METRICS = {
    "p50": Metric("latency_p50_us", "time", 1e3, by_yardstick=True),
    "p90": Metric("latency_p90_us", "time", 1e3, by_yardstick=True),
    "p99": Metric("latency_p99_us", "time", 1e3, by_yardstick=True),
    "cold_start": Metric("cold_start_ms", "time", 1e6),
    "load": Metric("load_ms", "time", 1e6),
    "throughput": Metric("throughput_per_s", "rate"),
    "missed": Metric("missed_share", "points", 100.0),
    "memory": Metric("peak_memory_bytes", "bytes", is_estimate=False),
    "size": Metric("size_bytes", "bytes", is_estimate=False),
    "accuracy": Metric("accuracy", "points", 100.0, is_estimate=False),
}

_UNITS = {
    "time": {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9},
    "bytes": {"": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6}
    | {"kib": 2.0**10, "mib": 2.0**20, "g": 1e9, "gb": 1e9},
    "points": {"": 1.0},
    "rate": {"": 1.0, "k": 1e3},
}


@dataclass(frozen=True)
class Gate:
    """A limit on one metric.

    Attributes:
        text: As it was given.
        metric: A key of `METRICS`.
        is_ceiling: True for ``<=``.
        limit: In ns, bytes or percentage points; for a relative change a factor's distance from 1.
        change: None for a bound on the figure, ``"share"`` for percent, ``"amount"`` for units.
    """

    text: str
    metric: str
    is_ceiling: bool
    limit: float
    change: Literal["share", "amount"] | None


@dataclass(frozen=True)
class Change:
    """One metric before and after.

    Attributes:
        metric: A key of `METRICS`.
        old: In ns, bytes or percentage points, with its interval; None where it is not known.
        new: The same afterwards.
        ratio: New to old with its 95% interval, in yardsticks where both have one; None where a
            figure is missing or nothing can be divided.
        in_yardsticks: Both were held against the yardstick of their own rounds.
        difference: New less old of two accuracies, with the interval that their numbers of samples
            give; None for other metrics, and where a number is not known.
    """

    metric: str
    old: Estimate | None
    new: Estimate | None
    ratio: Estimate | None
    in_yardsticks: bool
    difference: Estimate | None = None

    @property
    def is_significant(self) -> bool:
        """Noise does not explain the change."""
        if self.metric == "accuracy":
            return self.difference is not None and self.difference.excludes(0.0)
        return self.ratio is not None and self.ratio.excludes(1.0)


@dataclass(frozen=True)
class Verdict:
    """A gate applied to a change.

    Attributes:
        gate: As it was given.
        outcome: ``breached`` fails a build; ``undecided`` is beyond the limit, but so little that
            noise may explain it; ``unknown`` where a figure is missing.
        words: One line for people.
    """

    gate: str
    outcome: Outcome
    words: str


def parse(text: str) -> Gate:
    """Read a gate.

    Args:
        text: ``METRIC<=LIMIT`` or ``METRIC>=LIMIT``.

    Raises:
        InputError: Not of that form, no such metric, or a unit that the metric does not have.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(f"gate {text!r}: write METRIC<=LIMIT or METRIC>=LIMIT, such as p90<=+5%")
    name, unit = found["metric"], found["unit"]
    if name not in METRICS:
        raise InputError(f"gate {text!r}: no metric {name!r}, choose from {', '.join(METRICS)}")
    number = float(found["number"]) * (-1 if found["sign"] == "-" else 1)
    is_ceiling = found["direction"] == "<="
    if unit == "%":
        if not found["sign"]:
            raise InputError(f"gate {text!r}: a percentage is a change, so give it a sign")
        return Gate(text, name, is_ceiling, number / 100, "share")
    units = _UNITS[METRICS[name].kind]
    factor = units.get(unit, units.get(unit.lower()))
    if factor is None:
        known = ", ".join(key for key in units if key) or "no unit: percentage points"
        raise InputError(f"gate {text!r}: {name} takes {known} or a change in %")
    return Gate(text, name, is_ceiling, number * factor, "amount" if found["sign"] else None)


def change(
    metric: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    paired: Estimate | None = None,
    *,
    is_disturbed: bool = False,
) -> Change:
    """One metric of two measurements of the same thing.

    Args:
        metric: A key of `METRICS`.
        old: The earlier measurement's JSON.
        new: The later one's.
        paired: New to old by pairs of rounds, where both were measured in turn.
        is_disturbed: Other work ran on the machine (`littoral.conditions.preflight` said so): two
            runs are then taken to differ three times as much by chance.
    """
    before, after = (_figure(metric, fields) for fields in (old, new))
    if paired is not None:
        return Change(metric, before, after, paired, False)
    speeds = [_speed(fields) for fields in (old, new)]
    in_yardsticks = METRICS[metric].by_yardstick and None not in speeds
    tail = max(_tail(metric, fields) for fields in (old, new))
    usual = RUN_TO_RUN.get(metric, 0.0) * (_DISTURBED if is_disturbed else 1.0)
    scatters = [max(usual, _own_scatter(metric, fields)) for fields in (old, new)]
    ratio = _ratio(metric, before, after, speeds, scatters, tail)
    difference = _accuracy_difference(old, new) if metric == "accuracy" else None
    return Change(metric, before, after, ratio, in_yardsticks, difference)


def judge(gate: Gate, found: Change) -> Verdict:
    """Hold a change against a gate.

    Args:
        gate: The limit.
        found: The change of the gate's metric.
    """
    if gate.change is None:
        figure, still = found.new, gate.limit
    elif gate.change == "share":
        figure = None if found.ratio is None else _shifted(found.ratio, -1.0)
        still = 0.0
    else:
        figure, still = _difference(found), 0.0
    if figure is None:
        return Verdict(gate.text, "unknown", f"{gate.metric} was not measured on both sides")
    sign = 1.0 if gate.is_ceiling else -1.0
    if sign * (figure.value - gate.limit) <= 0:
        return Verdict(gate.text, "passed", _words(gate, figure))
    near = figure.low if gate.is_ceiling else figure.high
    if near is None or sign * (near - still) <= 0:
        return Verdict(gate.text, "undecided", f"{_words(gate, figure)}, which may be noise")
    return Verdict(gate.text, "breached", _words(gate, figure))


def shown(metric: str, value: float) -> str:
    """A figure in the unit that people use, given in ns, bytes or percentage points."""
    kind = METRICS[metric].kind
    if kind == "points":
        return f"{value:.2f}%"
    if kind == "rate":
        return f"{value:,.0f}/s"
    scales = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
    if kind == "bytes":
        scales = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))
    unit, factor = next((pair for pair in scales if abs(value) >= pair[1]), scales[-1])
    return f"{value / factor:.4g} {unit}"


def _figure(metric: str, fields: Mapping[str, Any]) -> Estimate | None:
    name, factor = METRICS[metric].field, METRICS[metric].factor
    found = Estimate.of_fields(fields, name, factor)
    if found is None or METRICS[metric].is_estimate:
        return found
    return Estimate(found.value, found.value, found.value)


def _accuracy_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Estimate | None:
    """Of two accuracies whose numbers of samples are known."""
    shares = []
    for fields in (old, new):
        accuracy, samples = fields.get("accuracy"), fields.get("samples")
        if accuracy is None or not samples:
            return None
        shares.append(proportion_interval(round(accuracy * samples), samples))
    return proportion_difference(shares[1], shares[0])


def _speed(fields: Mapping[str, Any]) -> float | None:
    speed = fields.get("yardstick_p50_us")
    return speed if speed and speed > 0 else None


def _ratio(
    metric: str,
    old: Estimate | None,
    new: Estimate | None,
    speeds: list[float | None],
    scatters: Sequence[float],
    tail: float,
) -> Estimate | None:
    """New to old; the logarithms' half widths of both add up as independent errors do."""
    if old is None or new is None or not (old.value > 0 and new.value > 0):
        return None
    value = new.value / old.value
    if not METRICS[metric].is_estimate:
        return Estimate(value, value, value)
    moved = 0.0
    if METRICS[metric].by_yardstick and speeds[0] and speeds[1]:
        value *= speeds[0] / speeds[1]
        moved = _AS_MUCH * math.log(speeds[0] / speeds[1])
    widths = [_half_width(old), _half_width(new)]
    if None in widths:
        return Estimate(value)
    apart = [_Z * scatter for scatter in scatters]
    width = math.hypot(*(own or 0.0 for own in widths), *apart, moved) + tail
    return Estimate(value, value * math.exp(-width), value * math.exp(width))


def _own_scatter(metric: str, fields: Mapping[str, Any]) -> float:
    """What a latency may differ by from one run to the next, from how it moved within its own."""
    return _OF_SCATTER * (fields.get("scatter") or 0.0) if METRICS[metric].by_yardstick else 0.0


def _tail(metric: str, fields: Mapping[str, Any]) -> float:
    """How far a high percentile is above the one beneath it, beyond what is usual.

    A logarithm; 0 for other metrics, and where one of the two is not known.
    """
    beneath, usual = {"p99": ("p90", 0.0), "p90": ("p50", _BURST)}.get(metric, (metric, 0.0))
    high, low = (fields.get(METRICS[name].field) or 0.0 for name in (metric, beneath))
    return max(0.0, math.log(high / low) - usual) if 0 < low < high else 0.0


def _half_width(estimate: Estimate) -> float | None:
    """Half the interval of the logarithm."""
    if estimate.low is None or estimate.high is None or estimate.low <= 0:
        return None
    return math.log(estimate.high / estimate.low) / 2


def _shifted(estimate: Estimate, by: float) -> Estimate:
    low, high = (None if end is None else end + by for end in estimate.ends)
    return Estimate(estimate.value + by, low, high)


def _difference(found: Change) -> Estimate | None:
    """New less old, in the metric's unit; a time by its ratio, which knows the yardstick."""
    if found.old is None or found.new is None:
        return None
    if not METRICS[found.metric].is_estimate or found.ratio is None:
        value = found.new.value - found.old.value
        return Estimate(value, value, value)
    less = _shifted(found.ratio, -1.0)
    low, high = (None if end is None else end * found.old.value for end in less.ends)
    return Estimate(less.value * found.old.value, low, high)


def _words(gate: Gate, figure: Estimate) -> str:
    if gate.change == "share":
        moved = f"{gate.metric} changed by {figure.value:+.1%}"
        if figure.low is None or figure.high is None or figure.low == figure.high:
            return moved
        return f"{moved} [{figure.low:+.1%}, {figure.high:+.1%}]"
    if gate.change == "amount" and METRICS[gate.metric].kind == "points":
        return f"{gate.metric} changed by {figure.value:+.2f} points"
    value = shown(gate.metric, figure.value)
    return f"{gate.metric} {'changed by' if gate.change else 'is'} {value}"
