"""Which file is the best, and which ones nothing beats in every respect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from littoral.statistics import Estimate

from littoral_converters.exploration.candidates import AUTO
from littoral_converters.exploration.racing import Timed

_Entry = TypeVar("_Entry")

ALIKE = 1.01
"""Up to this ratio of the p50s two files count as equally fast: measured again, on the same quiet
machine, the order of such files turns as often as not."""

TIE = 1.03
"""Above this ratio of the p50s, two files are not called equally fast, however wide the interval:
on a noisy machine it would hold anything."""


def front(
    entries: Sequence[_Entry], figures: Callable[[_Entry], tuple[float, ...]]
) -> list[_Entry]:
    """The entries that no other one beats: at least as good in every figure, better in one.

    Args:
        entries: What to choose from.
        figures: Its figures, the smaller the better.

    Returns:
        Those on the Pareto front, in their order. Entries with the same figures stay together.
    """
    known = [figures(entry) for entry in entries]
    return [
        entry
        for entry, own in zip(entries, known, strict=True)
        if not any(_beats(other, own) for other in known)
    ]


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def best(timed: Sequence[Timed]) -> Timed | None:
    """The fastest of the final; among those that cannot be told from it, the smallest.

    Files of equal size go by simplicity: fewer threads, no choice of engine, all layers under one
    scheme, the usual lowering.

    Args:
        timed: All files with a latency.

    Returns:
        The best one; None where there is none.
    """
    if not timed:
        return None
    if any(one.measurement.emulated for one in timed):
        # Times of an emulated processor say nothing, sizes do.
        return min(timed, key=_plainness)
    final = [one for one in timed if one.ratio is not None]
    if not final:
        return min(timed, key=lambda one: (one.measurement.latency_p50.value, _plainness(one)))
    fastest = min(final, key=lambda one: one.measurement.latency_p50.value)
    return min((one for one in final if is_tied(one, fastest)), key=_plainness)


def is_tied(timed: Timed, fastest: Timed) -> bool:
    """Whether a file of the final cannot be told from the fastest one.

    Args:
        timed: A file of the final.
        fastest: The one with the lowest p50.
    """
    ratio = timed.ratio
    if ratio is None or ratio.value > TIE:
        return False
    own, best_p50 = timed.measurement.latency_p50, fastest.measurement.latency_p50
    cannot_tell = ratio.low is None or ratio.low <= 1.0 or _overlap(own, best_p50)
    return ratio.value <= ALIKE or cannot_tell


def _overlap(one: Estimate, other: Estimate) -> bool:
    low, high = one.ends[0], other.ends[1]
    return low is not None and high is not None and low <= high


def _plainness(timed: Timed) -> tuple[object, ...]:
    candidate = timed.proof.candidate
    return (
        timed.proof.size_bytes,
        timed.setting.threads,
        (timed.setting.engine, timed.setting.options) != ("auto", ()),
        candidate.is_mixed,
        candidate.lowering != AUTO,
        candidate,
    )
