"""What a reader must know beside the figures: a machine that was not quiet, two speeds, a drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from littoral.report import units
from littoral.report.result import labels_of


def notes(payload: Mapping[str, Any]) -> list[str]:
    """One sentence each, about the machine first, then about single files.

    Args:
        payload: What ``bench --json`` prints.
    """
    found = [payload["note"]] if payload.get("note") else []
    targets = payload.get("targets") or [payload]
    for target in targets:
        machine = f"The machine {target['target']}" if len(targets) > 1 else "The machine"
        found += _of_machine(machine, target.get("environment") or {})
        found += _of_checks(target.get("checks") or ())
        if target.get("error"):
            found.append(f"FAILED {target['error']}")
    measurements = payload["measurements"]
    names = labels_of(measurements)
    for name, fields in zip(names, measurements, strict=True):
        found += [f"{name}: {words}." for words in _of_one(fields)]
    return found


def _of_machine(machine: str, environment: Mapping[str, Any]) -> list[str]:
    told = [f"{machine}: {words}." for words in environment.get("preflight") or ()]
    if (environment.get("conditions") or {}).get("throttled"):
        told.append(f"{machine} was throttled while it was measured: let it cool down.")
    return told


def _of_checks(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    if not checks or not all(check["passed"] for check in checks):
        return []
    files = len({check["path"] for check in checks})
    worst = max(check["relative_error"] for check in checks)
    return [
        f"{checks[0]['target']} answers as this machine does: {files} "
        f"file{'s' * (files > 1)}, {checks[0]['samples']:,} samples, off by at most {worst:.1e} "
        "of an output's largest value."
    ]


def _of_one(fields: Mapping[str, Any]) -> list[str]:
    told = []
    if fields.get("throughput_per_s") is not None:
        told.append(f"{_rate(fields)} on {fields['threads']} threads")
    if fields.get("missed_share") is not None:
        told.append(
            f"{units.percent(fields['missed_share'])} of the answers missed a deadline of "
            f"{units.duration(fields['period_us'])} (95% interval "
            f"{units.percent(fields['missed_share_low'])} to "
            f"{units.percent(fields['missed_share_high'])}), jitter "
            f"{units.duration(fields['jitter_p50_us'])} at the median, "
            f"{units.duration(fields['jitter_p99_us'])} at p99"
        )
    humps = fields.get("modes")
    if humps:
        told.append(
            f"it ran at two speeds, {units.duration(humps['fast_us'])} and in "
            f"{humps['slow_share']:.0%} of the calls {units.duration(humps['slow_us'])}"
        )
    if fields.get("drift"):
        way = "slower" if fields["drift"] > 0 else "faster"
        told.append(f"it got {abs(fields['drift']):.1%} {way} from the first round to the last")
    if fields.get("joules_per_inference") is not None:
        told.append(
            f"{fields['joules_per_inference'] * 1e6:,.1f} µJ an inference, idle power included "
            f"({fields['energy_source']})"
        )
    return told


def _rate(fields: Mapping[str, Any]) -> str:
    value, low, high = (fields[f"throughput_per_s{end}"] for end in ("", "_low", "_high"))
    interval = "" if low is None else f" (95% interval {low:,.0f} to {high:,.0f})"
    return f"{value:,.0f} calls a second{interval}"
