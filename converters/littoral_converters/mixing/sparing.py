"""Which layers to leave float where quantizing all of them costs too much: found by measurement.

1. Layers are taken in groups, neighbours together. Each group alone is quantized, the rest left
   float: the error of that file is the group's sensitivity. The most sensitive group is divided and
   its parts are tried, again and again while there is time, so that trials go where they tell most.
2. The most sensitive groups are left float, as few as meet the goal, found by bisection.
3. One after another goes back, the least sensitive first, where the goal still holds: a bisection
   takes a prefix of the list, and not everything in it may be to blame.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

Group = tuple[str, ...]
_Ranked = TypeVar("_Ranked")
ErrorWith = Callable[[Collection[str]], float]
"""The error of the file that leaves these layers float."""

_FOR_SENSITIVITY = 0.6
"""Share of the time; the rest is for the search among what was ranked."""

_PARTS = 8
"""Into so many groups the model is divided, and every group that is looked at more closely."""

_NEAR = 1.25
"""A goal that no file meets becomes this many times the least error that a group alone makes."""


def spared(
    layers: Sequence[str],
    error_with: ErrorWith,
    goal: float,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[str, ...]:
    """The layers to leave float so that the error meets a goal.

    Args:
        layers: Layers that a scheme quantizes, in the model's order.
        error_with: Makes a file and measures it.
        goal: What the error may be, where some file gets there.
        seconds: After a part of them no group is divided any more, after all of them nothing more
            goes back to being quantized.
        clock: In seconds.

    Returns:
        Layers in the model's order.
    """
    if len(layers) < 2:
        return ()
    began = clock()

    def has_time(share: float = 1.0) -> bool:
        return clock() - began < share * seconds

    alone = _sensitivities(layers, error_with, goal, lambda: has_time(_FOR_SENSITIVITY))
    goal = max(goal, _NEAR * min(alone.values()))

    def holds(groups: Sequence[Group]) -> bool:
        if len(groups) == len(alone) - 1:
            (quantized,) = set(alone) - set(groups)
            return alone[quantized] <= goal
        return error_with([layer for group in groups for layer in group]) <= goal

    ranked = sorted(alone, key=lambda group: -alone[group])
    left = {layer for group in fewest(ranked, holds, has_time) or () for layer in group}
    return tuple(layer for layer in layers if layer in left)


def _sensitivities(
    layers: Sequence[str], error_with: ErrorWith, goal: float, has_time: Callable[[], bool]
) -> dict[Group, float]:
    """The error that each group of layers makes alone; the worst groups are the smallest."""
    alone: dict[Group, float] = {}

    def divide(group: Group) -> None:
        alone.pop(group, None)
        for part in _divided(group):
            alone[part] = error_with([name for name in layers if name not in part])

    divide(tuple(layers))
    while has_time() and (wide := [group for group in alone if len(group) > 1]):
        divide(max(wide, key=lambda group: alone[group]))
    # Time or not: a goal that no group meets may be met by a part of the best one.
    while len(best := min(alone, key=lambda group: alone[group])) > 1 and alone[best] > goal:
        divide(best)
    return alone


def _divided(group: Sequence[str]) -> list[Group]:
    """A group in equal parts, neighbours together."""
    count = min(len(group), _PARTS)
    edges = [round(at * len(group) / count) for at in range(count + 1)]
    return [tuple(group[low:high]) for low, high in itertools.pairwise(edges)]


def fewest(
    ranked: Sequence[_Ranked],
    holds: Callable[[Sequence[_Ranked]], bool],
    has_time: Callable[[], bool] = lambda: True,
) -> tuple[_Ranked, ...] | None:
    """The fewest layers, or groups of them, to leave float.

    Args:
        ranked: Layers, the most sensitive first.
        holds: Whether a file with these layers float meets the limit.
        has_time: Whether to go on putting back one layer after the other.

    Returns:
        Layers in the order of their rank; None where all but one float do not meet it. All of
        them float is no quantized file.
    """
    low, high = 1, len(ranked) - 1
    if high < 1 or not holds(ranked[:high]):
        return None
    while low < high:
        middle = (low + high) // 2
        if holds(ranked[:middle]):
            high = middle
        else:
            low = middle + 1
    kept = list(ranked[:high])
    for layer in reversed(ranked[: high - 1]):
        fewer = [name for name in kept if name != layer]
        if has_time() and holds(fewer):
            kept = fewer
    return tuple(kept)
