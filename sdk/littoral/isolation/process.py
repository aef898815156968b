"""The process that a file's engine runs in, as the program that starts it sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from typing import IO

from littoral.errors import EngineError

_LONGEST_WORDS = 200
_PIPE_BYTES = 1 << 20
_WINDOWS_NAMES = {0xC0000005: "access violation", 0xC00000FD: "stack overflow"}


class Child:
    """A running child: its process, its pipes, and when it will have taken too long.

    Attributes:
        requests: What goes to it.
        answers: What comes from it.
    """

    def __init__(self, name: str, timeout_s: float | None) -> None:
        """Start it.

        Args:
            name: The file's name, for messages.
            timeout_s: Seconds that an answer may take, None for any time.

        Raises:
            EngineError: There is no Python to start.
        """
        if not sys.executable:
            raise EngineError(f"{name}: isolated=True needs a Python executable to start")
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "littoral.isolation.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.requests, self.answers = self._process.stdin, self._process.stdout
        for stream in (self.requests, self.answers):
            _widen(stream)
        self._owner = os.getpid()
        self._deadline: float | None = None
        self._patience_s: float | None = None
        self._done = threading.Event()
        # Also at the interpreter's end, and where the session is dropped without being closed.
        self._finish = weakref.finalize(
            self, _end, self._process, self._done, self._log, self._owner
        )
        if timeout_s is not None:
            watched = (weakref.ref(self), self._done, timeout_s)
            threading.Thread(target=_watch, args=watched, daemon=True).start()

    def is_mine(self) -> bool:
        """False in a process that was forked from the one that started the child."""
        return self._owner == os.getpid()

    def expect(self, seconds: float | None) -> None:
        """Kill the child when it has not answered by then; None: it has, or may take its time."""
        self._patience_s = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def kill_if_late(self) -> float | None:
        """Kill the child when its time is up, else say how many seconds it has."""
        deadline = self._deadline
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            self._process.kill()
            return 0.0
        return left

    def cause_of_death(self) -> str:
        """What a person wants to know of a child that does not answer."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        code = self._process.poll()
        self._log.seek(0)
        lines = [line for line in self._log.read().splitlines() if line.strip()]
        self.end()
        if late:
            return f"gave no answer within {self._patience_s:g} s and was killed"
        words = lines[-1].decode(errors="replace").strip()[:_LONGEST_WORDS] if lines else ""
        return f"died ({_named(code)}){f', last words: {words}' if words else ''}"

    def end(self) -> None:
        """Kill the child if it still lives, and wait for it."""
        self._finish()


def _end(
    process: subprocess.Popen[bytes], done: threading.Event, log: IO[bytes], owner: int
) -> None:
    done.set()
    if os.getpid() == owner:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _watch(child: weakref.ref[Child], done: threading.Event, pause_s: float) -> None:
    """Look after a child. No pause is longer than a call may take, so none is missed."""
    wait_s = pause_s
    while not done.wait(wait_s):
        watched = child()
        if watched is None:
            return
        left_s = watched.kill_if_late()
        wait_s = pause_s if left_s is None else min(left_s + 1e-3, pause_s)
        del watched


def _widen(stream: IO[bytes]) -> None:
    """Let the pipe hold a whole picture where the system can: fewer turns to and fro."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _named(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{name}, out of memory?" if name == "SIGKILL" else name
    return _WINDOWS_NAMES.get(code, f"exit code {code}")
