"""What one model file does on one machine: the figures, and their JSON form both ways.

measurement.latency_p90.value           # ns
measurement.to_dict()                   # what `littoral bench --json` prints
Measurement.from_dict(fields, machine)  # back, for example from another machine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.clock import Rounds
from littoral.errors import InputError
from littoral.statistics import Estimate, paired_ratio, percentile

_AS_THEY_ARE = (
    *("path", "format", "scheme", "engine", "threads", "runs", "outliers"),
    *("peak_memory_bytes", "size_bytes", "emulated"),
)
"""Fields that JSON holds as the class does."""

OBSERVED = (
    *("warmup_runs", "early_stopping_p90_us", "drift", "scatter", "modes"),
    *("joules_per_inference", "energy_source"),
    *("throughput_per_s", "throughput_per_s_low", "throughput_per_s_high"),
    *("period_us", "missed_share", "missed_share_low", "missed_share_high"),
    *("jitter_p50_us", "jitter_p99_us"),
)
"""Figures of a scenario or a sensor, beside the latencies."""


@dataclass(frozen=True)
class Measurement:
    """How one model file runs on one machine.

    Attributes:
        path: The file; None for a model that was loaded from bytes.
        format: ``"tflite"`` or ``"onnx"``.
        scheme: From the file's card, None without one.
        engine: The engine that ran it.
        options: The engine's own options that it ran with, by name.
        threads: Threads of one call.
        latency_p50: Of one `Model.run`, in ns, with its 95% interval; `latency_p90` and
            `latency_p99` likewise.
        runs: Timed calls.
        outliers: Those whose modified z-score is beyond 3.5; they are counted, not left out.
        cold_start: Fresh process to first result, in ns: median with its 95% interval; None where
            it was not measured.
        load: A load of the file in a process that has the engine, in ns: median with interval.
        peak_memory_bytes: Of the fresh process, median; None where the system does not say.
        model_memory_bytes: What a further load of the file and one run added to that process, the
            engine being there, median; None where the system does not say.
        size_bytes: Of the file.
        accuracy: Share of right answers that the file's card says its proof found, 0 to 1; None
            where it says nothing.
        emulated: The processor is emulated, so the times say nothing about a real one.
        environment: `littoral.environment.describe`.
        rounds: The durations of the timed calls in ns, in order, one array a round; empty where
            only the figures are known.
        yardstick_p50: Of `littoral.yardstick.work` in the same rounds, in ns with its interval: how
            fast the machine was then; None where it was left out.
        target: The machine, as ``--target`` names it.
        scenario: How it was asked: a file of `littoral.scenarios`.
        observed: What else was seen, JSON-able by name: `OBSERVED` lists the names, with None for
            what was not looked for or has no sensor.
        sessions: How often the file was loaded; they took turns by round.
    """

    path: str | None
    format: str
    scheme: str | None
    engine: str
    threads: int
    latency_p50: Estimate
    latency_p90: Estimate
    latency_p99: Estimate
    runs: int
    outliers: int
    cold_start: Estimate | None
    load: Estimate | None
    peak_memory_bytes: int | None
    size_bytes: int
    emulated: bool
    environment: dict[str, Any] = field(repr=False)
    rounds: Rounds = field(repr=False, compare=False)
    yardstick_p50: Estimate | None = None
    target: str = "local"
    accuracy: float | None = None
    scenario: str = "single_stream"
    observed: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    model_memory_bytes: int | None = None
    sessions: int = field(default=1, compare=False)

    @property
    def samples(self) -> NDArray[np.int64]:
        """All timed durations in ns, in the order of measuring."""
        return np.concatenate(self.rounds)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: latencies in microseconds, cold start and load in milliseconds."""
        return {
            "target": self.target,
            "scenario": self.scenario,
            "path": self.path,
            "format": self.format,
            "scheme": self.scheme,
            "engine": self.engine,
            "options": dict(self.options),
            "threads": self.threads,
            "runs": self.runs,
            "outliers": self.outliers,
            **_fields("latency_p50_us", self.latency_p50, 1e-3),
            **_fields("latency_p90_us", self.latency_p90, 1e-3),
            **_fields("latency_p99_us", self.latency_p99, 1e-3),
            **_fields("cold_start_ms", self.cold_start, 1e-6),
            "load_ms": None if self.load is None else self.load.scaled(1e-6, 3)[0],
            "peak_memory_bytes": self.peak_memory_bytes,
            "model_memory_bytes": self.model_memory_bytes,
            "size_bytes": self.size_bytes,
            "accuracy": self.accuracy,
            **_fields("yardstick_p50_us", self.yardstick_p50, 1e-3),
            "emulated": self.emulated,
            **{name: self.observed.get(name) for name in OBSERVED},
        }

    @classmethod
    def from_dict(
        cls, fields: Mapping[str, Any], environment: dict[str, Any], rounds: Rounds = ()
    ) -> Measurement:
        """Read back what `to_dict` wrote, for example on another machine.

        Args:
            fields: One of the ``measurements`` of ``littoral bench --json``.
            environment: The ``environment`` beside them.
            rounds: The timed calls in ns, where they came along.

        Raises:
            InputError: A figure is missing or of another type.
        """
        try:
            load_ms = fields["load_ms"]
            return cls(
                **{name: fields[name] for name in _AS_THEY_ARE},
                options=fields.get("options", {}),
                latency_p50=_known(fields, "latency_p50_us", 1e3),
                latency_p90=_known(fields, "latency_p90_us", 1e3),
                latency_p99=_known(fields, "latency_p99_us", 1e3),
                cold_start=Estimate.of_fields(fields, "cold_start_ms", 1e6),
                load=None if load_ms is None else Estimate(load_ms * 1e6),
                yardstick_p50=Estimate.of_fields(fields, "yardstick_p50_us", 1e3),
                environment=environment,
                rounds=rounds,
                target=fields.get("target", "local"),
                accuracy=fields.get("accuracy"),
                model_memory_bytes=fields.get("model_memory_bytes"),
                scenario=fields.get("scenario", "single_stream"),
                observed={name: fields.get(name) for name in OBSERVED},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not a measurement that littoral wrote: {error!r}") from error

    def ratio_to(self, other: Measurement, fraction: float = 0.5) -> Estimate:
        """How many times as long this one takes as another that was measured in the same rounds.

        Args:
            other: From the same call of `measure_interleaved`.
            fraction: Of each round's calls, the percentile that is compared.

        Returns:
            Median over the rounds of the ratio of the rounds' percentiles, with its 95% interval;
            where the files were loaded several times, it holds what other loads would have given.

        Raises:
            InputError: The two were not measured together, or on an emulator.
        """
        if self.emulated or other.emulated:
            raise InputError("figures from an emulated processor cannot be compared")
        if not self.rounds or len(self.rounds) != len(other.rounds):
            raise InputError("only measurements of the same rounds can be compared by pairs")
        sides = [[percentile(own, fraction) for own in one.rounds] for one in (self, other)]
        return paired_ratio(sides[0], sides[1], min(self.sessions, other.sessions))


def _fields(name: str, estimate: Estimate | None, factor: float) -> dict[str, float | None]:
    """A figure under its name, its interval under the name with ``_low`` and ``_high``."""
    if estimate is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return estimate.fields(name, factor, 3)


def _known(fields: Mapping[str, Any], name: str, factor: float) -> Estimate:
    found = Estimate.of_fields(fields, name, factor)
    if found is None:
        raise KeyError(name)
    return found
