"""How long a search may take, and how long it will."""

from __future__ import annotations

import time
from collections.abc import Callable

from littoral.errors import InputError

Clock = Callable[[], float]
system_clock: Clock = time.monotonic

BEFORE_MENDING = 0.5
"""Share of the budget for making and proving the plain files; the layers to blame come next."""

BEFORE_LATENCY = 0.7
"""Share of the budget after which what is proved goes to the clock: a search that measured no
latency has found nothing."""


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

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def is_over(self, share: float = 1.0) -> bool:
        """Whether a share of the budget is spent."""
        return self.seconds is not None and self.spent >= share * self.seconds

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
        guesses = [] if self.left is None else [self.left]
        if steps_done >= TELLING_STEPS:
            guesses.append((self.spent - began) / steps_done * steps_left)
        return f", about {min(guesses):.0f} s left" if guesses else ""
