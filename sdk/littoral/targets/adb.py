"""Android devices behind adb: ``adb://serial[/folder]``; ``adb://`` for the only one there is.

The person's own ``adb`` connects; ``LITTORAL_ADB`` names another program. On the device this needs
a Python: one in PATH, Termux's, or one pushed to ``/data/local/tmp/python``. There is no way yet to
measure inside an app on a device without Python.
"""

from __future__ import annotations

import os
import re
import shlex

from littoral.errors import InputError, TargetError
from littoral.targets import USUAL, Settings
from littoral.targets._address import checked_folder
from littoral.targets._board import Board
from littoral.targets._session import Ended, Session, explained, start_command

_SERIAL = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:-]*|")

_FAULTS = (
    (r"unauthorized", "it does not trust this computer yet: unlock it and allow USB debugging"),
    (r"device offline", "it is offline: unplug it and plug it in again, or adb reconnect"),
    (r"more than one device", "there are several devices: name one (adb devices lists them)"),
    (r"no devices|device '.*' not found", "no such device: adb devices lists them"),
    (r"shell command not support|protocol fault", "its adbd is too old: Android 7 or newer"),
    (r"cannot connect to daemon|failed to start daemon", "adb's own server does not start"),
)
"""What adb says, and what that means; the first that fits counts."""


def connect(address: str, settings: Settings = USUAL) -> Board:
    """A device; the connection is made when it is first used.

    Args:
        address: ``adb://serial[/folder]``.
        settings: How to use it.

    Raises:
        InputError: Not such an address.
    """
    serial, slash, folder = address.removeprefix("adb://").partition("/")
    if not _SERIAL.fullmatch(serial):
        raise InputError(f"{address!r}: {serial!r} is no serial number (adb devices lists them)")
    name = settings.name or address
    command = shlex.split(os.environ.get("LITTORAL_ADB", "adb"))
    if not command:
        raise InputError("LITTORAL_ADB is empty: expected a program, for example adb -H host")
    command += ["-s", serial] if serial else []
    command += ["shell", "-T", start_command(settings.python)]

    def explain(ended: Ended) -> TargetError:
        return explained(name, "adb", _FAULTS, ended)

    root = checked_folder(folder, address) if slash else None
    return Board(name, lambda: Session(name, command, explain), root, settings)
