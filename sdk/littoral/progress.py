"""Progress on stderr: one line redrawn in a terminal, one line a step where there is none."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class Progress:
    """Says what is being done and how far it is. Use it as a context manager.

        with Progress("convert", total=8) as progress:
            for scheme in schemes:
                progress.step(f"cnn {scheme}")

    Attributes:
        title: What the whole work is called.
        total: Number of steps, 0 when unknown.
    """

    def __init__(self, title: str, total: int = 0) -> None:
        """Start at step 0; nothing is shown until the first step."""
        self.title = title
        self.total = total
        self._done = 0
        self._started = time.monotonic()
        self._redraws = sys.stderr.isatty()

    def step(self, what: str) -> None:
        """Show the step that begins now."""
        self._done += 1
        count = f"{self._done}/{self.total}" if self.total else f"{self._done}"
        self._show(f"{self.title} [{count}] {what}")

    def note(self, what: str) -> None:
        """Show a detail of the present step: redrawn in a terminal, left out anywhere else."""
        if self._redraws:
            self._show(f"{self.title} [{self._done}/{self.total or '?'}] {what}")

    def _show(self, text: str) -> None:
        seconds = time.monotonic() - self._started
        if self._redraws:
            sys.stderr.write(f"\r\x1b[2K{text[:100]}  {seconds:.0f} s")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the redrawn line, so that what follows starts on a clean one."""
        if self._redraws and self._done:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
