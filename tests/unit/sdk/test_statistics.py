import math
from statistics import NormalDist, median_low

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from littoral.proportions import proportion_difference, proportion_interval
from littoral.statistics import (
    Estimate,
    batch_interval,
    early_stopping,
    interval_ranks,
    mean_interval,
    outliers,
    paired_ratio,
    percentile,
    percentile_interval,
    runs_needed,
    signed_rank_interval,
)
from scipy import stats


def binomial_cdf(k, n, p):
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_percentile_is_numpys_inverted_cdf(samples, fraction):
    rank = len(samples) * fraction
    if abs(rank - round(rank)) > 1e-6:
        expected = np.quantile(samples, fraction, method="inverted_cdf")
        assert percentile(samples, fraction) == expected


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_p50_is_the_lower_median(samples):
    assert percentile(samples, 0.5) == median_low(samples)


def test_percentile_of_integers_is_one_of_them():
    value = percentile(np.array([30, 10, 20], np.int64), 0.9)
    assert value == 30
    assert isinstance(value, int)


def test_a_whole_rank_is_not_rounded_up():
    assert percentile(range(1, 101), 0.07) == 7


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_percentile_refuses_a_fraction_outside_its_range(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1, 2, 3], fraction)


def test_no_samples_are_an_error():
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


# Conover 1999, table A3, and Hahn and Meeker 1991, table A.15, give (40, 61) for the median of 100.
def test_published_ranks_of_the_median_of_100():
    assert interval_ranks(100, 0.5) == (40, 61)


@pytest.mark.parametrize("n", [6, 20, 59, 300, 777])
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.99])
def test_ranks_are_the_narrowest_that_leave_a_fortieth_on_each_side(n, fraction):
    low, high = interval_ranks(n, fraction)
    if low is None:
        assert binomial_cdf(0, n, fraction) > 0.025
    else:
        assert binomial_cdf(low - 1, n, fraction) <= 0.025 < binomial_cdf(low, n, fraction)
    if high is None:
        assert 1 - binomial_cdf(n - 1, n, fraction) > 0.025
    else:
        assert 1 - binomial_cdf(high - 1, n, fraction) <= 0.025
        assert 1 - binomial_cdf(high - 2, n, fraction) > 0.025


def test_ranks_stay_exact_where_factorials_overflow():
    low, high = interval_ranks(1_000_000, 0.9)
    spread = NormalDist().inv_cdf(0.975) * math.sqrt(1_000_000 * 0.9 * 0.1)
    assert low == pytest.approx(900_000 - spread, abs=2)
    assert high == pytest.approx(900_000 + spread, abs=2)


@pytest.mark.parametrize(("fraction", "runs"), [(0.5, 6), (0.9, 36), (0.99, 368)])
def test_runs_needed_is_the_first_number_with_both_ends(fraction, runs):
    assert runs_needed(fraction) == runs
    assert None not in interval_ranks(runs, fraction)
    assert None in interval_ranks(runs - 1, fraction)


def test_too_few_runs_leave_an_end_open_instead_of_inventing_it():
    estimate = percentile_interval(range(50), 0.99)
    assert estimate.high is None
    assert estimate.low is not None
    assert not estimate.is_within(100)
    assert not estimate.excludes(0)
    assert percentile_interval([7], 0.5) == Estimate(7, None, None)


def test_equal_samples_have_an_interval_of_no_width():
    assert percentile_interval([5] * 1000, 0.9) == Estimate(5, 5, 5)


def clocks(rng):
    """Synthetic clocks: a sampler of n integer ns and the quantile function it samples."""
    normal = NormalDist()

    def lognormal(n):
        return np.rint(20_000 * np.exp(0.3 * rng.standard_normal(n))).astype(np.int64)

    def exponential(n):
        return np.rint(4_000 + rng.exponential(2_000, n)).astype(np.int64)

    return (
        (lognormal, lambda p: 20_000 * math.exp(0.3 * normal.inv_cdf(p))),
        (exponential, lambda p: 4_000 - 2_000 * math.log(1 - p)),
    )


def coverage(draw, truth, fraction, n, repeats):
    held = 0
    for _ in range(repeats):
        estimate = percentile_interval(draw(n), fraction)
        low = -math.inf if estimate.low is None else estimate.low
        high = math.inf if estimate.high is None else estimate.high
        held += low <= truth <= high
    return held / repeats


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [400, 2000])
def test_intervals_hold_the_truth_as_often_as_they_say(fraction, n):
    for draw, quantile in clocks(np.random.default_rng(n)):
        held = coverage(draw, quantile(fraction), fraction, n, 1200)
        # 95% with a binomial error of 0.6%; order statistics err on the safe side.
        assert 0.935 <= held <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.99])
def test_intervals_hold_the_truth_where_slow_and_fast_stretches_alternate(fraction):
    rng = np.random.default_rng(3)
    rho, n, repeats = 0.9, 8000, 250
    noise = rng.standard_normal((n, repeats))
    series = np.empty_like(noise)
    series[0] = noise[0]
    for step in range(1, n):
        series[step] = rho * series[step - 1] + math.sqrt(1 - rho * rho) * noise[step]
    columns = iter(series.T)
    truth = NormalDist().inv_cdf(fraction)
    assert coverage(lambda _: next(columns), truth, fraction, n, repeats) >= 0.91


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.99])
def test_intervals_hold_the_truth_on_a_machine_with_two_speeds(fraction):
    """Bursts of 200 calls, three in ten of them slow, as beside a busy neighbour."""
    rng = np.random.default_rng(8)

    def draw(shape, is_slow):
        noise = rng.standard_normal(shape)
        return np.where(is_slow, 7000 * np.exp(0.1 * noise), 5000 * np.exp(0.03 * noise))

    truth = np.quantile(draw(2_000_000, rng.random(2_000_000) < 0.3), fraction)

    def bursts(_):
        return draw((100, 200), rng.random((100, 1)) < 0.3).ravel()

    assert coverage(bursts, truth, fraction, 20_000, 250) >= 0.92


def test_batches_find_little_to_widen_in_independent_samples_and_much_in_a_drift():
    rng = np.random.default_rng(1)
    independent = rng.standard_normal(10_000)
    low, high = batch_interval(independent, 0.5)
    assert 200 / 3 < high - low < 200 * 3
    low, high = batch_interval(np.sort(independent), 0.5)
    assert high - low > 3000


def test_one_slow_stretch_does_not_stretch_the_p90_to_the_slowest_call():
    rng = np.random.default_rng(9)
    calls = rng.normal(5000, 50, 20_000)
    calls[4000:6200] = rng.normal(7000, 100, 2200)
    calls[::4001] = 1_000_000
    estimate = percentile_interval(calls, 0.9)
    assert 4900 < estimate.low < 5200
    assert 6900 < estimate.high < 7500


def test_a_drift_widens_the_interval():
    rng = np.random.default_rng(2)
    quiet = rng.normal(1000, 10, 4000)
    drifting = quiet + np.linspace(0, 100, 4000)
    narrow, wide = percentile_interval(quiet, 0.5), percentile_interval(drifting, 0.5)
    assert wide.high - wide.low > 10 * (narrow.high - narrow.low)


def test_outliers_are_those_of_the_published_formula():
    samples = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]
    middle = 2.45
    mad = 0.25
    expected = [abs(0.6745 * (x - middle) / mad) > 3.5 for x in samples]
    assert outliers(samples).tolist() == expected
    assert sum(expected) == 2


def test_outliers_where_most_samples_are_equal_use_the_mean_deviation():
    assert outliers([5] * 99 + [500]).sum() == 1
    assert outliers([5] * 100).sum() == 0
    assert outliers([1, 900]).sum() == 0


def test_paired_ratio_sees_through_a_drift_that_hides_the_difference():
    rng = np.random.default_rng(4)
    drift = np.exp(np.cumsum(rng.normal(0, 0.05, 200)))
    fast = 100 * drift * rng.normal(1, 0.01, 200)
    slow = 103 * drift * rng.normal(1, 0.01, 200)
    ratio = paired_ratio(slow, fast)
    assert ratio.low < 1.03 < ratio.high
    assert ratio.excludes(1.0)
    assert ratio.high - ratio.low < 0.02


def test_paired_ratio_of_equals_excludes_1_in_one_of_twenty_cases():
    rng = np.random.default_rng(5)
    pairs = [(rng.normal(100, 5, 100), rng.normal(100, 5, 100)) for _ in range(1000)]
    wrong = sum(paired_ratio(a, b).excludes(1.0) for a, b in pairs)
    assert wrong <= 60


def test_paired_ratio_of_sessions_holds_what_their_places_in_memory_cost():
    generator = np.random.default_rng(3)
    naive = honest = 0
    for _ in range(200):
        sessions = generator.lognormal(0, 0.03, (2, 8))
        sides = np.tile(sessions, 25) * generator.lognormal(0, 0.003, (2, 200))
        naive += paired_ratio(*sides).excludes(1.0)
        honest += paired_ratio(*sides, sessions=8).excludes(1.0)
    assert honest <= 0.08 * 200 < naive
    assert paired_ratio(sides[0] * 1.1, sides[1], sessions=8).excludes(1.0)


def test_proportion_difference_is_that_of_newcombes_table():
    found = proportion_difference(proportion_interval(56, 70), proportion_interval(48, 80))
    assert found.scaled(1, 4) == (0.2, 0.0524, 0.3339)
    assert proportion_difference(Estimate(0.5), Estimate(0.2)).ends == (None, None)


@pytest.mark.parametrize(("n", "outside"), [(6, 1), (7, 3), (8, 4), (10, 9), (15, 26), (20, 53)])
def test_signed_rank_interval_is_the_one_of_the_tables(n, outside):
    figures = np.random.default_rng(n).normal(size=n)
    means = np.sort([(a + b) / 2 for i, a in enumerate(figures) for b in figures[i:]])
    assert signed_rank_interval(figures) == (means[outside - 1], means[-outside])


def test_signed_rank_interval_of_few_figures_is_unknown():
    assert signed_rank_interval([1.0] * 5) == (None, None)
    assert signed_rank_interval([]) == (None, None)


def test_paired_ratio_of_few_rounds_has_no_interval():
    assert paired_ratio([2, 4], [1, 2]) == Estimate(2.0, None, None)


def test_paired_ratio_leaves_out_rounds_below_the_clocks_resolution():
    assert paired_ratio([0, 6], [0, 3]).value == 2.0
    with pytest.raises(ValueError, match="above 0"):
        paired_ratio([1], [0])
    with pytest.raises(ValueError, match="2 rounds against 1"):
        paired_ratio([1, 2], [1])


def test_scaled_keeps_what_is_unknown_unknown():
    assert Estimate(1234, None, 2000).scaled(1e-3, 1) == (1.2, None, 2.0)


@pytest.mark.parametrize(("fraction", "fewest"), [(0.9, 64), (0.99, 662)])
def test_early_stopping_asks_for_as_many_queries_as_mlperf_publishes(fraction, fewest):
    assert early_stopping(range(fewest - 1), fraction) is None
    assert early_stopping(range(fewest), fraction) == fewest - 1


def test_early_stopping_is_below_the_true_percentile_in_at_most_1_percent_of_runs():
    generator = np.random.default_rng(3)
    truth = -np.log(0.1)
    low = [early_stopping(generator.exponential(size=500)) < truth for _ in range(2000)]
    assert np.mean(low) <= 0.016  # 1% and three standard errors


def test_a_share_has_wilsons_published_interval():
    """Newcombe, "Two-sided confidence intervals", 1998, table I, method 3: 81 of 263, 0 of 20."""
    one = proportion_interval(81, 263)
    assert (round(one.low, 4), round(one.high, 4)) == (0.2553, 0.3662)
    none = proportion_interval(0, 20)
    assert (none.low, round(none.high, 4)) == (0.0, 0.1611)


def test_a_mean_has_students_interval():
    figures = np.random.default_rng(2).normal(50, 4, 20)
    found = mean_interval(figures)
    low, high = stats.t.interval(0.95, 19, figures.mean(), stats.sem(figures))
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-4), pytest.approx(high, rel=1e-4))
    assert mean_interval([1.0, 2.0]).low is None
