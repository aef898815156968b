"""The page of ``littoral bench``: distributions, intervals, drift, environment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from littoral.report import charts, distribution, machines, page, profile, units
from littoral.report.machines import Machine
from littoral.report.markup import tag, text
from littoral.report.notes import notes
from littoral.report.result import Result, distinct_names, format_name, of_bench

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

_SECTIONS = {
    "machines": "Machines",
    "compare": "Compared",
    "latency": "Latency",
    "distribution": "Every call",
    "rounds": "Rounds",
    "figures": "Figures",
    "operators": "Operators",
    "how": "How to read",
    "environment": "Environment",
}

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


def bench_report(payload: Mapping[str, Any], rounds: Sequence[distribution.Rounds]) -> str:
    """The page: every figure once for each machine.

    Args:
        payload: What ``bench --json`` prints; with ``profiles`` also the operators are drawn.
        rounds: The timed calls of each measurement in ns, one array a round.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    measurements = payload["measurements"]
    results = of_bench(measurements)
    places = machines.machines_of(payload, rounds)
    profiles = payload.get("profiles") or ()
    blocks = [page.tiles(_figures(results, measurements))]
    if told := notes(payload):
        blocks.append(page.card(page.findings(told), class_="warning"))
    if len(places) > 1:
        blocks += [
            page.heading("machines", "Every file on every machine, p50"),
            page.card(machines.side_by_side(places)),
        ]
    if payload["comparison"]:
        blocks += [
            page.heading("compare", "Compared"),
            page.card(page.findings([entry["words"] for entry in payload["comparison"]])),
        ]
    blocks += [
        page.heading("latency", "Latency with 95% intervals"),
        *machines.cards(places, lambda one: charts.latencies(one.results, distribution.WIDTH)),
        page.heading("distribution", "Every timed call"),
        *machines.cards(places, lambda one: distribution.distributions(one.results, one.rounds)),
        page.heading("rounds", "Round by round"),
        *machines.cards(places, _drift),
        page.heading("figures", "All figures"),
        *machines.cards(places, _table),
        *_operators(profiles),
        page.heading("how", "How to read this page"),
        page.how_to_read(_WORDS + page.LATENCY_WORDS + (profile.WORDS if profiles else ())),
        page.heading("environment", "Where this was measured"),
        *(page.environment(place.environment, machines.title(place)) for place in places),
    ]
    links = page.present(_SECTIONS, blocks)
    return page.page(_title(places, results), _lead(measurements), links, blocks)


def _operators(profiles: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each file its operators, its layers and its roofline."""
    if not profiles:
        return []
    names = distinct_names([entry["path"] for entry in profiles])
    blocks = [page.heading("operators", "Inside each file, on this machine")]
    for name, entry in zip(names, profiles, strict=True):
        title = tag("h3", text(f"{name}: every operator, in the order of execution"))
        blocks += [
            page.card(title, profile.operator_bars(entry)),
            *_layers(name, entry),
            page.card(tag("h3", text(f"{name}: under the roofline")), profile.roofline(entry)),
        ]
    return blocks


def _layers(name: str, entry: Mapping[str, Any]) -> list[str]:
    """Where a layer is more than one operator; else it would be the same picture again."""
    if len(entry["by_layer"]) == len(entry["operators"]):
        return []
    title = tag("h3", text(f"{name}: by layer of the model"))
    return [page.card(title, profile.layer_bars(entry))]


def _drift(machine: Machine) -> str:
    return distribution.drift(machine.results, machine.rounds) + _legend(machine.results)


def _title(places: Sequence[Machine], results: Sequence[Result]) -> str:
    files = max(len(place.results) for place in places)
    where = f" on {len(places)} machines" if len(places) > 1 else ""
    count = f"{files} file{'s' * (files > 1)}{where}"
    fastest = _fastest(results)
    latency = units.duration(fastest.p50.value if fastest.p50 else None)
    if len(results) == 1:
        return f"{fastest.label}: {latency} at the median"
    if fastest.is_emulated:
        return f"{count} measured, on emulated processors"
    return f"{count} measured: {fastest.label} is the fastest, {latency} at the median"


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


def _table(machine: Machine) -> str:
    entries = machine.measurements
    has_energy = any(entry.get("joules_per_inference") is not None for entry in entries)
    rows = [
        page.row(
            _cells(result, entry) + [_energy(entry)] * has_energy,
            3,
            is_best=result is machine.fastest,
        )
        for result, entry in zip(machine.results, entries, strict=True)
    ]
    return page.table(_HEADER + ("Energy",) * has_energy, rows, left=3)


def _energy(entry: Mapping[str, Any]) -> str:
    joules = entry.get("joules_per_inference")
    return units.UNKNOWN if joules is None else text(units.energy(joules))


def _cells(result: Result, entry: Mapping[str, Any]) -> list[str]:
    cold, load, model = result.cold_start_ms, result.load_ms, entry.get("model_memory_bytes")
    loading = "" if load is None else f"load {units.duration(load * 1e3)}"
    holding = "" if model is None else f"model {units.size(model)}"
    return [
        tag("i", class_=f"chip {result.hue}") + text(result.label),
        text(format_name(result.format)) + tag("small", text(entry["engine"])),
        text(result.scheme or units.UNKNOWN),
        text(units.size(result.size_bytes)),
        page.latency_cell(result.p50),
        page.latency_cell(result.p90),
        page.latency_cell(result.p99),
        text(units.duration(None if cold is None else cold * 1e3)) + _below(loading),
        text(units.size(result.peak_memory_bytes)) + _below(holding),
        text(f"{entry['runs']:,}") + _below(f"{entry['outliers']:,} outliers"),
    ]


def _below(words: str) -> str:
    return tag("small", text(words)) if words else ""
