"""This machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from littoral import conditions, environment, scenarios
from littoral.errors import InputError, TargetError
from littoral.measurement import Measurement
from littoral.targets import Options


@dataclass(frozen=True)
class Local:
    """The machine that this process runs on."""

    name: str = "local"

    def measure(
        self, files: Sequence[Path], options: Options, progress: Callable[[str], object]
    ) -> tuple[Measurement, ...]:
        """Measure files in this process; see `littoral.targets.Target`."""
        scenario = scenarios.named(options.scenario)
        against = conditions.preflight()
        if against and options.is_strict:
            raise TargetError(f"this machine is not fit to measure on: {'; '.join(against)}")
        return tuple(
            replace(made, environment={**made.environment, "preflight": against})
            for made in scenario.measure(files, options, progress)
        )

    def environment(self) -> dict[str, Any]:
        """This machine as it is now."""
        return environment.describe()


def connect(address: str) -> Local:
    """This machine.

    Args:
        address: ``local`` or ``local://``.

    Raises:
        InputError: The address names a host.
    """
    if address not in ("local", "local://"):
        raise InputError(f"the local target takes no host: write local, not {address}")
    return Local()
