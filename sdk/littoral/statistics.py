"""Pure functions over repeated measurements: percentiles, intervals, outliers, paired ratios.

Nothing here assumes a distribution. Latencies are skewed, have several modes and heavy tails, so
every figure is an order statistic: one of the measured values, never a mean of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
OUTLIER_THRESHOLD = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993, section 3.3)."""

_BATCHES = 20
_BATCH_T = 2.093
"""Student's t of 19 degrees of freedom at 97.5%: the scatter of 20 batches is itself estimated."""

_FEWEST_A_BATCH = 10
_EARLY_STOPPING_RISK = 0.01


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

    def fields(self, name: str, factor: float, digits: int) -> dict[str, float | None]:
        """JSON-able: the value under a name, the ends under it with ``_low`` and ``_high``."""
        value, low, high = self.scaled(factor, digits)
        return {name: value, f"{name}_low": low, f"{name}_high": high}

    @classmethod
    def of_fields(
        cls, fields: Mapping[str, Any], name: str, factor: float = 1.0
    ) -> Estimate | None:
        """What `fields` wrote, times `factor`; None where there is no value of that name."""
        value, low, high = (fields.get(f"{name}{end}") for end in ("", "_low", "_high"))
        if value is None:
            return None
        low, high = (None if end is None else end * factor for end in (low, high))
        return cls(value * factor, low, high)

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


def percentile_interval(samples: ArrayLike, fraction: float) -> Estimate:
    """A percentile with its confidence interval from binomial order statistics.

    The number of samples below the true percentile is binomial(n, fraction), whatever the
    distribution, so two order statistics bracket it with at least the asked confidence (Conover,
    "Practical Nonparametric Statistics", 1999, section 3.2; Hahn and Meeker, "Statistical
    Intervals", 1991, section 5.2). That holds for independent samples. Latencies come in slow and
    fast stretches, so the interval is widened to what consecutive batches bear out
    (`batch_interval`).

    Args:
        samples: At least one number, in the order of measuring.
        fraction: Between 0 and 1.

    Returns:
        The nearest-rank percentile with its interval. An end is None when even the extreme sample
        does not give the confidence: see `runs_needed`.

    Raises:
        ValueError: No samples, or a fraction outside (0, 1).
    """
    ordered = _sorted(samples, fraction)
    n = len(ordered)
    low, high = interval_ranks(n, fraction)
    if n >= _BATCHES * _FEWEST_A_BATCH:
        outer_low, outer_high = batch_interval(samples, fraction)
        low = None if low is None else min(low, outer_low)
        high = None if high is None else max(high, outer_high)
    return Estimate(
        value=_item(ordered, _rank(n, fraction)),
        low=None if low is None else _item(ordered, low),
        high=None if high is None else _item(ordered, high),
    )


def interval_ranks(n: int, fraction: float) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the order statistics that bracket a percentile.

    Args:
        n: Number of independent samples.
        fraction: Between 0 and 1.

    Returns:
        The largest low rank with P(B < low) <= a/2 and the smallest high rank with
        P(B >= high) <= a/2, where B is binomial(n, fraction) and a = 5%. None for an
        end that n samples cannot give.
    """
    first, mass = _binomial(n, fraction)
    tail = (1 - CONFIDENCE) / 2
    below = np.cumsum(mass)
    above = np.cumsum(mass[::-1])[::-1]
    low = first + int(np.searchsorted(below, tail, side="right"))
    high = first + int(np.count_nonzero(above > tail))
    return (low if low >= 1 else None), (high if high <= n else None)


def runs_needed(fraction: float) -> int:
    """The fewest independent runs that give both ends of a percentile's interval.

    The largest of n samples lies above the percentile with probability 1 - fraction**n.

    Args:
        fraction: Between 0 and 1.

    Returns:
        6 for p50, 36 for p90, 368 for p99 at 95% confidence.
    """
    return math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(max(fraction, 1 - fraction)))


def early_stopping(samples: ArrayLike, fraction: float = 0.9) -> float | None:
    """The percentile that MLPerf's early stopping reports: an upper bound at 99% confidence.

    With t samples discarded at the top, the next one down is reported, where t is the largest
    number with P(B >= n - t) <= 1%, B binomial(n, fraction): were the true percentile higher, so
    many fast samples would be that unlikely ("MLPerf Inference Benchmark", Reddi et al. 2020, and
    the early stopping appendix of its rules).

    Args:
        samples: Durations, any order.
        fraction: Between 0 and 1; the single stream scenario's is 0.9.

    Returns:
        One of the samples; None for fewer than the rule asks for (64 at p90, 662 at p99).

    Raises:
        ValueError: No samples, or a fraction outside (0, 1).
    """
    ordered = _sorted(samples, fraction)
    n = len(ordered)
    first, mass = _binomial(n, fraction)
    above = np.cumsum(mass[::-1])[::-1]
    rank = first + int(np.count_nonzero(above > _EARLY_STOPPING_RISK))
    discarded = n - rank
    return _item(ordered, n - discarded + 1) if discarded >= 1 else None


def mean_interval(figures: Sequence[float]) -> Estimate:
    """The mean of independent figures with its 95% interval by Student's t.

    Args:
        figures: At least one; an interval needs `_BATCHES` or more.
    """
    values = np.asarray(figures, np.float64)
    mean = float(values.mean())
    if len(values) < _BATCHES:
        return Estimate(mean)
    reach = _BATCH_T * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Estimate(mean, mean - reach, mean + reach)


def batch_interval(samples: ArrayLike, fraction: float) -> tuple[int, int]:
    """Ranks that bracket a percentile at 95% where neighbouring samples resemble each other.

    Woodruff, "Confidence Intervals for Medians and Other Position Measures", 1952, by inverting
    the test: x can be the percentile unless the share of samples up to x differs from `fraction`
    by more than t standard errors. The standard error comes from how that share scatters over 20
    consecutive batches, which hold slow stretches together (batch means, Conway 1963; for
    percentiles Heidelberger and Lewis, 1984). Far out few batches differ at all, so it is taken to
    be at least that of independent samples times the excess found at the percentile itself.

    Args:
        samples: At least 20, in the order of measuring.
        fraction: Between 0 and 1.

    Returns:
        Ranks, from 1, of the interval's ends among the sorted samples.
    """
    values = np.asarray(samples)
    n, size = len(values), len(values) // _BATCHES
    batches = np.sort(values[: size * _BATCHES].reshape(_BATCHES, size), axis=1)
    ranks = _candidate_ranks(n)
    candidates = np.sort(values)[ranks - 1]
    counts = [np.searchsorted(batch, candidates, side="right") for batch in batches]
    shares = np.stack(counts) / size
    mean = shares.mean(axis=0)
    scatter = shares.var(axis=0, ddof=1) / _BATCHES
    independent = mean * (1 - mean) / n
    here = int(np.searchsorted(ranks, _rank(n, fraction)))
    excess = scatter[here] / independent[here] if independent[here] else 1.0
    margin = _BATCH_T * np.sqrt(np.maximum(scatter, excess * independent))
    too_low = np.flatnonzero(mean + margin < fraction)
    too_high = np.flatnonzero(mean - margin > fraction)
    low = ranks[too_low[-1]] if len(too_low) else 1
    high = ranks[too_high[0]] if len(too_high) else n
    return int(low), int(high)


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
    numerators: Sequence[float], denominators: Sequence[float], sessions: int = 1
) -> Estimate:
    """The median ratio of two series that were measured in turn, paired by round.

    A slow stretch of the machine slows both of a pair and cancels out. The interval is the one
    that the sign test gives (Conover 1999, section 3.4): order statistics of the ratios. Rounds of
    one session share what its place in memory costs, so it is widened to what the sessions, each a
    single figure, bear out (`signed_rank_interval` of the logarithms of their medians).

    Args:
        numerators: One figure a round.
        denominators: The other series' figure of the same round, not negative.
        sessions: How many took turns by round, as many of one side as of the other.

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
    found = percentile_interval(over[usable] / under[usable], 0.5)
    if found.low is None or found.high is None:
        return found
    pairs = [_median_ratio(over[own::sessions], under[own::sessions]) for own in range(sessions)]
    low, high = signed_rank_interval([math.log(pair) for pair in pairs if pair > 0])
    return Estimate(
        found.value,
        found.low if low is None else min(found.low, math.exp(low)),
        found.high if high is None else max(found.high, math.exp(high)),
    )


def signed_rank_interval(figures: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95% interval of the centre of a symmetric distribution, from few independent figures.

    By Wilcoxon's signed rank test: order statistics of the means of all pairs (Hollander, Wolfe and
    Chicken, "Nonparametric Statistical Methods", 2014, section 3.3).

    Args:
        figures: Any number.

    Returns:
        Low and high; None for both with fewer than 6 figures.
    """
    n = len(figures)
    ways = np.ones(1)
    for rank in range(1, n + 1):
        ways = np.convolve(ways, np.concatenate([[1.0], np.zeros(rank - 1), [1.0]]))
    outside = int(np.searchsorted(np.cumsum(ways) / 2.0**n, (1 - CONFIDENCE) / 2, side="right"))
    if outside == 0:
        return None, None
    rows, columns = np.triu_indices(n)
    values = np.asarray(figures, np.float64)
    means = np.sort((values[rows] + values[columns]) / 2)
    return float(means[outside - 1]), float(means[-outside])


def _median_ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> float:
    """Of the pairs whose denominator is not 0; 0 where there are none."""
    usable = under > 0
    return percentile(over[usable] / under[usable], 0.5) if usable.any() else 0.0


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


def _candidate_ranks(n: int) -> NDArray[np.int64]:
    """Every rank of few samples; of many, 1000 spread evenly and the outermost 300."""
    spread = np.linspace(1, n, min(n, 1000)).astype(np.int64)
    ends = np.arange(1, min(n, 300) + 1)
    return np.unique(np.concatenate([ends, spread, n + 1 - ends]))


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
