"""Targets: the machines to measure on. One file each, chosen by the scheme of an address.

``local`` and ``local://`` go to ``local.py``, ``ssh://pi@board`` goes to ``ssh.py``. A target's
module offers one name:

    connect(address) -> Target
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from littoral import plugins
from littoral.errors import InputError

if TYPE_CHECKING:
    from littoral.measurement import Measurement


@dataclass(frozen=True)
class Options:
    """How to measure, on whatever machine: the arguments of `littoral.measure_interleaved`.

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


class Target(Protocol):
    """A machine that can measure model files."""

    name: str

    def measure(
        self, files: Sequence[Path], options: Options, progress: Callable[[str], object]
    ) -> tuple[Measurement, ...]:
        """Measure files interleaved.

        Args:
            files: Model files on this machine.
            options: How.
            progress: Is told what happens now, in a few words.

        Returns:
            One measurement a file, in order.

        Raises:
            TargetError: The machine cannot be reached or used.
            LittoralError: As `littoral.measure` raises it.
        """
        ...

    def environment(self) -> dict[str, Any]:
        """The machine as `littoral.environment.describe` describes it."""
        ...


def connect(address: str) -> Target:
    """The target behind an address.

    Args:
        address: A target's name, or a URL whose scheme is one.

    Returns:
        The target.

    Raises:
        InputError: No target of that name; the message lists the ones there are.
        TargetError: It cannot be reached.
    """
    name, separator, _ = address.partition("://")
    if not name or (not separator and "/" in name):
        raise InputError(f"not a target: {address!r}; give a name such as local, or scheme://host")
    target: Target = plugins.load(sys.modules[__name__], name).connect(address)
    return target
