"""What a series of latencies shows besides its percentiles: a drift, a scatter, two speeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_POINTS = 200
"""A trend over more points is taken over so many medians of neighbours."""

DRIFT_AT_LEAST = 0.02
_DRIFT_Z = 2.576
"""Two-sided 1% of the normal distribution: of 100 steady runs one is called a drift at most."""

MODE_SHARE = 0.1
MODES_APART = 0.05
_VALLEY = 0.5
_FIFTHS = 5
_FEWEST_FOR_MODES = 200
_BINS = 64


@dataclass(frozen=True)
class Modes:
    """Two speeds at which the same calls ran.

    Attributes:
        fast: The latency that calls of the faster hump gather at.
        slow: The same of the slower one.
        slow_share: Share of calls in the slower hump.
    """

    fast: float
    slow: float
    slow_share: float


def drift(medians: Sequence[float] | NDArray[np.float64]) -> float | None:
    """How far a series moved from its beginning to its end, if it moved one way.

    Mann's test for a trend (Mann, "Nonparametric Tests Against Trend", 1945; Kendall's variance
    without ties) and the median of all pairs' slopes (Sen, "Estimates of the Regression
    Coefficient Based on Kendall's Tau", 1968).

    Args:
        medians: One figure a round, in the order of measuring, positive.

    Returns:
        The change as a share of the median, positive for slower; None where the test does not
        see a trend at 1%, it is under 2%, or there are fewer than 10 rounds.
    """
    values = _thinned(np.asarray(medians, np.float64))
    n = len(values)
    if n < 10:
        return None
    i, j = np.triu_indices(n, 1)
    rises = values[j] - values[i]
    score = float(np.sign(rises).sum())
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    if abs(score) - 1 <= _DRIFT_Z * deviation:
        return None
    change = float(np.median(rises / (j - i))) * (n - 1) / float(np.median(values))
    return change if abs(change) >= DRIFT_AT_LEAST else None


def scatter(medians: Sequence[float] | NDArray[np.float64]) -> float | None:
    """How far the fifths of a series are apart: what another run of it may differ by at least.

    A machine that runs a model faster and slower within a second does so from one second to the
    next. Intervals of the whole series do not show it: they tell how well its own median is known.

    Args:
        medians: One figure a round, in the order of measuring, positive.

    Returns:
        The standard deviation of the logarithm of their medians; None for fewer than 10 rounds.
    """
    values = np.asarray(medians, np.float64)
    if len(values) < 2 * _FIFTHS:
        return None
    fifths = [np.median(part) for part in np.array_split(values, _FIFTHS)]
    return float(np.std(np.log(fifths), ddof=1))


def modes(samples: ArrayLike) -> Modes | None:
    """Two humps in the distribution, if there are two that matter.

    The middle 98% of the logarithms in 64 bins, smoothed by a binomial kernel: two peaks count
    when the lowest bin between them is below half of the lower peak, each side holds a tenth of
    the calls, and the peaks are 5% apart. Silverman ("Using Kernel Density Estimates to
    Investigate Multimodality", 1981) gives the idea of counting modes of a smoothed density.

    Args:
        samples: Durations, any order, positive.

    Returns:
        The two speeds; None for one hump, or fewer than 200 samples.
    """
    values = np.asarray(samples, np.float64)
    values = values[values > 0]
    if len(values) < _FEWEST_FOR_MODES:
        return None
    least, most = np.quantile(values, [0.01, 0.99])
    if most < least * (1 + MODES_APART):
        return None
    logs = np.log(values[(values >= least) & (values <= most)])
    counts, edges = np.histogram(logs, _BINS)
    density = np.convolve(counts, np.array([1, 4, 6, 4, 1]) / 16, mode="same")
    pair = _two_peaks(density)
    if pair is None:
        return None
    cut = float(edges[pair[0] + int(np.argmin(density[pair[0] : pair[1] + 1]))])
    slow = logs >= cut
    share = float(slow.mean())
    fast_at, slow_at = (float(np.exp(np.median(side))) for side in (logs[~slow], logs[slow]))
    if not MODE_SHARE <= share <= 1 - MODE_SHARE or slow_at < fast_at * (1 + MODES_APART):
        return None
    return Modes(fast_at, slow_at, share)


def _two_peaks(density: NDArray[np.float64]) -> tuple[int, int] | None:
    """The bins of the highest peak and of the highest other one behind a valley, in order."""
    first = int(np.argmax(density))
    best: int | None = None
    for place in range(len(density)):
        low, high = sorted((first, place))
        valley = density[low : high + 1].min()
        lower = min(density[first], density[place])
        if valley < _VALLEY * lower and (best is None or density[place] > density[best]):
            best = place
    if best is None:
        return None
    low, high = sorted((first, best))
    return low, high


def _thinned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) <= MOST_POINTS:
        return values
    return np.array([np.median(part) for part in np.array_split(values, MOST_POINTS)])
