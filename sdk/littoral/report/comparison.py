"""Measurements against the fastest of them, by paired ratios, in figures and in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from littoral.measurement import Measurement
from littoral.report import units
from littoral.report.result import distinct_names
from littoral.statistics import Estimate


def compare(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Compare each file with the fastest.

    Args:
        measurements: Of one interleaved measurement.

    Returns:
        One JSON-able entry for each but the fastest, in order: ``index path baseline ratio
        ratio_low ratio_high rounds significant words``. Empty for a single file.

    Raises:
        InputError: They were not measured together, or on an emulator.
    """
    names = distinct_names([measurement.path or "model" for measurement in measurements])
    fastest = min(range(len(names)), key=lambda index: measurements[index].latency_p50.value)
    return [
        _entry(index, measurement, measurements[fastest], names[index], names[fastest])
        for index, measurement in enumerate(measurements)
        if index != fastest
    ]


def compare_each_target(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Compare each file with the fastest of its own target; what is emulated is not.

    Args:
        measurements: Those of a target side by side, as one interleaved measurement gave them.

    Returns:
        Entries as of `compare`, and ``target``; ``index`` counts through all measurements.
    """
    found, start = [], 0
    for target, group in groupby(measurements, key=lambda one: one.target):
        own = list(group)
        place = "" if len(own) == len(measurements) else f" on {target}"
        if _took_turns(own):
            found += [
                {
                    **entry,
                    "target": target,
                    "index": start + entry["index"],
                    "words": entry["words"] + place,
                }
                for entry in compare(own)
            ]
        start += len(own)
    return found


def _entry(
    index: int, measurement: Measurement, baseline: Measurement, name: str, baseline_name: str
) -> dict[str, Any]:
    ratio = measurement.ratio_to(baseline)
    return {
        "index": index,
        "path": measurement.path,
        "baseline": baseline.path,
        **ratio.fields("ratio", 1, 4),
        "rounds": len(measurement.rounds),
        "significant": ratio.excludes(1.0),
        "words": in_words(name, baseline_name, ratio),
    }


def in_words(name: str, baseline: str, ratio: Estimate) -> str:
    """A ratio of latencies as a sentence that claims no more than its interval.

    Args:
        name: The file whose latency is divided.
        baseline: The file by whose latency it is divided.
        ratio: Of the two, with its interval.
    """
    if ratio.low is None or ratio.high is None:
        about = units.times(ratio.value)
        return f"{name}: too few rounds to compare it with {baseline} (about {about})"
    interval = f"95% interval {ratio.low:.2f} to {ratio.high:.2f}"
    if not ratio.excludes(1.0):
        return f"{name} and {baseline} do not differ measurably ({interval})"
    return f"{name} takes {ratio.value:.2f} times as long as {baseline} ({interval})"


def _took_turns(measurements: Sequence[Measurement]) -> bool:
    """Real figures of the same rounds: a browser has an engine, and a page, for each format."""
    return (
        not any(one.emulated or one.scenario != "single_stream" for one in measurements)
        and len({len(one.rounds) for one in measurements}) == 1
    )
