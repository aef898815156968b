"""Single commands of the person's own ``adb`` on one device; ``LITTORAL_ADB`` names another."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from littoral.errors import InputError, TargetError
from littoral.targets._connection import Ended, explained, not_started, silent

FAULTS = (
    (r"unauthorized", "it does not trust this computer yet: unlock it and allow USB debugging"),
    (r"device offline", "it is offline: unplug it and plug it in again, or adb reconnect"),
    (r"more than one device", "there are several devices: name one (adb devices lists them)"),
    (r"no devices|device '.*' not found", "no such device: adb devices lists them"),
    (r"shell command not support|protocol fault", "its adbd is too old: Android 7 or newer"),
    (r"cannot connect to daemon|failed to start daemon", "adb's own server does not start"),
)
"""What adb says, and what that means; the first that fits counts."""

PATIENCE_S = 60.0
"""For a command that does nothing long."""

_END = "littoral-ended"


def program(serial: str) -> list[str]:
    """The words that begin every command.

    Args:
        serial: The device's, empty for the only one there is.

    Raises:
        InputError: LITTORAL_ADB is empty.
    """
    words = shlex.split(os.environ.get("LITTORAL_ADB", "adb"))
    if not words:
        raise InputError("LITTORAL_ADB is empty: expected a program, for example adb -H host")
    return words + (["-s", serial] if serial else [])


class Adb:
    """One device. Whatever it is asked is a process of its own: there is nothing to close."""

    def __init__(self, name: str, program: Sequence[str]) -> None:
        """Take what messages call the device, and the words of `program`."""
        self._name = name
        self._program = tuple(program)
        self._reached = False

    def shell(self, line: str, seconds: float = PATIENCE_S) -> tuple[int, bytes]:
        """Run a line in the device's shell.

        Args:
            line: For the shell: no part of it may come from outside without `shlex.quote`.
            seconds: How long to wait for its end.

        Returns:
            Its exit code, and what it wrote to stdout. adb's own code would not do: it is 1 for
            a lost connection too.

        Raises:
            ConnectionLost: The device cannot be reached, or fell silent.
        """
        marked = f"{line}\ns=$?; echo; echo {_END} $s"
        done = self._run(["shell", "-T", marked], seconds)
        content, mark, code = done.stdout.rpartition(f"\n{_END} ".encode())
        if not mark:
            raise self._lost(done)
        self._reached = True
        return int(code), content

    def push(self, path: Path, place: str, seconds: float) -> None:
        """Copy a file there.

        Args:
            path: The file.
            place: Where it goes.
            seconds: How long that may take.

        Raises:
            TargetError: The device cannot be reached, or has no room.
        """
        done = self._run(["push", str(path), place], seconds)
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if "No space left" in said:
            raise TargetError(f"{self._name}: no space left there: make room in {place}")
        if done.returncode and "remote" in said:
            raise TargetError(f"{self._name}: cannot write {place} there: {said.splitlines()[-1]}")
        if done.returncode:
            raise self._lost(done)
        self._reached = True

    def _run(self, words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[bytes]:
        command = [*self._program, *words]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        except OSError as error:
            raise not_started(self._name, command[0], error) from error
        except subprocess.TimeoutExpired as error:
            raise silent(self._name, seconds) from error

    def _lost(self, done: subprocess.CompletedProcess[bytes]) -> TargetError:
        complaint = (done.stderr or done.stdout).decode(errors="replace").strip()
        return explained(
            self._name, "adb", FAULTS, Ended(done.returncode, complaint, self._reached)
        )
