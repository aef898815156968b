"""Pure functions over shares of trials: their intervals, and that of a difference."""

from __future__ import annotations

import math

from littoral.statistics import Estimate

_Z_95 = 1.96


def proportion_interval(hits: int, trials: int) -> Estimate:
    """A share with its 95% interval (Wilson, "Probable Inference", 1927).

    Args:
        hits: How often it happened, 0 to `trials`.
        trials: At least 1.
    """
    share = hits / trials
    square = _Z_95**2 / trials
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return Estimate(share, max(0.0, centre - reach), min(1.0, centre + reach))


def proportion_difference(new: Estimate, old: Estimate) -> Estimate:
    """One share less another, of independent trials, with its 95% interval.

    Newcombe, "Interval estimation for the difference between independent proportions", 1998,
    method 10: the two Wilson intervals taken together.

    Args:
        new: From `proportion_interval`.
        old: The share that is taken away, likewise.
    """
    value = new.value - old.value
    if None in (*new.ends, *old.ends):
        return Estimate(value)
    below = math.hypot(new.value - (new.low or 0.0), (old.high or 0.0) - old.value)
    above = math.hypot((new.high or 0.0) - new.value, old.value - (old.low or 0.0))
    return Estimate(value, value - below, value + above)
