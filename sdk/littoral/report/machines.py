"""Measurements by the machine that they were taken on: one group a target, and all side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from littoral.report import page, units
from littoral.report.distribution import Rounds
from littoral.report.markup import tag, text
from littoral.report.result import Result, distinct_names, of_bench

_EMULATED = "emulated, not ranked"


@dataclass(frozen=True)
class Machine:
    """What was measured on one target.

    Attributes:
        name: As ``--target`` names it; empty where it is the only one.
        is_emulated: Its times say nothing about a real processor.
        results: One a file, in order; a file has the same label and colour on every machine.
        measurements: The same, as ``bench --json`` prints them.
        rounds: Their timed calls in ns.
        environment: Of the machine.
        ratios: To the fastest file of this machine, in order; None for that one, and where files
            cannot be ranked.
    """

    name: str
    is_emulated: bool
    results: tuple[Result, ...]
    measurements: tuple[Mapping[str, Any], ...]
    rounds: tuple[Rounds, ...]
    environment: Mapping[str, Any]
    ratios: tuple[float | None, ...]

    @property
    def fastest(self) -> Result | None:
        """The file with the lowest p50; None for a single file, and on an emulated processor."""
        known = [result for result in self.results if result.p50 is not None]
        if self.is_emulated or len(self.results) < 2 or not known:
            return None
        return min(known, key=lambda result: result.p50.value if result.p50 else 0.0)


def machines_of(payload: Mapping[str, Any], rounds: Sequence[Rounds]) -> tuple[Machine, ...]:
    """The machines that answered, in the order in which they were named.

    Args:
        payload: What ``bench --json`` prints.
        rounds: The timed calls of each measurement in ns, one array a round.
    """
    measurements = payload["measurements"]
    names = list(dict.fromkeys(entry.get("target") for entry in measurements))
    told = {entry["target"]: entry for entry in payload.get("targets") or ()}
    ratios = {entry["index"]: entry["ratio"] for entry in payload["comparison"]}
    machines = []
    for name in names:
        places = [place for place, one in enumerate(measurements) if one.get("target") == name]
        own = tuple(measurements[place] for place in places)
        environment = told.get(name, payload)["environment"]
        machines.append(
            Machine(
                name=str(name) if len(names) > 1 else "",
                is_emulated=any(entry.get("emulated") for entry in own),
                results=of_bench(own),
                measurements=own,
                rounds=tuple(rounds[place] for place in places),
                environment=environment or {},
                ratios=tuple(ratios.get(place) for place in places),
            )
        )
    return tuple(machines)


def cards(machines: Sequence[Machine], draw: Callable[[Machine], str]) -> list[str]:
    """The same figure of every machine, each under its name."""
    return [page.card(title(machine), draw(machine)) for machine in machines]


def title(machine: Machine) -> str:
    """A machine's name and whether it is emulated; nothing where it is the only one."""
    if not machine.name:
        return ""
    badge = tag("span", _EMULATED, class_="badge") if machine.is_emulated else ""
    return tag("h3", text(machine.name) + badge)


def side_by_side(machines: Sequence[Machine]) -> str:
    """A table of p50: a file a row, a machine a column, the fastest of a real machine marked."""
    most = max(machines, key=lambda machine: len(machine.results))
    names = distinct_names([str(entry.get("path") or "model") for entry in most.measurements])
    header = ["File"] + [
        machine.name + f" ({_EMULATED})" * machine.is_emulated for machine in machines
    ]
    rows = []
    for place, (name, result) in enumerate(zip(names, most.results, strict=True)):
        chip = tag("i", class_=f"chip {result.hue}")
        cells = [chip + text(name), *(_cell(machine, place) for machine in machines)]
        tops = [
            column
            for column, machine in enumerate(machines, 1)
            if machine.fastest is not None and machine.results.index(machine.fastest) == place
        ]
        rows.append(page.row(cells, 1, tops))
    return page.table(header, rows, left=1)


def _cell(machine: Machine, place: int) -> str:
    if place >= len(machine.results):
        return units.UNKNOWN
    ratio = machine.ratios[place]
    slower = "" if ratio is None else tag("small", f"{units.times(ratio)} the fastest here")
    return page.latency_cell(machine.results[place].p50) + slower
