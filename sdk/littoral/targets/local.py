"""This machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from littoral import environment, inputs
from littoral.errors import InputError
from littoral.measure import measure_interleaved
from littoral.measurement import Measurement
from littoral.samples import Data
from littoral.targets import Options


@dataclass(frozen=True)
class Local:
    """The machine that this process runs on."""

    name: str = "local"

    def measure(
        self, files: Sequence[Path], options: Options, progress: Callable[[str], object]
    ) -> tuple[Measurement, ...]:
        """Measure files interleaved, in this process; see `littoral.targets.Target`."""
        return measure_interleaved(
            files,
            data=None if options.data is None else _samples(options.data),
            runs=options.runs,
            warmup=options.warmup,
            duration_s=options.duration_s,
            threads=options.threads,
            engine=options.engine,
            options=options.options,
            cold_starts=options.cold_starts,
            yardstick=options.yardstick,
            progress=progress,
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


def _samples(path: Path) -> Data:
    content = inputs.read(path)[0]
    if not isinstance(content, inputs.Arrays):
        raise InputError(f"{path}: expected an .npz with one array per input name, or x")
    samples: Data = content.values
    return samples
