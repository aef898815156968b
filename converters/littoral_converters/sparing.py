"""Which layers to leave float where quantizing all of them costs too much: found by measurement.

1. Layers are taken in groups, neighbours together, as many as there is time to try: each group
   alone is quantized, the rest left float. The error of that file is the group's sensitivity.
2. The most sensitive groups are left float, as few as meet the goal, found by bisection.
3. One after another goes back, the least sensitive first, where the goal still holds: a bisection
   takes a prefix of the list, and not everything in it may be to blame.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Sequence

Holds = Callable[[Sequence[str]], bool]
ErrorWith = Callable[[Collection[str]], float]
"""The error of the file that leaves these layers float."""

_FOR_SENSITIVITY = 0.6
"""Share of the time; the rest is for the search among what was ranked."""

_FEWEST_GROUPS = 8

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
        seconds: After them nothing more goes back to being quantized. The number of groups is
            chosen by the time that the first file takes, so that the rest fits too.
        clock: In seconds.

    Returns:
        Layers in the model's order.
    """
    if len(layers) < 2:
        return ()
    began = clock()
    alone = {layers[-1]: error_with(layers[:-1])}
    affordable = int(_FOR_SENSITIVITY * seconds / max(clock() - began, 1e-3))
    groups = _groups(layers, min(len(layers), max(_FEWEST_GROUPS, affordable)))
    for name, group in groups.items():
        if group != [layers[-1]]:
            alone[name] = error_with([layer for layer in layers if layer not in group])

    goal = max(goal, _NEAR * min(alone[name] for name in groups))

    def holds(names: Sequence[str]) -> bool:
        if len(names) == len(groups) - 1:
            (quantized,) = set(groups) - set(names)
            return alone[quantized] <= goal
        return error_with([layer for name in names for layer in groups[name]]) <= goal

    ranked = sorted(groups, key=lambda name: -alone[name])
    found = fewest(ranked, holds, lambda: clock() - began < seconds) or ()
    left = {layer for name in found for layer in groups[name]}
    return tuple(layer for layer in layers if layer in left)


def fewest(
    ranked: Sequence[str], holds: Holds, has_time: Callable[[], bool] = lambda: True
) -> tuple[str, ...] | None:
    """The fewest layers to leave float.

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


def _groups(layers: Sequence[str], count: int) -> dict[str, list[str]]:
    """Neighbouring layers together, under the name of their first."""
    edges = [round(at * len(layers) / count) for at in range(count + 1)]
    parts = [list(layers[low:high]) for low, high in itertools.pairwise(edges)]
    return {part[0]: part for part in parts if part}
