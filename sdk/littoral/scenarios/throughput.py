"""N threads that each run their own copy of the model as fast as they can: calls a second.

A copy has one thread of its own; ``threads`` says how many copies run at once. The rate is taken
in slices of equal length: its interval is Student's t over them, so a slow stretch widens it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from littoral.clock import Call, warm_up
from littoral.environment import describe
from littoral.errors import InputError
from littoral.measurement import Measurement
from littoral.measuring import conclude
from littoral.scenarios import Options
from littoral.sidelines import shape_of
from littoral.statistics import mean_interval
from littoral.subjects import Subject, open_subjects, runners_of

SUMMARY = "--threads copies at once, as fast as they can: calls a second"
SLICES = 20


def measure(
    files: Sequence[Path], options: Options, progress: Callable[[str], object]
) -> tuple[Measurement, ...]:
    """Measure one file after the other; see `littoral.scenarios.Scenario`."""
    if options.runs is not None or options.until is not None:
        raise InputError("throughput is taken over a time: give a duration, not runs or until")
    asked = runners_of(len(files), options.threads, options.engine, options.options)
    options.check(runner.threads for runner in asked)
    runners = [replace(runner, threads=1) for runner in asked]
    with ExitStack() as stack:
        subjects = open_subjects(
            files, runners, options.samples, options.cold_starts, stack, progress
        )
        machine = describe()
        made = []
        for subject, runner in zip(subjects, asked, strict=True):
            progress(f"{runner.threads} threads on {subject.path}")
            with ExitStack() as copies:
                calls = _copies(subject, runner.threads, options, copies)
                lanes = _run_all(calls, int(options.seconds * 1e9))
            made.append(_measurement(subject, lanes, runner.threads, machine))
        return tuple(made)


Lane = tuple[NDArray[np.int64], NDArray[np.int64]]
"""One thread's calls: when each ended, counted from the start of all, and how long it took, ns."""


def _copies(subject: Subject, count: int, options: Options, stack: ExitStack) -> list[Call]:
    """`count` calls that share nothing; each is warm."""
    others = [subject.again(options.samples, stack) for _ in range(count - 1)]
    calls = [subject.call, *others]
    for call in calls:
        warm_up(call, options.warmup, time.perf_counter_ns)
    return calls


def _run_all(calls: Sequence[Call], duration_ns: int) -> list[Lane]:
    """Every call in a thread of its own, all from the same moment for the same time."""
    gate = threading.Barrier(len(calls))
    lanes: list[Lane | None] = [None] * len(calls)
    failures: list[BaseException] = []

    def run(which: int) -> None:
        try:
            lanes[which] = _lane(calls[which], gate, duration_ns)
        except BaseException as error:
            failures.append(error)
            gate.abort()

    workers = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(calls))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for failure in failures:
        if not isinstance(failure, threading.BrokenBarrierError):
            raise failure
    return [lane for lane in lanes if lane is not None]


def _lane(call: Call, gate: threading.Barrier, duration_ns: int) -> Lane:
    clock = time.perf_counter_ns
    ends: list[int] = []
    durations: list[int] = []
    gate.wait()
    started = before = clock()
    while before - started < duration_ns:
        call()
        after = clock()
        ends.append(after - started)
        durations.append(after - before)
        before = after
    return np.array(ends, np.int64), np.array(durations, np.int64)


def _measurement(
    subject: Subject, lanes: Sequence[Lane], threads: int, machine: dict[str, object]
) -> Measurement:
    ends = np.concatenate([lane[0] for lane in lanes])
    until = min(int(lane[0][-1]) for lane in lanes)  # all threads were running up to here
    edges = np.linspace(0, until, SLICES + 1)
    rates = np.histogram(ends, edges)[0] / (until / SLICES / 1e9)
    rate = mean_interval(rates.tolist())
    rounds = tuple(part for lane in lanes for part in np.array_split(lane[1], SLICES) if len(part))
    observed = {**shape_of(rounds), **rate.fields("throughput_per_s", 1, 2)}
    made = conclude(subject, rounds, machine, None, observed, "throughput")
    return replace(made, threads=threads)
