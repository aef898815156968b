import numpy as np
import pytest
from littoral.patterns import drift, modes, scatter


def test_a_rise_is_a_drift_of_its_own_size():
    noise = np.random.default_rng(0).normal(0, 0.005, 100)
    assert drift(100 * (1 + noise + np.linspace(0, 0.1, 100))) == pytest.approx(0.095, abs=0.01)
    assert drift(100 * (1 + noise - np.linspace(0, 0.1, 100))) == pytest.approx(-0.105, abs=0.015)


def test_a_steady_machine_is_called_drifting_in_about_1_percent_of_runs():
    generator = np.random.default_rng(1)
    found = [drift(np.exp(generator.normal(0, 0.1, 40))) is not None for _ in range(1000)]
    assert np.mean(found) <= 0.02


def test_what_changes_slowly_within_a_run_is_its_scatter():
    generator = np.random.default_rng(2)
    quick = np.exp(generator.normal(0, 0.02, 250))
    slow = np.repeat(np.exp(generator.normal(0, 0.05, 5)), 50)
    assert scatter(quick) < 0.006
    assert scatter(quick * slow) == pytest.approx(np.std(np.log(slow[::50]), ddof=1), abs=0.01)
    assert scatter(quick[:9]) is None


def test_few_rounds_and_small_changes_are_no_drift():
    assert drift(np.linspace(1, 2, 9)) is None
    assert drift(np.linspace(1, 1.01, 50)) is None


def test_thousands_of_rounds_are_thinned_and_seen():
    assert drift(np.linspace(1, 1.5, 20_000)) == pytest.approx(0.4, abs=0.02)


def test_two_speeds_are_two_modes_with_their_shares():
    generator = np.random.default_rng(2)
    fast, slow = (
        generator.lognormal(np.log(100), 0.03, 3000),
        generator.lognormal(np.log(130), 0.03, 1000),
    )
    found = modes(np.concatenate([slow, fast]))
    assert found.fast == pytest.approx(100, rel=0.01)
    assert found.slow == pytest.approx(130, rel=0.01)
    assert found.slow_share == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_one_skewed_hump_with_a_tail_is_one_mode(seed):
    generator = np.random.default_rng(seed)
    tail = 1 + 0.5 * (generator.random(5000) < 0.03)
    assert modes(100 * np.exp(np.abs(generator.normal(0, 0.05, 5000))) * tail) is None
    assert modes(generator.gamma(2, 10, 5000)) is None


def test_equal_durations_and_few_are_one_mode():
    assert modes([5.0] * 1000) is None
    assert modes([1.0, 2.0] * 50) is None
