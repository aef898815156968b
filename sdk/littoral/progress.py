"""Progress on stderr: one line redrawn in a terminal, one line a step where there is none."""

from __future__ import annotations

import os
import shutil
import sys
import time
from types import TracebackType
from typing import IO

_CLEAR = "\r\x1b[2K"


def say(text: str) -> None:
    """Write to stderr, at once; where nobody can read it any more, the work goes on unheard.

    Args:
        text: With the end of its line, if it has one.
    """
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        leave(sys.stderr)


def leave(stream: IO[str]) -> None:
    """What is still in its buffer goes nowhere, so that the interpreter's end does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Progress:
    """Says what is being done and how far it is. Use it as a context manager.

        with Progress("convert", total=8) as progress:
            for scheme in schemes:
                progress.step(f"cnn {scheme}")

    Work inside other work shows as a detail of the outer one's step.

    Attributes:
        title: What the whole work is called.
        total: Number of steps, 0 when unknown.
    """

    _outermost: Progress | None = None

    def __init__(self, title: str, total: int = 0) -> None:
        """Start at step 0; nothing is shown until the first step."""
        self.title = title
        self.total = total
        self._done = 0
        self._what = ""
        self._started = time.monotonic()
        self._redraws = sys.stderr.isatty()

    def step(self, what: str) -> None:
        """Show the step that begins now."""
        self._done += 1
        self._what = what
        outer = Progress._outermost
        if outer is not None and outer is not self:
            outer.note(what)
        else:
            self._show(what)

    def note(self, what: str) -> None:
        """Show a detail of the present step: redrawn in a terminal, left out anywhere else."""
        if self._redraws:
            self._show(f"{self._what}: {what}" if self._what else what)

    def warn(self, what: str) -> None:
        """Leave a line behind that begins with ``warning:``, above what is being redrawn."""
        say(f"{_CLEAR if self._redraws else ''}warning: {what}\n")

    def _show(self, what: str) -> None:
        count = f"{self._done}/{self.total}" if self.total else f"{self._done}"
        text = f"{self.title} [{count}] {what}"
        if self._redraws:
            room = max(0, shutil.get_terminal_size().columns - 8)
            seconds = time.monotonic() - self._started
            say(f"{_CLEAR}{text[:room]}  {seconds:.0f} s")
        else:
            say(f"{text}\n")

    def __enter__(self) -> Progress:
        if Progress._outermost is None:
            Progress._outermost = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the redrawn line, so that what follows starts on a clean one."""
        if Progress._outermost is not self:
            return
        Progress._outermost = None
        if self._redraws and self._done:
            say(_CLEAR)
