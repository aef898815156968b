"""littoral's benchmark activity in an Android app: found, asked, waited for.

    push what is missing -> push the request -> am start -> wait for the answer -> read it -> stop

Model files go by digest into a folder that apps can read, once. A request and its answer are named
by a token that is drawn anew each time: nothing that a person called a file means anything there,
and no answer of another run is taken for this one's. The other side is Kotlin's `littoral.Errand`.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shlex
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import EngineCrashed, TargetError
from littoral.targets import Progress
from littoral.targets._adb_commands import Adb
from littoral.targets._connection import overdue

ACTION = "littoral.BENCHMARK"
ACTIVITY = "littoral.android.BenchmarkActivity"
FOLDER = "/data/local/tmp/littoral"
"""adb's shell writes there, and every app may read it."""

_COMPONENT = re.compile(r"^\s*([A-Za-z][\w.]*)/([\w.$]+)\s*$", re.MULTILINE | re.ASCII)
_NOT_STARTED = re.compile(r"(Error|Exception): |Activity not started")
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.1, 2.0
"""Each look wakes the device, so they become rarer."""


@dataclass(frozen=True)
class Errand:
    """What the activity is asked for.

    Attributes:
        fields: The request, but for its data.
        models: Content by digest, which is what the request calls the files.
        names: What people call them, by digest.
        data: Arrays by the names that the activity looks them up by; None for none.
        doing: What to say meanwhile.
    """

    fields: Mapping[str, Any]
    models: Mapping[str, bytes]
    names: Mapping[str, str]
    data: Mapping[str, NDArray[Any]] | None
    doing: str


@dataclass(frozen=True)
class _Run:
    """Where the pieces of one errand are on the device, without their suffixes."""

    component: str
    token: str

    @property
    def package(self) -> str:
        return self.component.partition("/")[0]

    @property
    def request(self) -> str:
        return f"{FOLDER}/{self.token}"

    @property
    def answer(self) -> str:
        return f"{_answers(self.package)}/{self.token}"


class Activity:
    """The activity of one app on one device."""

    def __init__(self, name: str, adb: Adb, package: str | None, timeout_s: float) -> None:
        """Remember how to reach it.

        Args:
            name: What people call the device.
            adb: Runs commands there.
            package: The app, None for the only one there is.
            timeout_s: How long one errand may take.
        """
        self._name = name
        self._adb = adb
        self._timeout_s = timeout_s
        self._component = None if package is None else f"{package}/{ACTIVITY}"
        self._closed = threading.Event()

    def find(self) -> str | None:
        """The activity as ``am`` names it; None where no app has one.

        Raises:
            TargetError: Several apps have one, or the device cannot be reached.
        """
        if self._component is None:
            line = f"cmd package query-activities --brief -a {ACTION} 2>/dev/null"
            listed = self._adb.shell(line)[1].decode(errors="replace")
            found = dict.fromkeys(_COMPONENT.findall(listed))
            if len(found) > 1:
                names = [package for package, _ in found]
                raise TargetError(
                    f"{self._name}: several apps there can measure ({', '.join(names)}): choose "
                    f'one with ?app={names[0]} behind the address, or app = "{names[0]}" in '
                    "targets.toml"
                )
            self._component = next(("/".join(parts) for parts in found), None)
        return self._component

    def ask(self, errand: Errand, progress: Progress) -> tuple[bytes, bytes]:
        """Let the app do something; it is stopped afterwards, however that ended.

        Args:
            errand: What.
            progress: Is told what happens now.

        Returns:
            The answer, and the archive beside it, empty where there is none.

        Raises:
            EngineCrashed: The app died.
            TargetError: There is no such app, it does not start or answer, or the device is lost.
        """
        self._closed.clear()
        component = self.find()
        if component is None:
            raise TargetError(
                f"{self._name}: no app there has littoral's benchmark activity: "
                "android/README.md says how one gets it"
            )
        run = _Run(component, secrets.token_hex(16))
        try:
            self._send(run, errand, progress)
            progress(f"{errand.doing} in {run.package}")
            self._start(run)
            self._wait(run, f"{errand.doing} in {run.package}")
            answer = self._adb.shell(f"cat {run.answer}.json", self._timeout_s)[1]
            archive = f"if test -e {run.answer}.npz; then cat {run.answer}.npz; fi"
            return answer, self._adb.shell(archive, self._timeout_s)[1]
        finally:
            self._leave(run)

    def clean(self) -> None:
        """Remove everything that was put there, and what the app answered."""
        component = self._component
        with contextlib.suppress(TargetError):
            component = self.find()
        package = "" if component is None else component.partition("/")[0]
        self._adb.shell(f"rm -rf {FOLDER} {_answers(package) if package else ''}")

    def close(self) -> None:
        """End what goes on, in whichever thread."""
        self._closed.set()

    def _send(self, run: _Run, errand: Errand, progress: Progress) -> None:
        """Bring there what is not there yet; the request comes last."""
        code, listed = self._adb.shell(f"mkdir -p {FOLDER} && chmod 755 {FOLDER} && ls {FOLDER}")
        if code:
            raise TargetError(f"{self._name}: cannot make {FOLDER} there: is the device full?")
        present = listed.decode(errors="replace").split()
        fields = {**errand.fields, "data": None if errand.data is None else f"{run.token}.npz"}
        with tempfile.TemporaryDirectory(prefix="littoral-") as folder:
            for digest, content in errand.models.items():
                if digest not in present:
                    progress(f"copying {errand.names[digest]}")
                    Path(folder, digest).write_bytes(content)
                    self._push(Path(folder, digest), run)
            if errand.data is not None:
                progress("copying the data")
                archive = Path(folder, f"{run.token}.npz")
                np.savez(archive, **errand.data)  # type: ignore[arg-type]
                self._push(archive, run)
            request = Path(folder, f"{run.token}.json")
            request.write_text(json.dumps(fields))
            self._push(request, run)

    def _push(self, path: Path, run: _Run) -> None:
        """Copy a file there, whole or not at all, readable for the app."""
        part, place = f"{run.request}.part", f"{FOLDER}/{path.name}"
        self._adb.push(path, part, self._timeout_s)
        code, _ = self._adb.shell(f"chmod 644 {part} && mv {part} {place}")
        if code:
            raise TargetError(f"{self._name}: cannot write {place} there: is the device full?")

    def _start(self, run: _Run) -> None:
        component = shlex.quote(run.component)
        line = f"am start -S -W -n {component} --es request {run.request}.json 2>&1"
        code, said = self._adb.shell(line)
        lines = said.decode(errors="replace").strip().splitlines()
        faults = [one.strip() for one in lines if _NOT_STARTED.search(one)]
        if code or faults:
            why = (faults or lines[-1:] or [f"exit code {code}"])[0]
            raise TargetError(
                f"{self._name}: {run.component} does not start ({why}): is the app installed, and "
                "does its manifest declare the activity as android/README.md says?"
            )

    def _wait(self, run: _Run, doing: str) -> None:
        """Until the answer is there."""
        answer = f"{run.answer}.json"
        # The answer is looked for again after the process: it may have come between the two.
        line = (
            f"test -e {answer} || pidof {run.package} || test -e {answer} || echo gone; "
            f"test -e {answer} && echo answered"
        )
        end, pause = time.monotonic() + self._timeout_s, _FIRST_LOOK_S
        while True:
            seen = self._adb.shell(line)[1].split()
            if b"answered" in seen:
                return
            if b"gone" in seen:
                raise EngineCrashed(
                    f"{self._name}: the app died while {doing}: adb logcat says of what"
                )
            left = end - time.monotonic()
            if left <= 0:
                raise overdue(self._name, self._timeout_s, doing)
            if self._closed.wait(min(pause, left)):
                raise TargetError(f"{self._name}: interrupted while {doing}")
            pause = min(pause * 1.5, _LONGEST_LOOK_S)

    def _leave(self, run: _Run) -> None:
        """Stop the app, and remove what was of this run alone; a lost device keeps it."""
        kinds = ("json", "npz", "part")
        ours = [f"{place}.{kind}" for place in (run.request, run.answer) for kind in kinds]
        with contextlib.suppress(TargetError):
            self._adb.shell(f"am force-stop {run.package}; rm -f {' '.join(ours)}")


def _answers(package: str) -> str:
    """Where the app leaves its answers, as adb's shell sees it."""
    return f"/sdcard/Android/data/{package}/files/littoral"
