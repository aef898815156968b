"""Targets: the machines to measure on. One file each, chosen by the scheme of an address.

``local`` and ``local://`` go to ``local.py``, ``ssh://pi@board`` goes to ``ssh.py``. A target's
module offers one name:

    connect(address) -> Target
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from littoral import plugins
from littoral.errors import InputError
from littoral.scenarios import Options as Options

if TYPE_CHECKING:
    from littoral.measurement import Measurement


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
