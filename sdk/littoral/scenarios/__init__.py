"""Scenarios: how a device asks its models. One file each; the file's name is the scenario's.

    single_stream   one call after the other, in one thread: how long does a call take
    throughput      N threads, each with its own copy: how many calls a second
    deadline        a sample arrives every so often, late or not: how many answers come too late

A scenario's module offers two names:

    SUMMARY: str
    measure(files, options, progress) -> tuple[Measurement, ...]

The names are MLPerf's where it has them ("MLPerf Inference Benchmark", Reddi et al. 2020).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from littoral import inputs, plugins
from littoral.clock import DURATION_S, check_counts, check_duration
from littoral.samples import Data

if TYPE_CHECKING:
    from littoral.measurement import Measurement


@dataclass(frozen=True)
class Options:
    """How to measure, on whatever machine.

    Attributes:
        runs: Exactly so many timed calls of each file, or None.
        warmup: Exactly so many untimed calls of each file first, or None.
        duration_s: At most so many seconds of timed calls a file, or None.
        threads: Threads of one call, of all files or one for each.
        engine: Engine name or ``"auto"``, of all files or one for each.
        options: The engine's own options by name, of all files or one mapping for each.
        data: An ``.npz`` with the samples to run on, or None for random ones.
        cold_starts: Fresh processes to start for each file.
        yardstick: Time `littoral.yardstick.work` beside them.
        scenario: A file of this folder.
        until: Stop once the p90's interval reaches so little of it to either side, or None.
        is_strict: Refuse a machine that is not quiet (`littoral.conditions.preflight`).
        period_s: Of the ``deadline`` scenario: a new sample arrives every so many seconds.
    """

    runs: int | None = None
    warmup: int | None = None
    duration_s: float | None = None
    threads: int | Sequence[int] = 1
    engine: str | Sequence[str] = "auto"
    options: Mapping[str, Any] | Sequence[Mapping[str, Any]] = field(default_factory=dict)
    data: Path | None = None
    cold_starts: int = 6
    yardstick: bool = False
    scenario: str = "single_stream"
    until: float | None = None
    period_s: float | None = None
    is_strict: bool = False

    @property
    def seconds(self) -> float:
        """`duration_s`, or the usual one."""
        return DURATION_S if self.duration_s is None else self.duration_s

    def check(self, threads: Iterable[int] = ()) -> None:
        """Refuse numbers that nothing can be measured by.

        Args:
            threads: Of each file, where they are known.

        Raises:
            InputError: One is too small, or a duration is none.
        """
        check_counts(self.runs, self.warmup, min(threads, default=1), self.cold_starts)
        check_duration(self.seconds)

    @property
    def samples(self) -> Data | None:
        """The content of `data`.

        Raises:
            InputError: The file cannot be read or holds no arrays by input name.
        """
        if self.data is None:
            return None
        values: Data = inputs.read_arrays(self.data).values
        return values


class Scenario(Protocol):
    """What a scenario's module offers."""

    SUMMARY: str

    def measure(
        self, files: Sequence[Path], options: Options, progress: Callable[[str], object]
    ) -> tuple[Measurement, ...]:
        """Measure files, one measurement each, in order.

        Args:
            files: Model files.
            options: How.
            progress: Is told what happens now, in a few words.

        Raises:
            LittoralError: As `littoral.measure` raises it.
        """
        ...


def named(name: str) -> Scenario:
    """The scenario of a name.

    Args:
        name: Hyphens and underscores are the same.

    Raises:
        InputError: No such scenario; the message lists the ones there are.
    """
    return cast(Scenario, plugins.load(sys.modules[__name__], name.replace("-", "_")))
