"""Measure what users run: `Model.run`, its percentiles with intervals, cold start, memory.

measurement = littoral.measure("cnn.tflite")
measurement.latency_p90.value           # ns
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from littoral import samples
from littoral.clock import Call, Clock, Plan, Rounds, time_in_turn
from littoral.cold_start import ColdStart, cold_start
from littoral.environment import describe, is_emulated
from littoral.errors import InputError
from littoral.loading import load
from littoral.measurement import Measurement
from littoral.model import Model
from littoral.samples import Data
from littoral.statistics import Estimate, outliers, percentile, percentile_interval
from littoral.yardstick import work

Source: TypeAlias = str | os.PathLike[str] | Model
Progress = Callable[[str], object]

COLD_STARTS = 6
"""The fewest repeats whose smallest and largest bracket the median with 95% confidence."""

DURATION_S = 1.0


def measure(
    model_or_path: Source,
    *,
    data: Data | None = None,
    runs: int | None = None,
    warmup: int | None = None,
    duration_s: float | None = None,
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
    runners = _runners(len(models_or_paths), threads, engine, options or {})
    fewest = min((runner.threads for runner in runners), default=1)
    plan = _plan(models_or_paths, runs, warmup, duration_s, fewest, cold_starts)
    tell = progress or _silent
    with ExitStack() as stack:
        models = [
            _opened(source, runner, stack)
            for source, runner in zip(models_or_paths, runners, strict=True)
        ]
        calls = [_call(model, data) for model in models]
        paths = [_path(source) for source in models_or_paths]
        starts = [
            _cold_starts(path, runner, cold_starts, tell)
            for path, runner in zip(paths, runners, strict=True)
        ]
        tell(f"timing {len(calls)} file{'s' * (len(calls) > 1)} in turn")
        environment = describe()
        emulated = is_emulated()
        timed = time_in_turn([*calls, work()] if yardstick else calls, plan, clock)
        speed = percentile_interval(np.concatenate(timed[-1]), 0.5) if yardstick else None
        return tuple(
            _measurement(model, path, runner, rounds, cold, environment, emulated, speed)
            for model, path, runner, rounds, cold in zip(
                models, paths, runners, timed[: len(models)], starts, strict=True
            )
        )


@dataclass(frozen=True)
class _Runner:
    """What `load` is told of one model."""

    threads: int
    engine: str
    options: Mapping[str, Any]


def _runners(
    count: int,
    threads: int | Sequence[int],
    engine: str | Sequence[str],
    options: Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> list[_Runner]:
    """How each of `count` models is run."""
    own_threads = [threads] * count if isinstance(threads, int) else list(threads)
    own_engines = [engine] * count if isinstance(engine, str) else list(engine)
    own_options = [options] * count if isinstance(options, Mapping) else list(options)
    if not len(own_threads) == len(own_engines) == len(own_options) == count:
        raise InputError(
            f"{count} models, but threads for {len(own_threads)}, engines for {len(own_engines)} "
            f"and options for {len(own_options)}"
        )
    return list(map(_Runner, own_threads, own_engines, own_options))


def _plan(
    sources: Sequence[Source],
    runs: int | None,
    warmup: int | None,
    duration_s: float | None,
    threads: int,
    cold_starts: int,
) -> Plan:
    if not sources:
        raise InputError("nothing to measure: give at least one model file")
    if runs is not None and duration_s is not None:
        raise InputError("give runs or a duration, not both")
    for name, number, least in (
        ("runs", runs, 1),
        ("warmup", warmup, 0),
        ("threads", threads, 1),
        ("cold starts", cold_starts, 0),
    ):
        if number is not None and number < least:
            raise InputError(f"{name} must be at least {least}, not {number}")
    seconds = DURATION_S if duration_s is None else duration_s
    if not 0 < seconds < float("inf"):
        raise InputError(f"the duration must be a positive number of seconds, not {seconds}")
    return Plan(runs=runs, warmup=warmup, duration_ns=int(seconds * 1e9))


def _opened(source: Source, runner: _Runner, stack: ExitStack) -> Model:
    if isinstance(source, Model):
        return source
    model = load(source, engine=runner.engine, threads=runner.threads, options=runner.options)
    return stack.enter_context(model)


def _call(model: Model, data: Data | None) -> Call:
    """A function that runs the model on the next sample; the first call is made here, unmeasured.

    So what does not fit the model or the engine fails before anything else is done.
    """
    batches = samples.random(model.inputs) if data is None else samples.of_data(data, model.inputs)
    model.run(batches[0])
    if len(batches) == 1:
        return partial(model.run, batches[0])
    following = cycle(batches).__next__
    return lambda: model.run(following())


def _path(source: Source) -> Path | None:
    return None if isinstance(source, Model) else Path(source)


def _cold_starts(
    path: Path | None, runner: _Runner, count: int, tell: Progress
) -> tuple[ColdStart, ...]:
    if path is None or count == 0:
        return ()
    tell(f"cold start of {path.name}, {count} times")
    how = (runner.engine, runner.threads, runner.options)
    return tuple(cold_start(path, *how) for _ in range(count))


def _measurement(
    model: Model,
    path: Path | None,
    runner: _Runner,
    rounds: Rounds,
    starts: tuple[ColdStart, ...],
    environment: dict[str, Any],
    emulated: bool,
    speed: Estimate | None,
) -> Measurement:
    durations = np.concatenate(rounds)
    memory = [start.peak_memory_bytes for start in starts if start.peak_memory_bytes is not None]
    return Measurement(
        path=None if path is None else str(path),
        format=model.format,
        scheme=None if model.card is None else model.card.scheme,
        engine=model.engine,
        options=runner.options,
        threads=runner.threads,
        latency_p50=percentile_interval(durations, 0.5),
        latency_p90=percentile_interval(durations, 0.9),
        latency_p99=percentile_interval(durations, 0.99),
        runs=len(durations),
        outliers=int(outliers(durations).sum()),
        cold_start=_median([start.first_result_ns for start in starts]),
        load=_median([start.load_ns for start in starts]),
        peak_memory_bytes=int(percentile(memory, 0.5)) if memory else None,
        size_bytes=model.size_bytes,
        emulated=emulated,
        environment=environment,
        rounds=rounds,
        yardstick_p50=speed,
        accuracy=None if model.card is None else model.card.accuracy,
    )


def _median(figures: list[int]) -> Estimate | None:
    return percentile_interval(figures, 0.5) if figures else None


def _silent(what: str) -> None:
    """Tell nobody."""
