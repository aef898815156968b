"""This machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from littoral import conditions, environment, samples, scenarios
from littoral.comparison import run_batches
from littoral.errors import InputError, TargetError
from littoral.loading import load
from littoral.measurement import Measurement
from littoral.subjects import runners_of
from littoral.targets import USUAL, Options, Progress, Settings

_ALL = 1 << 31


@dataclass(frozen=True)
class Local:
    """The machine that this process runs on."""

    name: str = "local"

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[Measurement, ...]:
        """Measure files in this process."""
        scenario = scenarios.named(options.scenario)
        against = conditions.preflight()
        if against and options.is_strict:
            raise TargetError(f"this machine is not fit to measure on: {'; '.join(against)}")
        return tuple(
            replace(made, environment={**made.environment, "preflight": against})
            for made in scenario.measure(files, options, progress)
        )

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer, in this process."""
        if options.samples is None:
            raise InputError("outputs of what? give data")
        values, found = options.samples, []
        ways = runners_of(len(files), options.threads, options.engine, options.options)
        for path, way in zip(files, ways, strict=True):
            progress(f"running {path.name}")
            with load(path, engine=way.engine, threads=way.threads, options=way.options) as model:
                batches = samples.of_data(values, model.inputs, most=_ALL)
                found.append(run_batches(model, batches))
        return tuple(found)

    def environment(self) -> dict[str, Any]:
        """This machine as it is now."""
        return environment.describe()

    def clean(self, progress: Progress) -> None:
        """Nothing is kept here."""

    def close(self) -> None:
        """There is no connection."""


def connect(address: str, settings: Settings = USUAL) -> Local:
    """This machine.

    Args:
        address: ``local`` or ``local://``.
        settings: Of no meaning here.

    Raises:
        InputError: The address names a host.
    """
    if address not in ("local", "local://"):
        raise InputError(f"the local target takes no host: write local, not {address}")
    return Local()
