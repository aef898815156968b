"""How long a search may take, and how long it will."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from littoral.errors import InputError

Clock = Callable[[], float]
system_clock: Clock = time.monotonic


@dataclass(frozen=True)
class Reserve:
    """What is kept back of a budget for the steps that come later.

    Attributes:
        share: Of the whole budget.
        most: Seconds beyond which a large budget keeps nothing back.
    """

    share: float
    most: float

    def of(self, seconds: float) -> float:
        """Seconds kept back of a budget."""
        return min(self.share * seconds, self.most)


FOR_LATENCY = Reserve(0.3, 20.0)
"""Kept back while looking for layers to blame: a search that timed nothing has found nothing."""

FOR_MENDING = Reserve(0.5, 60.0)
"""Kept back while proving the plain files."""

FOR_PROOFS = Reserve(0.6, 75.0)
"""Kept back while making files: one that is not proved is of no use."""

FOR_LAST_PROOFS = Reserve(0.4, 35.0)
"""The same once layers have been looked for, when only the timing comes after the proofs."""

TELLING_STEPS = 3
"""Steps from which their pace foretells anything."""


class Budget:
    """A clock that started when the search did.

    Attributes:
        seconds: What may be spent; None for no end.
    """

    def __init__(self, seconds: float | None, clock: Clock = system_clock) -> None:
        """Start the clock.

        Raises:
            InputError: Not a positive, finite number of seconds.
        """
        if seconds is not None and not 0 < seconds < float("inf"):
            raise InputError(f"the budget must be a positive number of seconds, not {seconds}")
        self.seconds = seconds
        self._clock = clock
        self._began = clock()
        self._first: dict[str, float] = {}
        self._last: dict[tuple[str, str], float] = {}

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def is_over(self, reserve: Reserve | None = None, ahead: float = 0.0) -> bool:
        """Whether all is spent but what is kept back, or will be.

        Args:
            reserve: What is kept back.
            ahead: Seconds that the next step will take.
        """
        if self.seconds is None:
            return False
        kept = reserve.of(self.seconds) if reserve else 0.0
        return self.spent + ahead >= self.seconds - kept

    @contextmanager
    def step(self, work: str, on: str) -> Iterator[None]:
        """Take note of how long a step takes.

        Args:
            work: What is done.
            on: What it is done on. The first step there may have more to do than the next ones.
        """
        began = self.spent
        yield
        took = self.spent - began
        if (work, on) in self._last:
            self._last[work, on] = took
        else:
            self._first[work] = took
            self._last[work, on] = 0.0

    def expected(self, work: str, on: str) -> float:
        """Seconds that a step will take: those of the last one like it, 0 where there was none."""
        known = self._last.get((work, on))
        return self._first.get(work, 0.0) if known is None else known

    @property
    def left(self) -> float | None:
        """Seconds left, not negative; None for no end."""
        return None if self.seconds is None else max(0.0, self.seconds - self.spent)

    def outlook(self, began: float, steps_done: int, steps_left: int) -> str:
        """The time left in words: what the steps so far foretell, at most the budget's rest.

        Args:
            began: Seconds spent when the first of these steps began.
            steps_done: Steps finished.
            steps_left: Steps to come.

        Returns:
            For example ``", about 40 s left"``; empty while nothing can be foretold.
        """
        if self.left == 0:
            return ", after the end of the budget: one file is proved in any case"
        guesses = [] if self.left is None else [self.left]
        if steps_done >= TELLING_STEPS:
            guesses.append((self.spent - began) / steps_done * steps_left)
        return f", about {min(guesses):.0f} s left" if guesses else ""
