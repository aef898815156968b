"""How a connection through a program of the person's fails, and what is said then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from littoral.errors import TargetError

Faults = Sequence[tuple[str, str]]
"""Patterns of what a program says, and what each means."""


@dataclass(frozen=True)
class Ended:
    """How a connection came to its end.

    Attributes:
        code: Exit code of the program that connected.
        complaint: What it wrote to stderr.
        started: The machine had answered before.
    """

    code: int
    complaint: str
    started: bool


class ConnectionLost(TargetError):
    """Nothing more can come over this connection."""


class NoPython(TargetError):
    """The machine answers, and has no Python that littoral runs on."""


def explained(name: str, program: str, faults: Faults, ended: Ended) -> TargetError:
    """What the end of a connection means. The exit code does not tell: ssh's 255 has many causes.

    Args:
        name: What messages call the target.
        program: The one that connected.
        faults: What it says when it fails, and what that means; the first that fits counts.
        ended: How it ended.

    Returns:
        The error to raise.
    """
    last = (ended.complaint.splitlines() or [f"exit code {ended.code}"])[-1].strip()
    if ended.started:
        return ConnectionLost(
            f"{name}: the connection was lost in the middle ({last}); what was copied whole is "
            "kept there, and the same command goes on from it"
        )
    for pattern, meaning in faults:
        if re.search(pattern, ended.complaint, re.IGNORECASE):
            return ConnectionLost(f"{name}: {meaning} [{last}]")
    return ConnectionLost(f"{name}: {program} ended before anything was started there: {last}")


def not_started(name: str, program: str, error: OSError) -> TargetError:
    """The program that connects is not to be had here."""
    return TargetError(
        f"{name}: the program {program} cannot be started: {error.strerror}; install it"
    )


def silent(name: str, seconds: float) -> ConnectionLost:
    """Nothing came for so long."""
    return ConnectionLost(
        f"{name}: it does not answer any more (no sign of life for {seconds:.0f} s): is it "
        "overloaded or asleep?"
    )


def overdue(name: str, seconds: float, doing: str) -> TargetError:
    """What was asked for is not done within the person's time-out."""
    return TargetError(
        f"{name}: not done after {seconds:g} s ({doing}): allow more with --timeout, or measure "
        "less"
    )
