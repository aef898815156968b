"""The machine's condition around a measurement: is it quiet, does it heat up, what does it draw.

`preflight` looks before, `Watch` and `EnergyMeter` between rounds. Everything comes from files that
Linux keeps (``/sys``, ``/proc``); where a machine has no such sensor the figure is None, never 0.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUSY_SHARE = 0.25
"""Of one core, taken by other processes, beyond which the machine is not quiet."""

HOT_CELSIUS = 80.0
SLOWED_DOWN = 0.9
"""A clock below this share of what it was before has been throttled."""

_LOOK_S = 0.2
_BETWEEN_LOOKS_NS = 100_000_000
_QUIET_GOVERNORS = {"performance", None}


@dataclass(frozen=True)
class Reading:
    """What the sensors say at one moment.

    Attributes:
        temperature_celsius: Of the hottest thermal zone; one that reads 0 or less is not wired up.
        frequency_mhz: Of the fastest core at this moment.
        throttle_count: How often any core was throttled since the machine started.
        energy_joules: Of a counter since an unknown moment.
        power_watts: Of a sensor now, where there is no counter.
    """

    temperature_celsius: float | None
    frequency_mhz: float | None
    throttle_count: int | None
    energy_joules: float | None
    power_watts: float | None


def read(root: Path = Path("/")) -> Reading:
    """Read every sensor once.

    Args:
        root: Where ``sys`` is; a test hands in a folder of its own.
    """
    cores = "sys/devices/system/cpu"
    zones = _numbers(root, "sys/class/thermal/thermal_zone*/temp")
    clocks = _numbers(root, f"{cores}/cpu[0-9]*/cpufreq/scaling_cur_freq")
    counts = _numbers(root, f"{cores}/cpu[0-9]*/thermal_throttle/core_throttle_count")
    packages = _numbers(root, "sys/class/powercap/intel-rapl:[0-9]/energy_uj")
    # INA2xx and other monitors on boards, through the hwmon interface: microwatts.
    power = _numbers(root, "sys/class/hwmon/hwmon*/power1_input")
    warm = [zone / 1e3 for zone in zones if zone > 0]
    return Reading(
        temperature_celsius=max(warm, default=None),
        frequency_mhz=max(clocks) / 1e3 if clocks else None,
        throttle_count=int(sum(counts)) if counts else None,
        energy_joules=sum(packages) / 1e6 if packages else None,
        power_watts=sum(power) / 1e6 if power else None,
    )


@dataclass
class Watch:
    """Reads the sensors now and then while something is measured.

    Attributes:
        root: Where ``sys`` is.
        clock: Integer nanoseconds.
        readings: What was read, in order.
    """

    root: Path = Path("/")
    clock: Callable[[], int] = time.perf_counter_ns
    readings: list[Reading] = field(default_factory=list)
    _next: int = 0

    def look(self) -> None:
        """Read, unless the last time is less than a tenth of a second ago."""
        now = self.clock()
        if now >= self._next:
            self.readings.append(read(self.root))
            self._next = now + _BETWEEN_LOOKS_NS

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: temperature before, highest, after; clock likewise; whether it throttled."""
        heat = [r.temperature_celsius for r in self.readings if r.temperature_celsius is not None]
        clocks = [r.frequency_mhz for r in self.readings if r.frequency_mhz is not None]
        return {
            "temperature_before_celsius": _first(heat),
            "temperature_highest_celsius": max(heat, default=None),
            "temperature_after_celsius": _last(heat),
            "frequency_before_mhz": _first(clocks),
            "frequency_lowest_mhz": min(clocks, default=None),
            "frequency_after_mhz": _last(clocks),
            "throttled": self.throttled(),
        }

    def throttled(self) -> bool | None:
        """Whether a core was throttled meanwhile; None where nothing says."""
        counts = [r.throttle_count for r in self.readings if r.throttle_count is not None]
        clocks = [r.frequency_mhz for r in self.readings if r.frequency_mhz is not None]
        if not counts and len(clocks) < 2:
            return None
        counted = bool(counts) and counts[-1] > counts[0]
        return counted or (len(clocks) > 1 and min(clocks[1:]) < SLOWED_DOWN * clocks[0])


class EnergyMeter:
    """Joules that the whole machine drew, as far as a counter or a power sensor tells.

    A counter (RAPL) is exact but wraps; of a power sensor (INA2xx) two readings are averaged over
    the time between them. Both measure the board or the package, idle power included.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """Find the sensor once, since a burst is only milliseconds long."""
        pattern = "sys/class/powercap/intel-rapl:[0-9]"
        folders = [f for f in sorted(root.glob(pattern)) if number_in(f / "energy_uj")]
        self._counters = [(f / "energy_uj", number_in(f / "max_energy_range_uj")) for f in folders]
        monitors = sorted(root.glob("sys/class/hwmon/hwmon*/power1_input"))
        self._monitors = [path for path in monitors if number_in(path) is not None]

    @property
    def source(self) -> str | None:
        """``"rapl"``, ``"hwmon"``, or None where there is no sensor."""
        return "rapl" if self._counters else "hwmon" if self._monitors else None

    def start(self) -> tuple[int, list[float]]:
        """A moment: the clock and what each sensor says."""
        return time.perf_counter_ns(), self._values()

    def joules_since(self, moment: tuple[int, list[float]]) -> float | None:
        """What was drawn since a moment; None where there is no sensor.

        Args:
            moment: What `start` returned.
        """
        then, before = moment
        now = self._values()
        if self._counters:
            drawn = 0.0
            for (_, most), old, new in zip(self._counters, before, now, strict=True):
                drawn += new - old if new >= old else new - old + (most or 0.0)
            return drawn / 1e6
        if self._monitors:
            watts = (sum(before) + sum(now)) / 2e6
            return watts * (time.perf_counter_ns() - then) / 1e9
        return None

    def _values(self) -> list[float]:
        paths = [path for path, _ in self._counters] or self._monitors
        return [number_in(path) or 0.0 for path in paths]


def preflight(root: Path = Path("/"), sleep: Callable[[float], object] = time.sleep) -> list[str]:
    """What makes this machine a poor one to measure on, right now.

    Args:
        root: Where ``sys`` and ``proc`` are.
        sleep: Waits between two looks at what other processes do.

    Returns:
        One line each, for people; empty where nothing speaks against measuring.
    """
    found = []
    governor = text_in(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor not in _QUIET_GOVERNORS:
        found.append(
            f"the clock is left to the governor {governor!r}: set it to performance "
            "(cpupower frequency-set -g performance)"
        )
    if _is_on_battery(root):
        found.append("it runs on battery, which slows many machines down: plug it in")
    heat = read(root).temperature_celsius
    if heat is not None and heat >= HOT_CELSIUS:
        found.append(f"it is {heat:.0f} degrees hot and may throttle: let it cool down")
    busy = _busy_cores(root, sleep)
    if busy is not None and busy > BUSY_SHARE:
        found.append(f"other processes keep {busy:.1f} of its cores busy: stop them")
    return found


def _busy_cores(root: Path, sleep: Callable[[float], object]) -> float | None:
    """Cores' worth of work that other processes do; None where the system does not say."""
    before = _cpu_times(root)
    own = time.process_time()
    sleep(_LOOK_S)
    after = _cpu_times(root)
    if before is None or after is None:
        return None
    own = time.process_time() - own
    ticks = [new - old for old, new in zip(before, after, strict=True)]
    idle = ticks[3] + ticks[4]
    hertz = os.sysconf("SC_CLK_TCK")
    return max(0.0, ((sum(ticks) - idle) / hertz - own) / _LOOK_S)


def _cpu_times(root: Path) -> list[int] | None:
    """User nice system idle iowait irq softirq steal, in clock ticks over all cores."""
    line = (text_in(root / "proc/stat") or "").partition("\n")[0].split()
    if len(line) < 9 or line[0] != "cpu":
        return None
    return [int(word) for word in line[1:9]]


def _is_on_battery(root: Path) -> bool:
    """A mains supply is known and none is online."""
    supplies = sorted((root / "sys/class/power_supply").glob("*"))
    mains = [s for s in supplies if text_in(s / "type") in ("Mains", "USB")]
    batteries = [s for s in supplies if text_in(s / "type") == "Battery"]
    online = any(text_in(supply / "online") == "1" for supply in mains)
    return bool(mains and batteries) and not online


def _numbers(root: Path, pattern: str) -> list[float]:
    found: Iterable[float | None] = (number_in(path) for path in root.glob(pattern))
    return [value for value in found if value is not None]


def number_in(path: Path) -> float | None:
    """The number in a file of the system, None where there is none."""
    try:
        return float(text_in(path) or "")
    except ValueError:
        return None


def text_in(path: Path) -> str | None:
    """The text in a file of the system, None where there is none."""
    try:
        return path.read_text(errors="replace").strip(" \n\0") or None
    except OSError:
        return None


def _first(values: list[float]) -> float | None:
    return values[0] if values else None


def _last(values: list[float]) -> float | None:
    return values[-1] if values else None
