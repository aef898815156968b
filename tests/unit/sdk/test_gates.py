"""Gates: what they read, what they judge, and how often noise or a real slowdown trips them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from littoral import gates
from littoral.errors import InputError
from littoral.patterns import scatter
from littoral.statistics import percentile, percentile_interval


def fields(p50=100.0, *, half=0.01, yardstick=10.0, **others):
    made = {"size_bytes": 150_000, "accuracy": 0.9, "peak_memory_bytes": 10**8, **others}
    for name, factor in (("p50", 1.0), ("p90", 1.1), ("p99", 1.15)):
        value = p50 * factor
        ends = {"": value, "_low": value * (1 - half), "_high": value * (1 + half)}
        made |= {f"latency_{name}_us{end}": figure for end, figure in ends.items()}
    return {**made, "yardstick_p50_us": yardstick}


def outcome(gate, old, new):
    parsed = gates.parse(gate)
    return gates.judge(parsed, gates.change(parsed.metric, old, new)).outcome


@pytest.mark.parametrize(
    ("text", "metric", "limit", "change"),
    [
        ("p90<=+5%", "p90", 0.05, "share"),
        ("p50 <= -12.5 %", "p50", -0.125, "share"),
        ("size<=200k", "size", 200_000, None),
        ("size<=1MiB", "size", 2**20, None),
        ("size<=+1kB", "size", 1000, "amount"),
        ("p99<=50us", "p99", 50_000, None),
        ("p99<=50µs", "p99", 50_000, None),
        ("cold_start<=1.5s", "cold_start", 1.5e9, None),
        ("accuracy>=-0.5", "accuracy", -0.5, "amount"),
        ("accuracy>=90", "accuracy", 90, None),
    ],
)
def test_gates_as_people_write_them(text, metric, limit, change):
    gate = gates.parse(text)
    assert (gate.metric, gate.change) == (metric, change)
    assert gate.limit == pytest.approx(limit)
    assert gate.is_ceiling is ("<=" in text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p90", "METRIC<=LIMIT"),
        ("p90<5", "METRIC<=LIMIT"),
        ("p90<=five", "METRIC<=LIMIT"),
        ("speed<=5%", "no metric 'speed', choose from p50"),
        ("p90<=5%", "give it a sign"),
        ("p90<=5", "takes ns, us"),
        ("size<=5ms", "takes b, k"),
        ("accuracy>=5ms", "percentage points"),
        ("p90<=1;rm", "METRIC<=LIMIT"),
    ],
)
def test_what_is_no_gate_is_one_clear_error(text, words):
    with pytest.raises(InputError, match=words):
        gates.parse(text)


def test_a_real_slowdown_breaches_and_a_small_one_passes():
    assert outcome("p90<=+5%", fields(), fields(110.0)) == "breached"
    assert outcome("p90<=+5%", fields(), fields(104.0)) == "passed"
    assert outcome("p50>=-5%", fields(), fields(90.0)) == "breached"


def test_what_noise_explains_is_undecided_and_not_a_breach():
    wide = fields(107.0, half=0.1)
    assert outcome("p90<=+5%", fields(half=0.1), wide) == "undecided"


def test_the_more_the_machine_itself_moved_the_less_is_sure():
    assert outcome("p50<=+5%", fields(), fields(100.0, yardstick=9.0)) == "breached"
    assert outcome("p50<=+5%", fields(), fields(88.0, yardstick=8.0)) == "undecided"


def test_a_model_that_changed_its_speed_within_a_run_may_do_so_between_runs():
    assert outcome("p50<=+5%", fields(scatter=0.005), fields(110.0, scatter=0.005)) == "breached"
    assert outcome("p50<=+5%", fields(scatter=0.005), fields(110.0, scatter=0.12)) == "undecided"
    assert outcome("size<=+5%", fields(), fields(size_bytes=10**6, scatter=0.12)) == "breached"


def test_a_p90_far_above_its_median_tells_of_the_machine():
    calm, beside_others = fields(), fields()
    beside_others |= {"latency_p90_us": 150.0, "latency_p90_us_low": 149.0}
    beside_others |= {"latency_p90_us_high": 151.0}
    assert outcome("p90<=+5%", calm, beside_others) == "undecided"


def test_a_machine_that_was_slower_as_a_whole_breaches_nothing():
    assert outcome("p50<=+5%", fields(), fields(130.0, yardstick=13.0)) == "passed"
    assert outcome("p50<=+5%", fields(), fields(100.0, yardstick=8.0)) == "breached"
    without = {**fields(130.0), "yardstick_p50_us": None}
    assert outcome("p50<=+5%", {**fields(), "yardstick_p50_us": None}, without) == "breached"


def test_bounds_on_the_figure_itself():
    assert outcome("size<=150k", fields(), fields()) == "passed"
    assert outcome("size<=149999", fields(), fields()) == "breached"
    assert outcome("p50<=99us", fields(), fields(100.0, half=0.001)) == "breached"
    assert outcome("p50<=99.5us", fields(), fields(100.0, half=0.01)) == "undecided"
    assert outcome("accuracy>=90", fields(), fields(accuracy=0.899)) == "breached"
    assert outcome("accuracy>=-0.5", fields(), fields(accuracy=0.895)) == "passed"
    assert outcome("accuracy>=-0.5", fields(), fields(accuracy=0.8949)) == "breached"


def test_a_figure_that_is_missing_is_no_pass():
    assert outcome("cold_start<=1s", fields(), fields()) == "unknown"
    assert outcome("accuracy>=-0.5", fields(accuracy=None), fields()) == "unknown"


def test_a_tail_that_other_work_made_is_not_laid_at_the_model():
    calm, disturbed = fields(), fields()
    disturbed |= {"latency_p99_us": 300.0, "latency_p99_us_low": 290.0}
    disturbed |= {"latency_p99_us_high": 310.0}
    assert outcome("p99<=+5%", calm, disturbed) == "undecided"


def measured(generator, p50_us, speed):
    """Figures of one run on a machine that changes speed by minute, by round and by process."""
    rounds = 60
    drift = speed * np.exp(np.cumsum(generator.normal(0, 0.003, rounds)))
    own = math.exp(generator.normal(0, 0.006))
    calls = 40
    noise = np.exp(np.abs(generator.normal(0, 0.03, (rounds, calls))))
    spikes = 1 + 0.3 * (generator.random((rounds, calls)) < 0.01)
    durations = (p50_us * own * drift[:, None] * noise * spikes).ravel()
    found = {}
    for name, fraction in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        estimate = percentile_interval(durations, fraction)
        ends = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
        found |= {f"latency_{name}_us{end}": figure for end, figure in ends.items()}
    yardstick = 10 * drift[:, None] * np.exp(np.abs(generator.normal(0, 0.03, (rounds, calls))))
    found["scatter"] = scatter(np.median(durations.reshape(rounds, calls), axis=1))
    return {**found, "yardstick_p50_us": percentile(yardstick.ravel(), 0.5)}


@pytest.mark.parametrize("metric", ["p50", "p90"])
def test_of_200_runs_of_the_same_at_most_2_percent_breach_and_95_percent_of_slowdowns_do(metric):
    generator = np.random.default_rng(11)
    speeds = np.exp(generator.normal(0, 0.05, 201))
    same = [measured(generator, 100.0, speed) for speed in speeds]
    slower = [measured(generator, 110.0, speed) for speed in speeds]
    gate = f"{metric}<=+5%"
    false = sum(outcome(gate, old, new) == "breached" for old, new in pairwise(same))
    caught = sum(
        outcome(gate, old, new) == "breached" for old, new in zip(same, slower[1:], strict=False)
    )
    assert false <= 4
    assert caught >= 190


@pytest.mark.parametrize(
    ("samples", "is_significant"), [(None, False), (100, False), (10_000, True)]
)
def test_an_accuracy_changes_beyond_noise_where_its_samples_bear_it_out(samples, is_significant):
    old, new = {"accuracy": 0.9, "samples": samples}, {"accuracy": 0.88, "samples": samples}
    assert gates.change("accuracy", old, new).is_significant == is_significant
    assert not gates.change("accuracy", old, old).is_significant
