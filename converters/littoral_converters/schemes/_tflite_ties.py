"""Tensors that must share one scale, because operators only move values from one to the other."""

from __future__ import annotations

from collections.abc import Iterable


class Ties:
    """Groups of tensors.

    Args:
        tensors: Indices, each in a group of its own to begin with.
    """

    def __init__(self, tensors: Iterable[int]) -> None:
        self._leader = {index: index for index in tensors}

    def tie(self, *indices: int) -> None:
        """Put tensors into one group; those that are not known stay out."""
        known = [self._find(index) for index in indices if index in self._leader]
        for other in known[1:]:
            self._leader[self._find(other)] = self._find(known[0])

    def groups(self) -> list[list[int]]:
        """Every group, in the order of the tensors."""
        found: dict[int, list[int]] = {}
        for index in self._leader:
            found.setdefault(self._find(index), []).append(index)
        return list(found.values())

    def _find(self, index: int) -> int:
        while self._leader[index] != index:
            index = self._leader[index]
        return index
