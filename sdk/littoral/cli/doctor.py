"""``littoral doctor``: what would run on this machine, and why not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

SUMMARY = "open every engine for real and say what runs on this machine, and why not"
EXAMPLES = """examples:
  littoral doctor
  littoral doctor --json

Each engine's library is opened in a process of its own and runs a model of one operator, because a
package that is installed may still not load (C library too old, NumPy too new). Exit code 1 when
nothing can run."""

_X86_FEATURES = ("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
_ARM_FEATURES = {"neon": "neon", "asimd": "neon", "asimddp": "dotprod", "i8mm": "i8mm"}
_ARM_FEATURES |= {"asimdhp": "fp16", "sve": "sve", "sve2": "sve2"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes no arguments of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look at everything.

    Returns:
        ``engines`` (name, formats, version, runs, reason, install, first_result_ms), ``formats``
        (engine by format, None where nothing runs it), ``features`` of the processor, ``packages``
        that some verbs need, ``environment``, and ``passed``: True when anything can run.
    """
    from dataclasses import asdict

    from littoral import engines, environment, plugins
    from littoral.engines._trial import attempt

    found = []
    for name in plugins.names(engines):
        module = plugins.load(engines, name)
        trial = asdict(attempt(name))
        install = f"pip install 'littoral[{module.EXTRA}]'"
        found.append({**trial, "formats": list(module.FORMATS), "install": install})
    formats = {format: None for engine in found for format in engine["formats"]}
    runners = {f: e["engine"] for e in reversed(found) if e["runs"] for f in e["formats"]}
    return {
        "engines": found,
        "formats": {**formats, **runners},
        "features": features(),
        "packages": {name: _version(name) for name in ("numpy", "pillow", "keras", "tensorflow")},
        "environment": environment.describe(),
        "passed": bool(runners),
    }


def describe(payload: dict[str, Any]) -> str:
    """Engines first, then the machine."""
    lines = []
    for engine in payload["engines"]:
        runs = f"runs {', '.join(engine['formats'])}"
        if engine["runs"]:
            told = f"{engine['version']}, {runs}, first result {engine['first_result_ms']:.0f} ms"
            lines.append(f"ok   {engine['engine']:12} {told}")
        else:
            hint = engine["reason"] if "pip install" in engine["reason"] else _hint(engine)
            lines.append(f"no   {engine['engine']:12} {hint}")
    place = payload["environment"]
    packages = [f"{name} {number}" for name, number in payload["packages"].items() if number]
    facts = {
        "cpu": f"{place['cpu']}, {place['cores']} cores, {place['machine']}",
        "features": ", ".join(payload["features"]) or None,
        "governor": place["governor"],
        "frequency": _unit(place["frequency_mhz"], "MHz"),
        "heat": _unit(place["temperature_celsius"], "C"),
        "memory": _unit(_gigabytes(place["memory_bytes"]), "GB"),
        "board": place["board"],
        "system": f"{place['os']}, {place['kernel']}",
        "python": f"{place['python']}, littoral {place['littoral']}",
        "packages": ", ".join(packages),
    }
    lines += ["", *(f"{title:10} {fact or 'not known'}" for title, fact in facts.items())]
    lines.append("" if payload["passed"] else "\nnothing can run a model here: install an engine")
    return "\n".join(lines).rstrip()


def features(root: Path = Path("/")) -> list[str]:
    """What the processor offers to an engine's kernels.

    Args:
        root: Where ``proc`` is; a test hands in a folder of its own.

    Returns:
        Names such as ``avx2``, ``avx512_vnni``, ``neon``, ``dotprod``; empty where the system does
        not say.
    """
    try:
        text = (root / "proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return []
    for line in text.splitlines():
        key, _, value = line.partition(":")
        words = value.split()
        if key.strip() == "flags":
            return [name for name in _X86_FEATURES if name in words]
        if key.strip() == "Features":
            return list(dict.fromkeys(_ARM_FEATURES[w] for w in words if w in _ARM_FEATURES))
    return []


def _hint(engine: dict[str, Any]) -> str:
    if engine["version"] is None:
        return f"not installed: {engine['install']}"
    return f"{engine['version']} is installed but does not run: {engine['reason']}"


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gigabytes(size: int | None) -> float | None:
    return None if size is None else round(size / 1e9, 1)


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}"
