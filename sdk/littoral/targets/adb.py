"""Android devices behind adb: ``adb://serial[/folder]``; ``adb://`` for the only one there is.

The person's own ``adb`` connects; ``LITTORAL_ADB`` names another program. What measures is a Python
on the device: one in PATH, Termux's, or one pushed to ``/data/local/tmp/python``; where there is
none, an app that has littoral's benchmark activity. ``adb://serial?app=PACKAGE`` chooses the app.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from littoral.errors import InputError, TargetError
from littoral.measurement import Measurement
from littoral.targets import USUAL, Options, Progress, Settings, Target
from littoral.targets._activity import Activity
from littoral.targets._adb_commands import FAULTS, Adb, program
from littoral.targets._address import checked_folder
from littoral.targets._app import App
from littoral.targets._board import Board
from littoral.targets._connection import Ended, NoPython, explained
from littoral.targets._session import Session, start_command

_SERIAL = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:-]*|")
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+")
_Answer = TypeVar("_Answer")


class Device:
    """A device that is measured in its Python, or in an app where it has none.

    Which of the two is found out at first use, and kept.
    """

    def __init__(self, name: str, board: Board, app: App) -> None:
        """Take both ways; none is used yet."""
        self.name = name
        self._board = board
        self._app = app
        self._way: Target | None = None

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[Measurement, ...]:
        """Measure files interleaved, there."""
        return self._ask(lambda way: way.measure(files, options, progress))

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer, there."""
        return self._ask(lambda way: way.outputs(files, options, progress))

    def environment(self) -> dict[str, Any]:
        """The device as it is now."""
        return self._ask(lambda way: way.environment())

    def clean(self, progress: Progress) -> None:
        """Remove everything that littoral put there, for either way."""
        with contextlib.suppress(NoPython):
            self._board.clean(progress)
        self._app.clean(progress)

    def close(self) -> None:
        """End what goes on; the next use begins anew."""
        self._board.close()
        self._app.close()

    def _ask(self, ask: Callable[[Target], _Answer]) -> _Answer:
        if self._way is None:
            try:
                answer = ask(self._board)
            except NoPython as error:
                if not self._app.is_there():
                    raise TargetError(
                        f"{error}, or install an app with littoral's benchmark activity "
                        "(android/README.md)"
                    ) from error
                self._way = self._app
            else:
                self._way = self._board
                return answer
        return ask(self._way)


def connect(address: str, settings: Settings = USUAL) -> Target:
    """A device; the connection is made when it is first used.

    Args:
        address: ``adb://serial[/folder]``, or ``adb://serial?app=PACKAGE``.
        settings: How to use it.

    Raises:
        InputError: Not such an address.
    """
    place, mark, query = address.removeprefix("adb://").partition("?")
    serial, slash, folder = place.partition("/")
    if not _SERIAL.fullmatch(serial):
        raise InputError(f"{address!r}: {serial!r} is no serial number (adb devices lists them)")
    root = checked_folder(folder, address) if slash else None
    package = _package(query if mark else None, settings.app, address)
    name = settings.name or address
    words = program(serial)
    app = App(name, Activity(name, Adb(name, words), package, settings.timeout_s))
    if package is not None:
        if root is not None:
            raise InputError(f"{address!r}: an app reads from a folder of ours: leave {root} out")
        return app
    command = [*words, "shell", "-T", start_command(settings.python)]

    def explain(ended: Ended) -> TargetError:
        return explained(name, "adb", FAULTS, ended)

    board = Board(name, lambda: Session(name, command, explain), root, settings)
    return board if settings.python is not None else Device(name, board, app)


def _package(query: str | None, usual: str | None, address: str) -> str | None:
    """The app of an address, else of the inventory; checked."""
    if query is None:
        package = usual
    else:
        key, _, package = query.partition("=")
        if key != "app":
            raise InputError(f"{address!r}: behind the ? stands app=PACKAGE, not {query!r}")
    if package is not None and not _PACKAGE.fullmatch(package):
        raise InputError(f"{address!r}: {package!r} is no app's package, such as com.example.bench")
    return package
