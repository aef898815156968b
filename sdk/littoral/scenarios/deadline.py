"""A sample arrives every period, whether the last answer is there or not: which come too late.

Every latency is counted from the moment at which its sample was due, not from when the model got
round to it. A load generator that waits for the last answer before it asks again leaves out just
the samples that had to queue ("coordinated omission", Tene, "How NOT to Measure Latency", 2013).
An answer that is not there when the next sample is due has missed its deadline. Jitter is how far
the moments of the answers stray from the period.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.clock import Call, Clock, warm_up
from littoral.environment import describe
from littoral.errors import InputError
from littoral.measurement import Measurement
from littoral.measuring import conclude
from littoral.proportions import proportion_interval
from littoral.scenarios import Options
from littoral.sidelines import shape_of
from littoral.statistics import percentile
from littoral.subjects import open_subjects, runners_of

SUMMARY = "a sample every --period: the share of answers that come too late, and jitter"
_SPIN_NS = 200_000
"""The last stretch before a sample is due is waited for awake: a sleep may end late."""

_ROUNDS = 20


def measure(
    files: Sequence[Path], options: Options, progress: Callable[[str], object]
) -> tuple[Measurement, ...]:
    """Measure one file after the other; see `littoral.scenarios.Scenario`."""
    if options.period_s is None or not 0 < options.period_s < float("inf"):
        raise InputError("the deadline scenario needs a period: how often a sample arrives")
    if options.until is not None or (options.runs is not None and options.duration_s is not None):
        raise InputError("the deadline scenario takes runs or a duration")
    period_ns = int(options.period_s * 1e9)
    runners = runners_of(len(files), options.threads, options.engine, options.options)
    options.check(runner.threads for runner in runners)
    usual = max(1, int(options.seconds / options.period_s))
    count = usual if options.runs is None else options.runs
    with ExitStack() as stack:
        subjects = open_subjects(
            files, runners, options.samples, options.cold_starts, stack, progress
        )
        machine = describe()
        made = []
        for subject in subjects:
            progress(f"{count} samples for {subject.path}, one every {options.period_s:g} s")
            warm_up(subject.call, options.warmup, time.perf_counter_ns)
            answered = stream(subject.call, count, period_ns)
            rounds = tuple(np.array_split(answered, min(_ROUNDS, count)))
            observed = {**shape_of(rounds), **figures(answered, period_ns)}
            made.append(conclude(subject, rounds, machine, None, observed, "deadline"))
        return tuple(made)


def stream(
    call: Call,
    count: int,
    period_ns: int,
    clock: Clock = time.perf_counter_ns,
    sleep: Callable[[float], object] = time.sleep,
) -> NDArray[np.int64]:
    """Ask `count` times, once a period.

    Args:
        call: Runs the model on the next sample.
        count: Samples.
        period_ns: Between two of them.
        clock: Integer nanoseconds.
        sleep: Waits so many seconds.

    Returns:
        ``[count]``: by sample, from when it was due to when its answer was there, in ns.
    """
    answered = np.empty(count, np.int64)
    started = clock()
    for index in range(count):
        due = started + index * period_ns
        left = due - clock()
        if left > _SPIN_NS:
            sleep((left - _SPIN_NS) / 1e9)
        while clock() < due:
            pass
        call()
        answered[index] = clock() - due
    return answered


def figures(answered: NDArray[np.int64], period_ns: int) -> dict[str, Any]:
    """JSON-able: the deadline's figures.

    Args:
        answered: What `stream` returned.
        period_ns: As given to it.
    """
    missed = proportion_interval(int(np.count_nonzero(answered > period_ns)), len(answered))
    strays = np.abs(np.diff(answered)) if len(answered) > 1 else np.zeros(1, np.int64)
    return {
        "period_us": period_ns / 1e3,
        "missed_share": missed.value,
        "missed_share_low": missed.low,
        "missed_share_high": missed.high,
        "jitter_p50_us": percentile(strays, 0.5) / 1e3,
        "jitter_p99_us": percentile(strays, 0.99) / 1e3,
    }
