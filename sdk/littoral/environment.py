"""What a measurement depends on besides the model: the machine, its state, the software."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from littoral import __version__, conditions, engines, plugins
from littoral.conditions import number_in, text_in
from littoral.engines._native import version_of

EMULATORS = ("qemu", "rosetta", "box64", "box86", "fex")
"""Names that give away a process that runs another architecture's instructions."""

EMULATED_CPUS = ("qemu tcg", "qemu virtual", "virtualapple")


def describe(root: Path = Path("/")) -> dict[str, Any]:
    """The environment as it is now.

    Args:
        root: Where ``proc`` and ``sys`` are; a test hands in a folder of its own.

    Returns:
        JSON-able: ``cpu machine cores governor frequency_mhz temperature_celsius load_average
        memory_bytes board os kernel python numpy littoral engines measured_at``. None where this
        system does not say.
    """
    return {
        "cpu": cpu_model(root),
        "machine": platform.machine() or None,
        "cores": _cores(),
        "governor": text_in(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "frequency_mhz": _frequency_mhz(root),
        "temperature_celsius": _temperature_celsius(root),
        "load_average": _load_average(),
        "memory_bytes": memory_bytes("MemTotal", root),
        "board": text_in(root / "proc/device-tree/model"),
        "os": _os_name(root),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": version_of("numpy"),
        "littoral": __version__,
        "engines": engine_versions(),
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def cpu_model(root: Path = Path("/")) -> str | None:
    """The processor's name as the system gives it, None where it does not.

    Args:
        root: Where ``proc`` is.
    """
    fields = cpu_fields(root)
    for key in ("model name", "Processor", "cpu model", "Hardware", "uarch"):
        if fields.get(key):
            return fields[key]
    return platform.processor() or None


def is_emulated(root: Path = Path("/")) -> bool:
    """True when this process runs on an emulated processor.

    qemu-user answers for ``/proc/self/exe`` and ``/proc/PID/exe`` with the program it emulates,
    but not for ``/proc/thread-self/exe``, which names the emulator itself. A whole emulated
    machine shows in the processor's name; a translated x86 process on Arm shows in processor
    fields that its own architecture does not have.

    Args:
        root: Where ``proc`` is.
    """
    try:
        executable = (root / "proc/thread-self/exe").readlink().name.lower()
    except OSError:
        executable = ""
    cpu = (cpu_model(root) or "").lower()
    return (
        any(name in executable for name in EMULATORS)
        or any(name in cpu for name in EMULATED_CPUS)
        or _is_foreign(platform.machine(), cpu_fields(root))
    )


def engine_versions() -> dict[str, str]:
    """Version by engine name, of the engines that are installed."""
    found = {}
    for name in plugins.names(engines):
        number = plugins.load(engines, name).version()
        if number is not None:
            found[name] = number
    return found


def _is_foreign(machine: str, fields: dict[str, str]) -> bool:
    """The processor describes itself with fields of another architecture than the process has."""
    is_x86 = machine.lower() in ("x86_64", "amd64", "i686", "i386")
    is_arm = machine.lower().startswith(("arm", "aarch"))
    return (is_arm and "vendor_id" in fields) or (is_x86 and "CPU implementer" in fields)


def cpu_fields(root: Path = Path("/")) -> dict[str, str]:
    """The first value of each field of ``/proc/cpuinfo``, empty where there is none."""
    fields: dict[str, str] = {}
    for line in (text_in(root / "proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def _cores() -> int | None:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _frequency_mhz(root: Path) -> float | None:
    current = number_in(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    if current is not None:
        return round(current / 1000, 1)
    text = cpu_fields(root).get("cpu MHz")
    return round(float(text), 1) if text else None


def _temperature_celsius(root: Path) -> float | None:
    warmest = conditions.read(root).temperature_celsius
    return None if warmest is None else round(warmest, 1)


def _load_average() -> list[float] | None:
    getloadavg: Callable[[], tuple[float, float, float]] | None = getattr(os, "getloadavg", None)
    return None if getloadavg is None else [round(load, 2) for load in getloadavg()]


def memory_bytes(field: str, root: Path = Path("/")) -> int | None:
    """A size in ``/proc/meminfo``, None where the system does not say.

    Args:
        field: For example ``"MemTotal"``.
        root: Where ``proc`` is.
    """
    for line in (text_in(root / "proc/meminfo") or "").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None


def _os_name(root: Path) -> str:
    for line in (text_in(root / "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return platform.platform(terse=True)
