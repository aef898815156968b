"""What is measured: a loaded model, the call to time, and what a fresh process took.

Every scenario begins here, so that what does not fit a model or an engine fails before anything
else is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

from littoral import samples
from littoral.clock import Call
from littoral.cold_start import ColdStart, cold_start
from littoral.errors import InputError
from littoral.loading import load
from littoral.model import Model
from littoral.samples import Data

Source: TypeAlias = str | os.PathLike[str] | Model
Progress = Callable[[str], object]


@dataclass(frozen=True)
class Runner:
    """What `load` is told of one model.

    Attributes:
        threads: Threads of one call.
        engine: Engine name or ``"auto"``.
        options: The engine's own options by name.
    """

    threads: int
    engine: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A model that is ready to be timed.

    Attributes:
        model: Loaded; it has run once.
        path: The file; None for a model that was handed in.
        runner: How it was loaded.
        call: Runs it on the next sample.
        starts: What fresh processes took; empty where none was started.
    """

    model: Model
    path: Path | None
    runner: Runner
    call: Call
    starts: tuple[ColdStart, ...]

    def again(self, data: Data | None, stack: ExitStack) -> Call:
        """The same file loaded once more, for another thread: its call.

        Args:
            data: As for `open_subjects`.
            stack: Closes the model.

        Raises:
            InputError: The model was handed in, so there is no file.
        """
        if self.path is None:
            raise InputError("a model that was handed in runs in one thread: give its file")
        return call_of(_opened(self.path, self.runner, stack), data)


def open_subjects(
    sources: Sequence[Source],
    runners: Sequence[Runner],
    data: Data | None,
    cold_starts: int,
    stack: ExitStack,
    tell: Progress,
) -> list[Subject]:
    """Load every model, let each run once, then start the fresh processes.

    Args:
        sources: Files or loaded models.
        runners: How each is loaded, see `runners_of`.
        data: Samples as `Model.run` takes them, the same for all; random ones when None.
        cold_starts: Fresh processes to start for each.
        stack: Closes the models that were opened here.
        tell: Is told what happens now.

    Raises:
        InputError: The data does not fit.
        ModelError: A file cannot be used.
        EngineError: An engine failed.
    """
    pairs = list(zip(sources, runners, strict=True))
    models = [_opened(source, runner, stack) for source, runner in pairs]
    calls = [call_of(model, data) for model in models]
    paths = [None if isinstance(source, Model) else Path(source) for source in sources]
    starts = [
        _cold_starts(path, runner, cold_starts, tell)
        for path, runner in zip(paths, runners, strict=True)
    ]
    return list(map(Subject, models, paths, runners, calls, starts))


def runners_of(
    count: int,
    threads: int | Sequence[int],
    engine: str | Sequence[str],
    options: Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> list[Runner]:
    """How each of `count` models is run.

    Args:
        count: Of models.
        threads: Of all, or one for each.
        engine: Of all, or one for each.
        options: Of all, or one mapping for each.

    Raises:
        InputError: Another number of them than of models.
    """
    own_threads = [threads] * count if isinstance(threads, int) else list(threads)
    own_engines = [engine] * count if isinstance(engine, str) else list(engine)
    own_options = [options] * count if isinstance(options, Mapping) else list(options)
    if not len(own_threads) == len(own_engines) == len(own_options) == count:
        raise InputError(
            f"{count} models, but threads for {len(own_threads)}, engines for {len(own_engines)} "
            f"and options for {len(own_options)}"
        )
    return list(map(Runner, own_threads, own_engines, own_options))


def call_of(model: Model, data: Data | None) -> Call:
    """A function that runs the model on the next sample; the first call is made here, unmeasured.

    Args:
        model: The model.
        data: Samples as `Model.run` takes them; random ones when None.
    """
    batches = samples.random(model.inputs) if data is None else samples.of_data(data, model.inputs)
    model.run(batches[0])
    if len(batches) == 1:
        return partial(model.run, batches[0])
    following = cycle(batches).__next__
    return lambda: model.run(following())


def _opened(source: Source, runner: Runner, stack: ExitStack) -> Model:
    if isinstance(source, Model):
        return source
    model = load(source, engine=runner.engine, threads=runner.threads, options=runner.options)
    return stack.enter_context(model)


def _cold_starts(
    path: Path | None, runner: Runner, count: int, tell: Progress
) -> tuple[ColdStart, ...]:
    if path is None or count == 0:
        return ()
    tell(f"cold start of {path.name}, {count} times")
    how = (runner.engine, runner.threads, runner.options)
    return tuple(cold_start(path, *how) for _ in range(count))
