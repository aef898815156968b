"""What a board needs before it can measure: littoral's own files, NumPy and an engine.

Taken in this order, and each way is proved by running a model before it counts:

1. the environment that an earlier command made;
2. the board's own Python, where the person has installed an engine for it;
3. a virtual environment, filled by the board's own pip from the network;
4. wheels chosen and fetched here, laid out there (`Settings.offline` begins with this one).
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from littoral.errors import LittoralError, TargetError
from littoral.targets import Settings
from littoral.targets._connection import ConnectionLost
from littoral.targets._packages import (
    Machine,
    NoPackages,
    NoWheel,
    choices,
    download,
    sdk_archive,
)
from littoral.targets._session import InstallFailed, Session

Progress = Callable[[str], object]
Trials = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where littoral runs on a board, in folders below its own.

    Attributes:
        sdk: Littoral's own files.
        environment: NumPy and an engine; None for what the board's Python has.
    """

    sdk: str
    environment: str | None = None


_CAUSES = (
    (r"GLIBC(XX)?_[0-9.]+.? not found", "its C or C++ library (GLIBC) is too old"),
    (r"wrong ELF class|Exec format|invalid ELF header", "wrong architecture"),
    (r"cannot open shared object", "a library of its system is missing"),
    (r"SIGILL", "its processor lacks instructions that the engine uses"),
)
"""What the system says of a library that it cannot use, and what that means."""

Try = Callable[[Place], Trials]
"""Runs the smallest model of every format in a place; see `littoral.targets._errand`."""


def prepare(
    session: Session,
    name: str,
    machine: Machine,
    formats: Sequence[str],
    settings: Settings,
    attempt: Try,
    progress: Progress,
) -> Place:
    """Find or make a place on the board that runs model files.

    Args:
        session: The connection.
        name: What messages call the board.
        machine: What its Python is.
        formats: Of the model files.
        settings: How to use it.
        attempt: Tries engines in a place there.
        progress: Is told what happens.

    Returns:
        The place; every format ran there, now or when it was made.

    Raises:
        TargetError: There is no engine for this machine, or none that its system can load.
    """
    sdk = _bring_sdk(session, progress)
    key = [*formats, machine.words, *choices(formats)]
    folder = f"environments/{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]}"
    made = Place(sdk, folder)
    if session.ask("environment", folder=folder, state="ask")["proved"]:
        return made
    own = Place(sdk)
    if "numpy" in machine.modules and not _faults(attempt, own, formats):
        return own
    session.ask("environment", folder=folder, state="drop")
    _fill(session, name, machine, formats, settings, folder, progress)
    faults = _faults(attempt, made, formats)
    if faults:
        session.ask("environment", folder=folder, state="drop")
        raise _unusable(name, machine, faults)
    session.ask("environment", folder=folder, state="keep")
    return made


def _bring_sdk(session: Session, progress: Progress) -> str:
    archive = sdk_archive()
    folder = f"sdk/{hashlib.sha256(archive).hexdigest()[:24]}"
    if not session.ask("environment", folder=folder, state="ask")["exists"]:
        with tempfile.TemporaryDirectory() as here:
            path = Path(here, "littoral.zip")
            path.write_bytes(archive)
            session.ask("unpack", folder=folder, archives=session.send([path], progress))
    return folder


def _fill(
    session: Session,
    name: str,
    machine: Machine,
    formats: Sequence[str],
    settings: Settings,
    folder: str,
    progress: Progress,
) -> None:
    """Make the environment, from the first choice of packages that exists for the board."""
    lacking: list[str] = []
    for requirements in choices(formats):
        try:
            if settings.offline or not machine.modules & {"pip", "ensurepip"}:
                _lay_out(session, requirements, machine, folder, progress)
            else:
                _install(session, requirements, machine, settings, folder, progress)
            return
        except NoWheel as error:
            lacking.append(error.package)
        except NoPackages as error:
            raise TargetError(f"{name}: {error}") from error
    hint = ""
    if "numpy" in lacking:
        hint = "; NumPy may come from the board's own system (apt-get install python3-numpy)"
    raise TargetError(
        f"{name}: wrong architecture or Python: there is no {', no '.join(dict.fromkeys(lacking))} "
        f"for {machine.words}{hint}"
    )


def _install(
    session: Session,
    requirements: Sequence[str],
    machine: Machine,
    settings: Settings,
    folder: str,
    progress: Progress,
) -> None:
    """By the board's own pip; where that fails, for example without a network, from here."""
    progress(f"installing {', '.join(requirements)} there")
    try:
        session.ask(
            "install",
            folder=folder,
            requirements=list(requirements),
            timeout_s=settings.timeout_s,
            progress=progress,
        )
    except InstallFailed as error:
        # Whether it lacks a network or the packages do not exist for it shows here more clearly.
        progress(f"its pip failed, so packages are brought from here: {error.last_line}")
        _lay_out(session, requirements, machine, folder, progress)


def _lay_out(
    session: Session,
    requirements: Sequence[str],
    machine: Machine,
    folder: str,
    progress: Progress,
) -> None:
    """Without pip or network there: wheels are fetched here, and are there only unpacked."""
    with tempfile.TemporaryDirectory() as here:
        progress(f"fetching {', '.join(requirements)} for {machine.markers['platform_machine']}")
        try:
            wheels = download(requirements, machine, Path(here))
        except NoWheel as error:
            if error.package != "numpy":
                raise
            others = [one for one in requirements if not one.startswith("numpy")]
            wheels = download(others, machine, Path(here), alone=True)
            if "numpy" not in machine.modules:
                raise
        archives = session.send(wheels, progress)
        progress("unpacking there")
        session.ask("unpack", folder=folder, archives=archives, below="site")


def _faults(attempt: Try, place: Place, formats: Sequence[str]) -> dict[str, list[str]]:
    """Why engines do not run in a place, by the format that none of them runs."""
    try:
        trials = attempt(place)
    except ConnectionLost:
        raise
    except LittoralError as error:
        # NumPy itself may not load: then no engine was tried.
        return {name: [str(error)] for name in formats}
    found = {}
    for name in formats:
        tried = [trial for trial in trials if name in trial["formats"]]
        if not any(trial["runs"] for trial in tried):
            found[name] = [f"{one['version'] or one['engine']}: {one['reason']}" for one in tried]
    return found


def _unusable(name: str, machine: Machine, faults: dict[str, list[str]]) -> TargetError:
    reasons = "; ".join(reason for found in faults.values() for reason in found)
    asked = f"{' and '.join(faults)} on {machine.words}"
    for pattern, meaning in _CAUSES:
        if re.search(pattern, reasons):
            return TargetError(f"{name}: {meaning} for {asked}: {reasons}")
    return TargetError(f"{name}: what was installed there does not run {asked}: {reasons}")
