"""One call after the other, in one thread, several files in turn: how long does a call take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from littoral.measurement import Measurement
from littoral.measuring import measure_interleaved
from littoral.scenarios import Options

SUMMARY = "one call after the other: how long a call takes (MLPerf's figure is the p90)"


def measure(
    files: Sequence[Path], options: Options, progress: Callable[[str], object]
) -> tuple[Measurement, ...]:
    """Measure; see `littoral.scenarios.Scenario`."""
    return measure_interleaved(
        files,
        data=options.samples,
        runs=options.runs,
        warmup=options.warmup,
        duration_s=options.duration_s,
        until=options.until,
        threads=options.threads,
        engine=options.engine,
        options=options.options,
        cold_starts=options.cold_starts,
        yardstick=options.yardstick,
        progress=progress,
    )
