"""Measure what users run: `Model.run`, its percentiles with intervals, cold start, memory.

measurement = littoral.measure("cnn.tflite")
measurement.latency_p90.value           # ns
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from littoral.clock import (
    DURATION_S,
    NARROW,
    Call,
    Clock,
    Plan,
    Rounds,
    check_counts,
    check_duration,
    time_in_turn,
)
from littoral.environment import describe, is_emulated
from littoral.errors import InputError
from littoral.measurement import Measurement
from littoral.samples import Data
from littoral.sidelines import Sidelines
from littoral.statistics import Estimate, outliers, percentile, percentile_interval
from littoral.subjects import Progress, Source, Subject, open_subjects, runners_of
from littoral.yardstick import work

COLD_STARTS = 6
"""The fewest repeats whose smallest and largest bracket the median with 95% confidence."""

SESSIONS = 8
"""Times that a small file is loaded; they take turns by round. Where a session's tensors come to
lie in memory makes it faster or slower than its like for as long as it lives: an unrolled LSTM of
730 operators by up to a tenth, with a standard deviation of 3% between sessions of one process."""

MOST_LOADED_BYTES = 64_000_000
RUNS_OF_A_SESSION = 25
"""With fewer, a file is loaded once."""

LONGEST_UNTIL_S = 60.0


def measure(
    model_or_path: Source,
    *,
    data: Data | None = None,
    runs: int | None = None,
    warmup: int | None = None,
    duration_s: float | None = None,
    until: float | None = None,
    threads: int = 1,
    engine: str = "auto",
    options: Mapping[str, Any] | None = None,
    cold_starts: int = COLD_STARTS,
) -> Measurement:
    """Measure one model file.

    Args:
        model_or_path: A file, or a loaded model (then without cold start and load time).
        data: Samples to run on, as `Model.run` takes them; random ones when None.
        runs: Exactly so many timed calls. None: until the p90's interval is within 2% of it.
        warmup: Exactly so many untimed calls first. None: until it gets no faster.
        duration_s: At most about so many seconds of timed calls, 1 when None; not with `runs`.
        until: Stop once the p90's interval reaches so little of it to either side, for example
            0.01 for 1%; then the duration is 60 s at most when None. Not with `runs`.
        threads: Threads of one call.
        engine: Engine name or ``"auto"``.
        options: The engine's own options by name, as `littoral.load` takes them.
        cold_starts: Fresh processes to start; 0 leaves cold start, load and memory unknown.

    Returns:
        The measurement.

    Raises:
        InputError: An argument is out of range, or the data does not fit the model.
        ModelError: The file cannot be used.
        EngineError: The engine failed.
    """
    return measure_interleaved(
        [model_or_path],
        data=data,
        runs=runs,
        warmup=warmup,
        duration_s=duration_s,
        until=until,
        threads=threads,
        engine=engine,
        options=options,
        cold_starts=cold_starts,
    )[0]


def measure_interleaved(
    models_or_paths: Sequence[Source],
    *,
    data: Data | None = None,
    runs: int | None = None,
    warmup: int | None = None,
    duration_s: float | None = None,
    until: float | None = None,
    threads: int | Sequence[int] = 1,
    engine: str | Sequence[str] = "auto",
    options: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    cold_starts: int = COLD_STARTS,
    yardstick: bool = False,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> tuple[Measurement, ...]:
    """Measure several model files in turn, round by round, so that they can be compared.

    Args:
        models_or_paths: Files or loaded models, at least one.
        data: As for `measure`, the same for all.
        runs: As for `measure`, of each.
        warmup: As for `measure`, of each.
        duration_s: As for `measure`, of each.
        until: As for `measure`.
        threads: As for `measure`, of all or one for each, in order.
        engine: As for `measure`, of all or one for each, in order.
        options: As for `measure`, of all or one mapping for each, in order.
        cold_starts: As for `measure`, of each.
        yardstick: True times a fixed piece of work in the same rounds (`littoral.yardstick`), so
            that these figures can be compared with those of another run.
        progress: Is told what happens now, in a few words.
        clock: Integer nanoseconds, monotonic.

    Returns:
        One measurement each, in the order given; `Measurement.ratio_to` compares them.

    Raises:
        InputError: As for `measure`, or there is nothing to measure.
        ModelError: A file cannot be used.
        EngineError: An engine failed.
    """
    runners = runners_of(len(models_or_paths), threads, engine, options or {})
    fewest = min((runner.threads for runner in runners), default=1)
    plan = _plan(models_or_paths, runs, warmup, duration_s, until, fewest, cold_starts)
    tell = progress or _silent
    with ExitStack() as stack:
        subjects = open_subjects(models_or_paths, runners, data, cold_starts, stack, tell)
        tell(f"timing {len(subjects)} file{'s' * (len(subjects) > 1)} in turn")
        sessions = _sessions(subjects, data, plan, stack)
        calls: list[Call | Sequence[Call]] = list(sessions)
        if yardstick:
            calls.append(work())
        machine = describe()
        sidelines = Sidelines(len(calls))
        timed = time_in_turn(calls, plan, clock, sidelines)
        machine["conditions"] = sidelines.watch.to_dict()
        speed = percentile_interval(np.concatenate(timed[-1]), 0.5) if yardstick else None
        return tuple(
            replace(
                conclude(subject, rounds, machine, speed, sidelines.observed(which, rounds)),
                sessions=len(sessions[which]),
            )
            for which, (subject, rounds) in enumerate(zip(subjects, timed, strict=False))
        )


def _sessions(
    subjects: Sequence[Subject], data: Data | None, plan: Plan, stack: ExitStack
) -> list[list[Call]]:
    """Calls to time for each: one, or of files that are small and quick as many as `SESSIONS`."""
    seconds = max(map(_one_call_s, subjects))
    runs = plan.runs or plan.duration_ns / 1e9 / max(seconds, 1e-9)
    size = sum(subject.model.size_bytes for subject in subjects)
    are_files = all(subject.path is not None for subject in subjects)
    is_worth_it = are_files and runs >= SESSIONS * RUNS_OF_A_SESSION
    more = SESSIONS - 1 if is_worth_it and size * SESSIONS <= MOST_LOADED_BYTES else 0
    loaded = [[one.call for one in subjects]]
    loaded += [[one.again(data, stack) for one in subjects] for _ in range(more)]
    return list(map(list, zip(*loaded, strict=True)))


def _one_call_s(subject: Subject) -> float:
    started = time.perf_counter()
    subject.call()
    return time.perf_counter() - started


def conclude(
    subject: Subject,
    rounds: Rounds,
    machine: dict[str, Any],
    speed: Estimate | None,
    observed: Mapping[str, Any],
    scenario: str = "single_stream",
) -> Measurement:
    """The figures of one model, from its durations.

    Args:
        subject: What was timed.
        rounds: Durations in ns, one array a round.
        machine: `littoral.environment.describe`.
        speed: Of the yardstick, in ns.
        observed: JSON-able figures beside the latencies, see `Measurement.observed`.
        scenario: How it was asked.
    """
    durations = np.concatenate(rounds)
    model, starts = subject.model, subject.starts
    return Measurement(
        path=None if subject.path is None else str(subject.path),
        format=model.format,
        scheme=None if model.card is None else model.card.scheme,
        engine=model.engine,
        options=subject.runner.options,
        threads=subject.runner.threads,
        latency_p50=percentile_interval(durations, 0.5),
        latency_p90=percentile_interval(durations, 0.9),
        latency_p99=percentile_interval(durations, 0.99),
        runs=len(durations),
        outliers=int(outliers(durations).sum()),
        cold_start=_median([start.first_result_ns for start in starts]),
        load=_median([start.load_ns for start in starts]),
        peak_memory_bytes=_median_bytes(start.peak_memory_bytes for start in starts),
        model_memory_bytes=_median_bytes(start.model_memory_bytes for start in starts),
        size_bytes=model.size_bytes,
        emulated=is_emulated(),
        environment=machine,
        rounds=rounds,
        yardstick_p50=speed,
        accuracy=None if model.card is None else model.card.accuracy,
        scenario=scenario,
        observed=observed,
    )


def _median_bytes(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return int(percentile(known, 0.5)) if known else None


def _plan(
    sources: Sequence[Source],
    runs: int | None,
    warmup: int | None,
    duration_s: float | None,
    until: float | None,
    threads: int,
    cold_starts: int,
) -> Plan:
    if not sources:
        raise InputError("nothing to measure: give at least one model file")
    if runs is not None and (duration_s is not None or until is not None):
        raise InputError("give runs, or a duration and how narrow the interval must be, not both")
    check_counts(runs, warmup, threads, cold_starts)
    if until is not None and not 0 < until < 1:
        raise InputError(f"until is a share such as 0.02 (2%), not {until}")
    usual = DURATION_S if until is None else LONGEST_UNTIL_S
    seconds = usual if duration_s is None else duration_s
    check_duration(seconds)
    narrow = NARROW if until is None else until
    return Plan(runs=runs, warmup=warmup, duration_ns=int(seconds * 1e9), narrow=narrow)


def _median(figures: list[int]) -> Estimate | None:
    return percentile_interval(figures, 0.5) if figures else None


def _silent(what: str) -> None:
    """Tell nobody."""
