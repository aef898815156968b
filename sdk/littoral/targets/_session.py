"""This side of the conversation with `littoral.targets._agent`, over any program that connects.

One process (``ssh`` or ``adb``), one login, as many requests as there are. The board gives a sign
of life every two seconds; silence, an end and a refusal are three different errors.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from littoral.errors import TargetError
from littoral.targets._connection import Ended, NoPython, not_started, silent

MARK = b"littoral-agent "
NO_PYTHON = b"littoral-no-python"
SILENCE_S = 30.0
START_S = 60.0
CHUNK = 1 << 20

_PYTHONS = (
    *("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"),
    "/data/data/com.termux/files/usr/bin/python3",
    "/data/local/tmp/python/bin/python3",
)
_TOO_OLD = 66  # and Python 2 ends with 2, because it does not know -I
_START = (
    f"import sys; sys.version_info < (3, 10) and sys.exit({_TOO_OLD}); "
    "read = sys.stdin.buffer; exec(read.read(int(read.readline())))"
)


class InstallFailed(Exception):
    """The board's own pip did not install what was asked for.

    Attributes:
        last_line: Of what it printed.
    """

    def __init__(self, output: Sequence[str]) -> None:
        """Keep what pip printed last."""
        self.last_line = output[-1] if output else "no message"
        super().__init__(self.last_line)


def start_command(python: str | None) -> str:
    """The line that starts the agent on a board, the same for every board but for its Python.

    Args:
        python: Path of the Python to take; None tries the usual names.

    Returns:
        A line for any shell that knows single quotes: it hands itself to ``sh``.
    """
    names = " ".join(_PYTHONS if python is None else [shlex.quote(python)])
    script = (
        f'for p in {names}; do command -v "$p" >/dev/null || continue; "$p" -I -c "{_START}"; '
        f"s=$?; case $s in {_TOO_OLD}|2|126|127) ;; *) exit $s;; esac; done; "
        f'for p in {names} python; do command -v "$p" && "$p" -V 2>&1; done | tr "\\n" " "; '
        f"echo; echo {NO_PYTHON.decode()}"
    )
    return f"exec sh -c {shlex.quote(script)}"


class Session:
    """A running agent. Close it, or use it as a context manager."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        explain: Callable[[Ended], TargetError],
    ) -> None:
        """Connect and wait until the agent answers.

        Args:
            name: What messages call the target.
            command: The program that connects, with its arguments.
            explain: Puts an end of that program into words.

        Raises:
            NoPython: There is no Python there that littoral runs on.
            TargetError: The program is not installed, or does not connect.
        """
        self._name = name
        self._explain = explain
        self._started = False
        self._noise: list[bytes] = []
        self._complaints: list[bytes] = []
        self._arrived: queue.Queue[bytes | None] = queue.Queue()
        self._buffer = b""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as error:
            raise not_started(name, command[0], error) from error
        self._threads = [
            threading.Thread(target=listen, daemon=True)
            for listen in (self._hear_answers, self._hear_complaints)
        ]
        for thread in self._threads:
            thread.start()
        program = Path(__file__).with_name("_agent.py").read_bytes()
        try:
            self._write(b"%d\n" % len(program) + program)
            self._line(START_S)
            self._started = True
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """False once the program that connects has ended."""
        return self._process.poll() is None

    def ask(
        self, request: str, *, progress: Callable[[str], object] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Args:
            request: A method of the agent, without ``do_``.
            progress: Is told what the board says that it is doing.
            fields: Its arguments.

        Returns:
            The answer; ``content`` holds the bytes that came behind it, if any did.

        Raises:
            InstallFailed: pip failed there.
            TargetError: The connection ended, the board fell silent, or it could not do it.
        """
        self._write(json.dumps({"do": request, **fields}).encode() + b"\n")
        return self._answer(progress)

    def send(self, paths: Sequence[Path], progress: Callable[[str], object]) -> list[str]:
        """Bring files there, those that are not there yet.

        Args:
            paths: The files.
            progress: Is told how far it is.

        Returns:
            Their SHA-256 in hexadecimal, by which the agent knows them.

        Raises:
            TargetError: The board has no room, the connection ended, or the board fell silent.
        """
        digests = [_digest(path) for path in paths]
        answer = self.ask("missing", digests=digests)
        absent = dict.fromkeys(answer["digests"])
        ways = dict(zip(digests, paths, strict=True))
        size = sum(ways[digest].stat().st_size for digest in absent)
        if size > answer["free_bytes"]:
            raise TargetError(
                f"{self._name}: no space left there: {_megabytes(size)} are to be copied, "
                f"{_megabytes(answer['free_bytes'])} are free; make room, or choose another folder "
                "at the end of the address"
            )
        for digest in absent:
            self._put(ways[digest], digest, progress)
        return digests

    def close(self) -> None:
        """End the connection; the agent then ends by itself."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(2 if self._started else 0.2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        pipes = (self._process.stdout, self._process.stderr)
        for thread, pipe in zip(self._threads, pipes, strict=True):
            thread.join(2)
            if pipe is not None and not thread.is_alive():
                pipe.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _hear_answers(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 1 << 16):
            self._arrived.put(chunk)
        self._arrived.put(None)

    def _hear_complaints(self) -> None:
        assert self._process.stderr is not None
        while chunk := os.read(self._process.stderr.fileno(), 1 << 16):
            self._complaints.append(chunk)

    def _put(self, path: Path, digest: str, progress: Callable[[str], object]) -> None:
        size = path.stat().st_size
        progress(f"copying {path.name}, {_megabytes(size)}")
        self._write(json.dumps({"do": "put", "digest": digest, "size": size}).encode() + b"\n")
        left = size
        with path.open("rb") as stream:
            while chunk := stream.read(min(CHUNK, left)):
                self._write(chunk)
                left -= len(chunk)
        if left:
            raise TargetError(f"{self._name}: {path} became shorter while it was copied")
        self._answer(progress)

    def _answer(self, progress: Callable[[str], object] | None) -> dict[str, Any]:
        while True:
            fields = self._line(SILENCE_S)
            if "alive" in fields:
                continue
            if "progress" in fields:
                if progress is not None:
                    progress(str(fields["progress"]))
                continue
            if "failed" in fields:
                raise self._refusal(fields)
            if "size" in fields:
                fields["content"] = self._bytes(int(fields.pop("size")))
            return fields

    def _line(self, patience_s: float) -> dict[str, Any]:
        """The next line of the agent; what others print between is left out."""
        end = time.monotonic() + patience_s
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if not newline:
                self._receive(end)
                continue
            self._buffer = rest
            if line.startswith(MARK):
                fields: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return fields
            if line.strip() == NO_PYTHON:
                raise self._no_python()
            self._noise = [*self._noise[-20:], line]

    def _bytes(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive(time.monotonic() + SILENCE_S)
        content, self._buffer = self._buffer[:size], self._buffer[size:]
        return content

    def _receive(self, end: float) -> None:
        try:
            chunk = self._arrived.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise silent(self._name, SILENCE_S if self._started else START_S) from None
        if chunk is None:
            self._arrived.put(None)
            raise self._ended()
        self._buffer += chunk

    def _write(self, content: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except OSError:
            # Its last words are on the other pipes: `_receive` finds them.
            return

    def _ended(self) -> TargetError:
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            code = -1
        self._threads[1].join(2)
        complaint = b"".join(self._complaints).decode(errors="replace").strip()
        return self._explain(Ended(code, complaint, self._started))

    def _refusal(self, facts: dict[str, Any]) -> Exception:
        """What the agent could not do, as an error."""
        if facts["failed"] == "install":
            return InstallFailed(facts["tail"])
        if facts["failed"] == "full":
            return TargetError(
                f"{self._name}: no space left there ({facts['words']}): make room, or choose "
                "another folder at the end of the address"
            )
        if facts["failed"] == "damaged":
            return TargetError(f"{self._name}: a file arrived damaged: try again")
        return TargetError(
            f"{self._name}: littoral cannot use its folder there ({facts['words']}): choose "
            "another at the end of the address"
        )

    def _no_python(self) -> NoPython:
        there = b" ".join(self._noise[-1:]).decode(errors="replace").strip()
        found = f"only {there}" if there else "none"
        return NoPython(
            f"{self._name}: littoral needs Python 3.10 or newer there and found {found}: install "
            'python3, or give its path as python = "/path" in targets.toml'
        )


def _digest(path: Path) -> str:
    seen = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            seen.update(chunk)
    return seen.hexdigest()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
