"""The clock loop: warm up, then time several calls in turn, round by round, until it is enough.

Nothing here knows about models: a call is any function without arguments, and the clock is handed
in, so that a test can run the loop on a clock of its own.

A round times a burst of each call, in an order shuffled anew (seeded). A burst lasts a few
milliseconds: long enough that the caches hold this model and not the one before it, short enough
that the machine's slow stretches fall on all of them alike.
"""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.statistics import percentile, percentile_interval, runs_needed

Call = Callable[[], object]
Clock = Callable[[], int]
Rounds = tuple[NDArray[np.int64], ...]
"""Durations of one call in ns, one array a round, in the order of measuring."""

DURATION_S = 1.0
"""The usual length of a measurement."""

BURST_NS = 4_000_000
WARMUP_WINDOW_NS = 10_000_000
WARMUP_WINDOWS = 10
STILL_WARMING = 0.97
"""A window whose median is below this share of the best one before it is still getting faster."""

NARROW = 0.02
"""The p90 interval that ends the loop early: 2% of the p90 to either side."""

MIN_ROUNDS = 3
MIN_ROUNDS_TO_STOP_EARLY = 20
MAX_ROUNDS_OF_FIXED_RUNS = 50


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Attributes:
        runs: Exactly so many timed calls of each; None leaves it to the interval and the duration.
        warmup: Exactly so many untimed calls of each first; None warms up until it gets no faster.
            After 0 nothing is known about a call's length, so the calls take turns singly.
        duration_ns: At most about so long for each; at least three rounds are always made.
        narrow: Enough is when the p90's interval reaches so little of it to either side.
    """

    runs: int | None = None
    warmup: int | None = None
    duration_ns: int = int(DURATION_S * 1e9)
    narrow: float = NARROW


def check_counts(runs: int | None, warmup: int | None, threads: int, cold_starts: int) -> None:
    """Refuse numbers that nothing can be measured by; None is left to the loop.

    Raises:
        InputError: One is too small.
    """
    for name, number, least in (
        ("runs", runs, 1),
        ("warmup", warmup, 0),
        ("threads", threads, 1),
        ("cold starts", cold_starts, 0),
    ):
        if number is not None and number < least:
            raise InputError(f"{name} must be at least {least}, not {number}")


def check_duration(seconds: float) -> None:
    """Refuse a length of time that is none.

    Raises:
        InputError: Not above 0, or without end.
    """
    if not 0 < seconds < float("inf"):
        raise InputError(f"the duration must be a positive number of seconds, not {seconds}")


class Observer:
    """Is told what the loop does, outside the timed calls. This one does nothing."""

    def warmed(self, which: int, calls: int) -> None:
        """So many untimed calls of one were made first."""

    def begins(self, which: int) -> None:
        """A burst of one call's timed runs begins."""

    def ends(self, which: int) -> None:
        """The burst is over."""


def time_in_turn(
    calls: Sequence[Call | Sequence[Call]],
    plan: Plan,
    clock: Clock = time.perf_counter_ns,
    observer: Observer | None = None,
) -> tuple[Rounds, ...]:
    """Time several calls, interleaved.

    Args:
        calls: What to time; several for one thing take turns by round.
        plan: How long.
        clock: Integer nanoseconds, monotonic.
        observer: Is told of warm-up and bursts.

    Returns:
        The rounds of each call, as many for one as for another.
    """
    watching = observer or Observer()
    with _no_garbage_collection():
        lengths = []
        sessions = [[call] if callable(call) else call for call in calls]
        for which, own in enumerate(sessions):
            warmed = [warm_up(call, plan.warmup, clock) for call in own]
            watching.warmed(which, sum(made for _, made in warmed))
            lengths.append(int(percentile([length for length, _ in warmed], 0.5)))
        turns = _Turns(sessions, clock, watching)
        if plan.runs is not None:
            return _fixed(turns, plan.runs)
        sizes = [max(1, BURST_NS // max(1, length)) for length in lengths]
        return _until_narrow(turns, sizes, plan)


def warm_up(call: Call, warmup: int | None, clock: Clock) -> tuple[int, int]:
    """Call until it gets no faster, or a given number of times.

    Args:
        call: What to warm up.
        warmup: Number of calls; None to stop when a window of 10 ms is not 3% faster than the
            best window before it, at the latest after ten windows.
        clock: Integer nanoseconds.

    Returns:
        Median length of the last window's calls in ns (`BURST_NS` when there were none), and how
        many calls were made.
    """
    if warmup is not None:
        durations = _burst(call, warmup, clock)
        return (int(percentile(durations[-100:], 0.5)) if warmup else BURST_NS), warmup
    best, made = _window(call, clock)
    for _ in range(WARMUP_WINDOWS - 1):
        length, more = _window(call, clock)
        made += more
        if length >= STILL_WARMING * best:
            return length, made
        best = length
    return best, made


def _window(call: Call, clock: Clock) -> tuple[int, int]:
    """Median length and number of the calls that fit into one warm-up window; at least one."""
    end = clock() + WARMUP_WINDOW_NS
    durations: list[int] = []
    while not durations or clock() < end:
        durations.extend(_burst(call, 1, clock).tolist())
    return int(percentile(durations, 0.5)), len(durations)


class _Turns:
    """The rounds so far, and how the next one is made."""

    def __init__(
        self, sessions: Sequence[Sequence[Call]], clock: Clock, observer: Observer
    ) -> None:
        self.clock = clock
        self._sessions = sessions
        self._observer = observer
        self._rounds: list[list[NDArray[np.int64]]] = [[] for _ in sessions]

    def take(self, sizes: Sequence[int]) -> None:
        """One round: a burst of each call, in an order shuffled anew."""
        order = list(range(len(self._sessions)))
        made = len(self._rounds[0])
        random.Random(made).shuffle(order)
        for which in order:
            own = self._sessions[which]
            call = own[made % len(own)]
            if sizes[which] > 1 and len(order) > 1:
                call()
            self._observer.begins(which)
            self._rounds[which].append(_burst(call, sizes[which], self.clock))
            self._observer.ends(which)

    @property
    def made(self) -> tuple[Rounds, ...]:
        """The rounds of each call."""
        return tuple(tuple(own) for own in self._rounds)


def _fixed(turns: _Turns, runs: int) -> tuple[Rounds, ...]:
    """Exactly `runs` timed calls of each, spread evenly over the rounds."""
    planned = min(runs, MAX_ROUNDS_OF_FIXED_RUNS)
    for index in range(planned):
        size = runs * (index + 1) // planned - runs * index // planned
        turns.take([size] * len(turns.made))
    return turns.made


def _until_narrow(turns: _Turns, sizes: Sequence[int], plan: Plan) -> tuple[Rounds, ...]:
    """Rounds until every p90 interval is narrow or the time is up."""
    end = turns.clock() + plan.duration_ns * len(sizes)
    check_at = MIN_ROUNDS_TO_STOP_EARLY
    index = 0
    while index < MIN_ROUNDS or turns.clock() < end:
        turns.take(sizes)
        index += 1
        if index == check_at:
            if all(_is_enough(own, plan.narrow) for own in turns.made):
                break
            check_at = check_at * 3 // 2
    return turns.made


def _is_enough(rounds: Rounds, narrow: float) -> bool:
    samples = np.concatenate(rounds)
    if len(samples) < runs_needed(0.99):
        return False
    return percentile_interval(samples, 0.9).is_within(narrow)


def _burst(call: Call, count: int, clock: Clock) -> NDArray[np.int64]:
    durations = np.empty(count, np.int64)
    for index in range(count):
        before = clock()
        call()
        durations[index] = clock() - before
    return durations


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection in the middle of a call would be measured as the model's."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
