"""What `Model.observe` reports of a call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """One call of `Model.run` or `Model.run_raw`.

    Attributes:
        model: The file's name.
        method: ``"run"`` or ``"run_raw"``.
        duration_ns: From the call to its return, waiting for other threads included.
        error: What it raised, None when it returned.
    """

    model: str
    method: str
    duration_ns: int
    error: BaseException | None = None

    def __str__(self) -> str:
        """One line for a log."""
        outcome = "" if self.error is None else f": {self.error}"
        return f"{self.model}: {self.method} took {self.duration_ns / 1e3:.1f} us{outcome}"
