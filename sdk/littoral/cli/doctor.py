"""``littoral doctor``: what would run on this machine, and why not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUMMARY = "open every engine for real and say what runs on this machine, and why not"
EXAMPLES = """examples:
  littoral doctor
  littoral doctor --json

Each engine's library is opened in a process of its own and runs a model of one operator, because a
package that is installed may still not load (C library too old, NumPy too new). Exit code 1 when
nothing can run."""

_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_X86_FEATURES = ("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
_ARM_FEATURES = {"neon": "neon", "asimd": "neon", "asimddp": "dotprod", "i8mm": "i8mm"}
_ARM_FEATURES |= {"asimdhp": "fp16", "sve": "sve", "sve2": "sve2"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes no arguments of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look at everything.

    Returns:
        ``engines`` (engine, formats, version, runs, reason, remedy, first_result_ms, providers,
        options), ``formats`` (engine by format, None where nothing runs it), ``features`` of the
        processor, ``packages`` that some verbs need, ``environment``, ``memory_available_bytes``,
        ``notes`` on what makes figures doubtful, and ``passed``: True when anything can run.
    """
    from littoral import engines, environment, plugins
    from littoral.engines._native import version_of

    found = [examine(name) for name in plugins.names(engines)]
    formats = {format: None for engine in found for format in engine["formats"]}
    runners = {f: e["engine"] for e in reversed(found) if e["runs"] for f in e["formats"]}
    place = environment.describe()
    packages = ("numpy", "pillow", "keras", "tensorflow")
    return {
        "engines": found,
        "formats": {**formats, **runners},
        "features": features(),
        "packages": {name: version_of(name) for name in packages},
        "environment": place,
        "memory_available_bytes": environment.memory_bytes("MemAvailable"),
        "notes": notes(place),
        "passed": bool(runners),
    }


def describe(payload: dict[str, Any]) -> str:
    """Engines first, then the machine."""
    lines = [line for engine in payload["engines"] for line in _engine_lines(engine, payload)]
    place = payload["environment"]
    packages = [f"{name} {number}" for name, number in payload["packages"].items() if number]
    memory = _unit(_gigabytes(place["memory_bytes"]), "GB")
    available = _unit(_gigabytes(payload["memory_available_bytes"]), "GB available")
    facts = {
        "cpu": f"{place['cpu']}, {place['cores']} cores, {place['machine']}",
        "features": ", ".join(payload["features"]) or None,
        "governor": place["governor"],
        "frequency": _unit(place["frequency_mhz"], "MHz"),
        "heat": _unit(place["temperature_celsius"], "C"),
        "memory": ", ".join(part for part in (memory, available) if part),
        "board": place["board"],
        "system": f"{place['os']}, {place['kernel']}",
        "python": f"{place['python']}, littoral {place['littoral']}",
        "packages": ", ".join(packages),
    }
    lines += ["", *(f"{title:10} {fact or 'not known'}" for title, fact in facts.items())]
    lines += [f"{'note':10} {note}" for note in payload["notes"]]
    lines += [line for engine in payload["engines"] for line in _option_lines(engine)]
    lines.append("" if payload["passed"] else "\nnothing can run a model here: install an engine")
    return "\n".join(lines).rstrip()


def notes(place: Mapping[str, Any], root: Path = Path("/")) -> list[str]:
    """What makes figures that are measured here and now doubtful.

    Args:
        place: As `littoral.environment.describe` says it.
        root: Where ``proc`` and ``sys`` are; a test hands in a folder of its own.
    """
    from littoral import conditions, environment

    found = []
    if environment.is_emulated(root):
        found.append("the processor is emulated: results are right, times say nothing")
    if place["governor"] not in (None, "performance"):
        found.append(
            f"the governor {place['governor']!r} changes the clock as it likes: to measure, "
            "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        )
    if (place["temperature_celsius"] or 0) >= conditions.HOT_CELSIUS:
        found.append(f"at {place['temperature_celsius']:g} C processors slow down: let it cool")
    try:
        # The Raspberry Pi's firmware: bit 0 too little voltage, bit 2 slowed down, both now.
        throttled = int((root / _THROTTLED).read_text(), 16)
    except (OSError, ValueError):
        throttled = 0
    if throttled & 0b101:
        found.append("the firmware slows the processor down: too hot, or a weak power supply")
    return found


def features(root: Path = Path("/")) -> list[str]:
    """What the processor offers to an engine's kernels.

    Args:
        root: Where ``proc`` is; a test hands in a folder of its own.

    Returns:
        Names such as ``avx2``, ``avx512_vnni``, ``neon``, ``dotprod``; empty where the system does
        not say.
    """
    from littoral.environment import cpu_fields

    fields = cpu_fields(root)
    x86, arm = (fields.get(name, "").split() for name in ("flags", "Features"))
    found = [name for name in _X86_FEATURES if name in x86]
    return found or list(dict.fromkeys(_ARM_FEATURES[w] for w in arm if w in _ARM_FEATURES))


def examine(name: str) -> dict[str, Any]:
    """Open one engine.

    Args:
        name: The engine's name.

    Returns:
        The fields of a `littoral.engines._trial.Trial`, ``formats``, ``options`` (what each takes)
        and ``remedy``: what to do, empty where it runs.
    """
    from dataclasses import asdict

    from littoral import engines, plugins
    from littoral.cli import _remedies
    from littoral.engines._trial import attempt

    module = plugins.load(engines, name)
    trial = attempt(name)
    place = _remedies.here()
    remedy = ""
    if not trial.runs and trial.version is None:
        remedy = _remedies.to_install(name, module.EXTRA, place)
    elif not trial.runs:
        remedy = _remedies.to_repair(name, module.EXTRA, trial.reason, place)
    more = {"formats": list(module.FORMATS), "options": dict(module.OPTIONS), "remedy": remedy}
    return {**asdict(trial), **more}


def _engine_lines(engine: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    name, formats = engine["engine"], ", ".join(engine["formats"])
    if engine["runs"]:
        version = engine["version"] or "installed without a version"
        took = f"first result {engine['first_result_ms']:.0f} ms"
        told = f"{version}, runs {formats} on {', '.join(engine['providers'])}, {took}"
        return [f"ok   {name:14} {told}"]
    if engine["version"] is None:
        others = [payload["formats"][format] for format in engine["formats"]]
        if all(others):
            return [f"-    {name:14} not installed; {', '.join(others)} runs {formats}"]
        return [f"no   {name:14} not installed: {engine['remedy']}"]
    reason = engine["reason"].rpartition("is installed but does not load: ")[2]
    lines = [f"no   {name:14} {engine['version']} is installed but does not run: {reason}"]
    return lines if "pip install" in reason else [*lines, f"{'':19} {engine['remedy']}"]


def _option_lines(engine: dict[str, Any]) -> list[str]:
    if not engine["runs"]:
        return []
    lines = [f"  {name:16} {what}" for name, what in engine["options"].items()]
    return ["", f"options of {engine['engine']} (--option NAME=VALUE)", *lines]


def _gigabytes(size: int | None) -> float | None:
    return None if size is None else round(size / 1e9, 1)


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}"
