"""A machine with a Python of its own, behind any connection: what ssh and adb have in common.

    measure: connect -> prepare (littoral and an engine) -> send files -> errand -> answer

Everything on the board lies in one folder and is found again by digest, so that a second command
copies nothing. The connection is made at first use and kept for all that follows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import errors
from littoral.errors import EngineCrashed, LittoralError, TargetError
from littoral.measurement import Measurement
from littoral.targets import Options, Progress, Settings
from littoral.targets._cargo import Cargo, pack
from littoral.targets._connection import overdue
from littoral.targets._errand import options_to_json
from littoral.targets._packages import Machine
from littoral.targets._preparation import Place, prepare
from littoral.targets._session import Session

_NOTHING = Cargo((), (), {})


class Board:
    """One board; see `littoral.targets.Target`."""

    def __init__(
        self, name: str, connect: Callable[[], Session], folder: str | None, settings: Settings
    ) -> None:
        """Remember how to reach it.

        Args:
            name: What people call it.
            connect: Makes the connection.
            folder: Where its things go, None for the usual place.
            settings: How to use it.
        """
        self.name = name
        self._connect = connect
        self._folder = folder
        self._settings = settings
        self._session: Session | None = None
        self._facts: dict[str, Any] = {}
        self._places: dict[tuple[str, ...], Place] = {}

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[Measurement, ...]:
        """Measure files interleaved, there."""
        answer = json.loads(self._on_files("measure", files, options, progress))
        machine = answer["environment"]
        return tuple(
            Measurement.from_dict(
                {**figures, "path": str(path), "target": self.name},
                machine,
                tuple(np.array(part, np.int64) for part in rounds),
            )
            for path, figures, rounds in zip(
                files, answer["measurements"], answer["rounds"], strict=True
            )
        )

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer, there."""
        content = self._on_files("outputs", files, options, progress)
        found: tuple[dict[str, NDArray[Any]], ...] = tuple({} for _ in files)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            for key in arrays.files:
                index, _, name = key.partition("/")
                found[int(index)][name] = arrays[key]
        return found

    def environment(self) -> dict[str, Any]:
        """The board as it is now; before anything ran there, what its Python alone tells."""
        self._opened()
        for place in self._places.values():
            described: dict[str, Any] = json.loads(self._errand("environment", {}, place, _silent))
            return described
        markers = self._facts["markers"]
        known = {"machine": markers["platform_machine"], "python": markers["python_full_version"]}
        return {**known, "cores": self._facts["cores"]}

    def clean(self, progress: Progress) -> None:
        """Remove everything that littoral put there."""
        progress("removing what littoral put there")
        self._opened().ask("forget")
        self.close()

    def close(self) -> None:
        """End the connection; the next use makes a new one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _on_files(
        self, errand: str, files: Sequence[Path], options: Options, progress: Progress
    ) -> bytes:
        """Bring files there and do an errand on them; its answer."""
        cargo = pack(files, options.data)
        try:
            session = self._opened(progress)
            place = self._place(cargo.kinds, session, progress)
            digests = session.send(list(cargo.paths.values()), progress)
            fields = {"options": options_to_json(options), "files": cargo.models}
            return self._errand(errand, fields, place, progress, cargo, digests)
        except TargetError:
            self.close()
            raise

    def _opened(self, progress: Progress = lambda what: None) -> Session:
        if self._session is not None and not self._session.is_open:
            self.close()
        if self._session is None:
            progress("connecting")
            self._session = self._connect()
            self._facts = self._session.ask("hello", folder=self._folder)
        return self._session

    def _place(self, kinds: tuple[str, ...], session: Session, progress: Progress) -> Place:
        if kinds not in self._places:

            def attempt(place: Place) -> list[dict[str, Any]]:
                answer = self._errand("engines", {"formats": kinds}, place, progress)
                trials: list[dict[str, Any]] = json.loads(answer)["trials"]
                return trials

            machine = Machine(
                markers=self._facts["markers"],
                libc=(self._facts["libc"][0], self._facts["libc"][1]),
                modules=frozenset(self._facts["modules"]),
            )
            self._places[kinds] = prepare(
                session, self.name, machine, kinds, self._settings, attempt, progress
            )
        return self._places[kinds]

    def _errand(
        self,
        errand: str,
        fields: dict[str, Any],
        place: Place,
        progress: Progress,
        cargo: Cargo = _NOTHING,
        digests: Sequence[str] = (),
    ) -> bytes:
        """Let littoral do something there; its errors are raised here as they were there."""
        doing = [errand]

        def relay(what: str) -> None:
            doing.append(cargo.with_own_names(what))
            progress(doing[-1])

        status = self._opened().ask(
            "run",
            progress=relay,
            errand={"name": errand, **fields},
            files=dict(zip(cargo.paths, digests, strict=True)),
            sdk=place.sdk,
            environment=place.environment,
            timeout_s=self._settings.timeout_s,
        )
        content: bytes = status["content"]
        failure = self._failure(status, doing[-1])
        if failure is not None:
            raise failure
        if content.startswith(b'{"error"'):
            told = json.loads(content)
            kind = getattr(errors, told["error"])
            raise kind(f"{self.name}: {cargo.with_own_names(told['message'])}")
        return content

    def _failure(self, status: dict[str, Any], doing: str) -> LittoralError | None:
        """What went wrong with the process that littoral was there."""
        if status["timed_out"]:
            return overdue(self.name, self._settings.timeout_s, doing)
        if status["signal"] is not None:
            why = " (no memory left?)" if status["signal"] == "SIGKILL" else ""
            return EngineCrashed(
                f"{self.name}: the process there died of {status['signal']}{why} while {doing}"
            )
        if status["code"]:
            last = (status["tail"] or ["no message"])[-1]
            return TargetError(f"{self.name}: littoral failed there while {doing}: {last}")
        return None


def _silent(what: str) -> None:
    """Tell nobody."""
