"""Targets: the machines to measure on. One file each, chosen by the scheme of an address.

``local`` and ``local://`` go to ``local.py``, ``ssh://pi@board`` goes to ``ssh.py``. A target's
module offers one name:

    connect(address, settings) -> Target

A name that is no scheme is looked up in the person's `targets.toml`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from littoral import plugins
from littoral.errors import InputError
from littoral.scenarios import Options as Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from littoral.measurement import Measurement


Progress = Callable[[str], object]
"""Is told what happens now, in a few words."""


@dataclass(frozen=True)
class Settings:
    """How to use a machine that is not this one.

    Attributes:
        name: What people call it; None for its address.
        offline: It must not use a network of its own: what it needs is brought from here.
        timeout_s: Seconds that one measurement, or one installation, may take there.
        python: Path of the Python to use there, None to look for one.
        app: Package of the Android app to measure in, None to look for one where there is no
            Python.
    """

    name: str | None = None
    offline: bool = False
    timeout_s: float = 1800.0
    python: str | None = None
    app: str | None = None


USUAL = Settings()


class Target(Protocol):
    """A machine that can measure model files."""

    name: str

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
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

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer to data.

        Args:
            files: Model files on this machine.
            options: The data, the engine and its threads.
            progress: Is told what happens now, in a few words.

        Returns:
            For each file its outputs by name in real units, samples along the first axis.

        Raises:
            TargetError: The machine cannot be reached or used.
            LittoralError: As `littoral.load` and `Model.run` raise it.
        """
        ...

    def environment(self) -> dict[str, Any]:
        """The machine as `littoral.environment.describe` describes it."""
        ...

    def clean(self, progress: Progress) -> None:
        """Remove what littoral keeps on the machine between two commands.

        Args:
            progress: Is told what happens now, in a few words.

        Raises:
            TargetError: The machine cannot be reached or used.
        """
        ...

    def close(self) -> None:
        """End the connection, if there is one."""
        ...


def connect(address: str, *, offline: bool = False, timeout_s: float | None = None) -> Target:
    """The target behind an address.

    Args:
        address: A target's name, a name of the inventory, or a URL whose scheme is a target's.
        offline: See `Settings`; the inventory may say so too.
        timeout_s: See `Settings`; None leaves it to the inventory.

    Returns:
        The target. A machine elsewhere is connected to when it is first used.

    Raises:
        InputError: No target of that name; the message lists the ones there are.
    """
    from littoral.targets import _inventory

    url, settings = _inventory.find(address)
    if offline:
        settings = replace(settings, offline=True)
    if timeout_s is not None:
        settings = replace(settings, timeout_s=timeout_s)
    if not 0 < settings.timeout_s < float("inf"):
        raise InputError(f"the time-out must be a positive number of seconds, not {timeout_s}")
    scheme = url.partition("://")[0]
    target: Target = plugins.load(sys.modules[__name__], scheme).connect(url, settings)
    return target
