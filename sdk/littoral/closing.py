"""What can be closed, and is at the end of a ``with``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing(ABC):
    """Closed at the end of a ``with``, whether or not that ends in an error."""

    @abstractmethod
    def close(self) -> None:
        """Free what it has. Closing again does nothing."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Close it."""
        self.close()
