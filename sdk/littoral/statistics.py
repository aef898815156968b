"""Pure functions over repeated measurements: percentiles, intervals, outliers, paired ratios.

Nothing here assumes a distribution. Latencies are skewed, have several modes and heavy tails, so
every figure is an order statistic: one of the measured values, never a mean of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
OUTLIER_THRESHOLD = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993, section 3.3)."""

_BATCHES = 20
_BATCH_PENALTY = (2.093 / 1.960) ** 2
"""Student's t over the normal quantile for 20 batches, squared: the variance is estimated too."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, all three in one unit.

    Attributes:
        value: The point estimate.
        low: Lower end; None when there are too few measurements to give one.
        high: Upper end; None when there are too few measurements to give one.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float, digits: int) -> tuple[float, float | None, float | None]:
        """Value, low and high times `factor`, rounded to `digits` decimals."""
        low, high = (None if end is None else round(end * factor, digits) for end in self.ends)
        return round(self.value * factor, digits), low, high

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The interval: low and high."""
        return self.low, self.high

    def is_within(self, tolerance: float) -> bool:
        """True when the interval reaches at most `tolerance` times the value to either side."""
        if self.low is None or self.high is None:
            return False
        return max(self.value - self.low, self.high - self.value) <= tolerance * self.value

    def excludes(self, value: float) -> bool:
        """True when the interval is known and `value` lies outside it."""
        if self.low is None or self.high is None:
            return False
        return not self.low <= value <= self.high


def percentile(samples: ArrayLike, fraction: float) -> float:
    """The nearest-rank percentile: the smallest value with `fraction` of the samples up to it.

    Definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996.

    Args:
        samples: At least one number, any order.
        fraction: Between 0 and 1, for example 0.9.

    Returns:
        One of the samples; an int where the samples are integers.

    Raises:
        ValueError: No samples, or a fraction outside (0, 1).
    """
    ordered = _sorted(samples, fraction)
    return _item(ordered, _rank(len(ordered), fraction))


def percentile_interval(
    samples: ArrayLike, fraction: float, confidence: float = CONFIDENCE
) -> Estimate:
    """A percentile with its confidence interval from binomial order statistics.

    The number of samples below the true percentile is binomial(n, fraction), whatever the
    distribution, so two order statistics bracket it with at least the asked confidence (Conover,
    "Practical Nonparametric Statistics", 1999, section 3.2; Hahn and Meeker, "Statistical
    Intervals", 1991, section 5.2). That holds for independent samples. Latencies come in slow and
    fast stretches, so n is first reduced to the number of independent samples that would scatter
    as much (`effective_count`), and the ranks are stretched accordingly.

    Args:
        samples: At least one number, in the order of measuring.
        fraction: Between 0 and 1.
        confidence: Probability that the interval holds the true percentile.

    Returns:
        The nearest-rank percentile with its interval. An end is None when even the extreme sample
        does not give the confidence: see `runs_needed`.

    Raises:
        ValueError: No samples, or a fraction outside (0, 1).
    """
    ordered = _sorted(samples, fraction)
    n = len(ordered)
    effective = effective_count(samples, fraction)
    low, high = interval_ranks(effective, fraction, confidence)
    if effective < n:
        low, high = _stretched(low, high, effective, n, fraction, confidence)
    return Estimate(
        value=_item(ordered, _rank(n, fraction)),
        low=None if low is None else _item(ordered, low),
        high=None if high is None else _item(ordered, high),
    )


def interval_ranks(
    n: int, fraction: float, confidence: float = CONFIDENCE
) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the order statistics that bracket a percentile.

    Args:
        n: Number of independent samples.
        fraction: Between 0 and 1.
        confidence: Probability that the bracket holds the true percentile.

    Returns:
        The largest low rank with P(B < low) <= a/2 and the smallest high rank with
        P(B >= high) <= a/2, where B is binomial(n, fraction) and a = 1 - confidence. None for an
        end that n samples cannot give.
    """
    first, mass = _binomial(n, fraction)
    tail = (1 - confidence) / 2
    below = np.cumsum(mass)
    above = np.cumsum(mass[::-1])[::-1]
    low = first + int(np.searchsorted(below, tail, side="right"))
    high = first + int(np.count_nonzero(above > tail))
    return (low if low >= 1 else None), (high if high <= n else None)


def runs_needed(fraction: float, confidence: float = CONFIDENCE) -> int:
    """The fewest independent runs that give both ends of a percentile's interval.

    The largest of n samples lies above the percentile with probability 1 - fraction**n.

    Args:
        fraction: Between 0 and 1.
        confidence: Probability that the interval holds the true percentile.

    Returns:
        6 for p50, 36 for p90, 368 for p99 at 95% confidence.
    """
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(fraction, 1 - fraction)))


def effective_count(samples: ArrayLike, fraction: float) -> int:
    """How many independent samples would know a percentile as well as these do.

    Batch means (Conway 1963) of the indicator "at or below the percentile", as Heidelberger and
    Lewis, "Quantile Estimation in Dependent Sequences", 1984, apply them: 20 consecutive batches;
    where their means scatter more than independent samples would, n shrinks by that ratio.

    Args:
        samples: In the order of measuring.
        fraction: Between 0 and 1.

    Returns:
        Between 1 and n; n itself for fewer than 200 samples, where batches would tell nothing.
    """
    values = np.asarray(samples)
    size = len(values) // _BATCHES
    if size < 10:
        return len(values)
    below = values <= percentile(values, fraction)
    means = below[: size * _BATCHES].reshape(_BATCHES, size).mean(axis=1)
    share = float(below.mean())
    expected = share * (1 - share) / size
    if expected == 0:
        return len(values)
    inflation = float(means.var(ddof=1)) / expected
    if inflation <= 1:
        return len(values)
    return max(1, int(len(values) / (inflation * _BATCH_PENALTY)))


def outliers(samples: ArrayLike, threshold: float = OUTLIER_THRESHOLD) -> NDArray[np.bool_]:
    """Which samples are outliers, by the modified z-score 0.6745 (x - median) / MAD.

    Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993. Where more than half of the
    samples are equal the MAD is 0, and the mean absolute deviation times 1.2533 stands in for it.
    They are counted and shown; nothing is removed because of it.

    Args:
        samples: Numbers, any order.
        threshold: Modified z-score beyond which a value is an outlier.

    Returns:
        One bool per sample; all False for fewer than three samples or when all are equal.
    """
    values = np.asarray(samples, np.float64)
    if len(values) < 3:
        return np.zeros(len(values), np.bool_)
    deviation = np.abs(values - np.median(values))
    spread = float(np.median(deviation)) / 0.6745
    if spread == 0:
        spread = float(deviation.mean()) * 1.2533
    if spread == 0:
        return np.zeros(len(values), np.bool_)
    return np.asarray(deviation / spread > threshold)


def paired_ratio(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate:
    """The median ratio of two series that were measured in turn, paired by round.

    A slow stretch of the machine slows both of a pair and cancels out. The interval is the one
    that the sign test gives (Conover 1999, section 3.4): order statistics of the ratios.

    Args:
        numerators: One figure a round.
        denominators: The other series' figure of the same round, not negative.
        confidence: Probability that the interval holds the true median ratio.

    Returns:
        Median ratio with its interval. Pairs whose denominator is 0 (below the clock's
        resolution) are left out. The interval's ends are None for fewer than 6 pairs.

    Raises:
        ValueError: The series differ in length, or no pair is left.
    """
    if len(numerators) != len(denominators):
        raise ValueError(f"{len(numerators)} rounds against {len(denominators)}")
    over = np.asarray(numerators, np.float64)
    under = np.asarray(denominators, np.float64)
    usable = under > 0
    if not usable.any():
        raise ValueError("no round has a duration above 0")
    return percentile_interval(over[usable] / under[usable], 0.5, confidence)


def _binomial(n: int, fraction: float) -> tuple[int, NDArray[np.float64]]:
    """Probabilities of binomial(n, fraction) within 10 standard deviations of its mode.

    Grown outward from the mode by the ratio of neighbours and normalised, which neither overflows
    nor loses digits at any n.
    """
    mode = min(n, int((n + 1) * fraction))
    reach = int(10 * math.sqrt(n * fraction * (1 - fraction))) + 30
    up = np.arange(mode, min(n, mode + reach))
    down = np.arange(mode, max(0, mode - reach), -1)
    odds = fraction / (1 - fraction)
    rising = np.cumprod((n - up) / (up + 1) * odds)
    falling = np.cumprod(down / (n - down + 1) / odds)
    mass = np.concatenate([falling[::-1], [1.0], rising])
    return mode - len(falling), mass / mass.sum()


def _stretched(
    low: int | None, high: int | None, effective: int, n: int, fraction: float, confidence: float
) -> tuple[int | None, int | None]:
    """Ranks among `effective` samples as ranks among `n`, rounded outward.

    Where the effective samples are too few for an end, the extreme sample is the end that all n
    samples support.
    """
    plain_low, plain_high = interval_ranks(n, fraction, confidence)
    outer_low = max(1, low * n // effective) if low is not None else 1
    outer_high = min(n, -(-high * n // effective)) if high is not None else n
    return (
        None if plain_low is None else min(plain_low, outer_low),
        None if plain_high is None else max(plain_high, outer_high),
    )


def _sorted(samples: ArrayLike, fraction: float) -> NDArray[Any]:
    if not 0 < fraction < 1:
        raise ValueError(f"a percentile lies between 0 and 1, not at {fraction}")
    ordered = np.sort(np.asarray(samples))
    if len(ordered) == 0:
        raise ValueError("no samples")
    return ordered


def _rank(n: int, fraction: float) -> int:
    # 0.07 * 100 is 7.000000000000001: a whole rank must not be rounded up by that.
    return max(1, math.ceil(n * fraction - 1e-9))


def _item(ordered: NDArray[Any], rank: int) -> float:
    value: float = ordered[rank - 1].item()
    return value
