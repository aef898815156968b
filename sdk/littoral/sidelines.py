"""What goes on beside the timed calls: warm-up, energy by file, heat and clock of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from littoral.clock import Observer, Rounds
from littoral.conditions import EnergyMeter, Watch
from littoral.patterns import drift, modes, scatter
from littoral.statistics import early_stopping, percentile

_FEWEST_JOULES_BURSTS = 3


class Sidelines(Observer):
    """Keeps what the clock loop tells, and reads the sensors between bursts.

    Attributes:
        watch: Heat and clock of the machine.
    """

    def __init__(self, count: int, meter: EnergyMeter | None = None) -> None:
        """Watch over `count` calls that take turns."""
        self.watch = Watch()
        self.watch.look()
        self._meter = meter or EnergyMeter()
        self._warmups = [0] * count
        self._joules: list[list[float]] = [[] for _ in range(count)]
        self._moment: tuple[int, list[float]] | None = None

    def warmed(self, which: int, calls: int) -> None:
        """Keep it."""
        self._warmups[which] = calls

    def begins(self, which: int) -> None:
        """Read the energy counter where there is one."""
        self.watch.look()
        self._moment = self._meter.start() if self._meter.source else None

    def ends(self, which: int) -> None:
        """What the burst drew."""
        drawn = None if self._moment is None else self._meter.joules_since(self._moment)
        if drawn is not None:
            self._joules[which].append(drawn)

    def observed(self, which: int, rounds: Rounds) -> dict[str, Any]:
        """JSON-able: what was seen beside and in the durations of one call.

        Args:
            which: Its place.
            rounds: Its durations in ns.
        """
        return {
            "warmup_runs": self._warmups[which],
            "joules_per_inference": self._joules_per_call(which, len(np.concatenate(rounds))),
            "energy_source": self._meter.source,
            **shape_of(rounds),
        }

    def _joules_per_call(self, which: int, calls: int) -> float | None:
        drawn = self._joules[which]
        return sum(drawn) / calls if len(drawn) >= _FEWEST_JOULES_BURSTS and calls else None


def shape_of(rounds: Sequence[Any]) -> dict[str, Any]:
    """JSON-able: what the durations show besides their percentiles.

    Args:
        rounds: Durations in ns, one array a round.

    Returns:
        ``early_stopping_p90_us`` (`littoral.statistics.early_stopping`), ``drift`` (share from
        first to last round, None where steady), ``scatter`` (`littoral.patterns.scatter`),
        ``modes`` (two speeds in microseconds, or None).
    """
    durations = np.concatenate(rounds)
    stop = early_stopping(durations)
    humps = modes(durations)
    medians = [percentile(own, 0.5) for own in rounds]
    return {
        "early_stopping_p90_us": None if stop is None else round(stop / 1e3, 3),
        "drift": _rounded(drift(medians)),
        "scatter": _rounded(scatter(medians)),
        "modes": None
        if humps is None
        else {
            "fast_us": round(humps.fast / 1e3, 3),
            "slow_us": round(humps.slow / 1e3, 3),
            "slow_share": round(humps.slow_share, 3),
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
