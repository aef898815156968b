"""The page of ``littoral bench``: distributions, intervals, drift, environment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.report import charts, distribution, page, units
from littoral.report.markup import tag, text
from littoral.report.notes import notes
from littoral.report.result import Result, format_name, of_bench

_HEADER = (
    "File",
    "Format",
    "Scheme",
    "Size",
    "p50",
    "p90",
    "p99",
    "Cold start",
    "Memory",
    "Runs",
)

_WORDS = (
    (
        "Distribution",
        "Each strip is a histogram of one file's timed calls on a logarithmic axis that all "
        "share. Two humps are two states of the machine or the engine; a long tail to the right "
        "is what other work on the machine costs.",
    ),
    (
        "Rounds",
        "Each line is one file's median round by round against its own overall median. Flat lines "
        "mean a quiet machine; lines that rise together mean that it changed speed, which the "
        "comparison by pairs cancels out.",
    ),
)


def bench_report(payload: Mapping[str, Any], rounds: Sequence[Sequence[NDArray[np.int64]]]) -> str:
    """The page.

    Args:
        payload: What ``bench --json`` prints.
        rounds: The timed calls of each measurement in ns, one array a round.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    measurements = payload["measurements"]
    results = of_bench(measurements)
    blocks = [page.tiles(_figures(results, measurements))]
    blocks += [page.warning(words) for words in notes(payload)]
    if payload["comparison"]:
        words = [tag("li", text(entry["words"])) for entry in payload["comparison"]]
        blocks += [
            page.heading("compare", "Compared"),
            page.card(tag("ul", *words, class_="findings")),
        ]
    blocks += [
        page.heading("latency", "Latency with 95% intervals"),
        page.card(charts.latencies(results, distribution.WIDTH)),
        page.heading("distribution", "Every timed call"),
        page.card(distribution.distributions(results, rounds)),
        page.heading("rounds", "Round by round"),
        page.card(distribution.drift(results, rounds), _legend(results)),
        page.heading("figures", "All figures"),
        page.card(_table(results, measurements)),
        page.heading("how", "How to read this page"),
        page.how_to_read(_WORDS + page.LATENCY_WORDS),
        page.heading("environment", "Where this was measured"),
        page.environment(payload["environment"]),
    ]
    return page.page(_title(results), _lead(measurements), {}, blocks)


def _title(results: Sequence[Result]) -> str:
    fastest = _fastest(results)
    latency = units.duration(fastest.p50.value if fastest.p50 else None)
    if len(results) == 1:
        return f"{fastest.label}: {latency} at the median"
    if fastest.is_emulated:
        return f"{len(results)} files measured, on emulated processors"
    return f"{len(results)} files measured: {fastest.label} is the fastest, {latency} at the median"


def _lead(measurements: Sequence[Mapping[str, Any]]) -> str:
    calls = sum(entry["runs"] for entry in measurements)
    threads = measurements[0]["threads"]
    scenario = measurements[0].get("scenario", "single_stream").replace("_", " ")
    if scenario != "single stream":
        return (
            f"{calls:,} calls in the scenario {scenario}, {threads} thread{'s' * (threads != 1)}."
        )
    how = "timed in turn, round by round" if len(measurements) > 1 else "timed"
    return f"{calls:,} calls {how}, one sample each, {threads} thread{'s' * (threads != 1)}."


def _figures(
    results: Sequence[Result], measurements: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    fastest = _fastest(results)
    entry = measurements[results.index(fastest)]
    cold = fastest.cold_start_ms
    return [
        (units.duration(fastest.p50.value if fastest.p50 else None), "p50: half are faster"),
        (units.duration(fastest.p90.value if fastest.p90 else None), "p90: nine in ten are faster"),
        (units.duration(None if cold is None else cold * 1e3), "cold start to the first result"),
        (units.size(entry["peak_memory_bytes"]), "peak memory of a fresh process"),
    ]


def _fastest(results: Sequence[Result]) -> Result:
    """Of those whose times say something, if there are any."""
    return min(results, key=lambda one: (one.is_emulated, one.p50.value if one.p50 else math.inf))


def _legend(results: Sequence[Result]) -> str:
    entries = [
        tag("span", tag("i", class_=f"chip {result.hue}"), text(result.label)) for result in results
    ]
    return tag("div", *entries, class_="legend")


def _table(results: Sequence[Result], measurements: Sequence[Mapping[str, Any]]) -> str:
    fastest = _fastest(results)
    is_ranked = len(results) > 1 and not fastest.is_emulated
    rows = [
        page.row(_cells(result, entry), 3, is_best=is_ranked and result is fastest)
        for result, entry in zip(results, measurements, strict=True)
    ]
    return page.table(_HEADER, rows, left=3)


def _cells(result: Result, entry: Mapping[str, Any]) -> list[str]:
    cold, load = result.cold_start_ms, result.load_ms
    loading = "" if load is None else f"load {units.duration(load * 1e3)}"
    return [
        tag("i", class_=f"chip {result.hue}") + text(result.label),
        text(format_name(result.format)) + tag("small", text(entry["engine"])),
        text(result.scheme or units.UNKNOWN),
        text(units.size(result.size_bytes)),
        page.latency_cell(result.p50),
        page.latency_cell(result.p90),
        page.latency_cell(result.p99),
        text(units.duration(None if cold is None else cold * 1e3)) + _below(loading),
        text(units.size(result.peak_memory_bytes)),
        text(f"{entry['runs']:,}") + _below(f"{entry['outliers']:,} outliers"),
    ]


def _below(words: str) -> str:
    return tag("small", text(words)) if words else ""
