import gc

import numpy as np
import pytest
from littoral.clock import BURST_NS, Observer, Plan, time_in_turn, warm_up


class FakeClock:
    """Moves only when a call is made: every duration is known beforehand."""

    def __init__(self):
        self.now = 0
        self.order = []

    def __call__(self):
        return self.now

    def call(self, name, duration):
        """A call that takes `duration` ns, or duration(index) for its index-th call."""
        made = [0]

        def run():
            self.now += duration(made[0]) if callable(duration) else duration
            made[0] += 1
            self.order.append(name)

        return run


def test_every_timed_duration_is_the_calls_own():
    clock = FakeClock()
    calls = [clock.call("a", 7_000), clock.call("b", 1_000_000)]
    a, b = time_in_turn(calls, Plan(runs=100), clock)
    assert np.concatenate(a).tolist() == [7_000] * 100
    assert np.concatenate(b).tolist() == [1_000_000] * 100
    assert np.concatenate(a).dtype == np.int64


@pytest.mark.parametrize("runs", [1, 2, 49, 50, 51, 997])
def test_fixed_runs_are_exact_and_spread_over_equal_rounds(runs):
    clock = FakeClock()
    a, b = time_in_turn(
        [clock.call("a", 10), clock.call("b", 20)], Plan(runs=runs, warmup=0), clock
    )
    assert sum(map(len, a)) == sum(map(len, b)) == runs
    assert len(a) == len(b) == min(runs, 50)
    assert max(map(len, a)) - min(map(len, a)) <= 1


def test_rounds_take_turns_in_an_order_that_changes():
    clock = FakeClock()
    time_in_turn([clock.call(n, 1_000_000) for n in "abc"], Plan(runs=30, warmup=0), clock)
    rounds = [tuple(clock.order[i : i + 3]) for i in range(0, 90, 3)]
    assert all(sorted(own) == ["a", "b", "c"] for own in rounds)
    assert len(set(rounds)) > 3


def test_sessions_of_one_call_take_turns_by_round():
    clock = FakeClock()
    sessions = [clock.call(f"a{at}", 1_000_000 + at) for at in range(3)]
    a, b = time_in_turn([sessions, clock.call("b", 10**6)], Plan(runs=12, warmup=1), clock)
    assert np.concatenate(a).tolist() == [1_000_000, 1_000_001, 1_000_002] * 4
    assert len(np.concatenate(b)) == 12
    assert clock.order[:4] == ["a0", "a1", "a2", "b"], "each is warmed up"


def test_a_burst_lasts_as_long_for_a_fast_call_as_for_a_slow_one():
    clock = FakeClock()
    calls = [clock.call("fast", 10_000), clock.call("slow", 1_000_000), clock.call("slower", 9**8)]
    fast, slow, slower = time_in_turn(calls, Plan(duration_ns=500_000_000), clock)
    assert {len(own) for own in fast} == {BURST_NS // 10_000}
    assert {len(own) for own in slow} == {4}
    assert {len(own) for own in slower} == {1}


def test_it_stops_early_when_every_interval_is_narrow():
    clock = FakeClock()
    (steady,) = time_in_turn([clock.call("a", 10_000)], Plan(duration_ns=10**12), clock)
    assert len(steady) == 20
    assert clock.now < 10**9


def test_it_stops_at_the_duration_when_the_intervals_stay_wide():
    clock = FakeClock()
    rng = np.random.default_rng(0)
    noisy = clock.call("a", lambda _: int(rng.lognormal(13, 1.5)))
    time_in_turn([noisy], Plan(warmup=5, duration_ns=200_000_000), clock)
    assert 200_000_000 <= clock.now < 300_000_000


def test_a_call_longer_than_the_duration_still_gets_three_rounds():
    clock = FakeClock()
    (slow,) = time_in_turn([clock.call("a", 10**10)], Plan(duration_ns=1), clock)
    assert len(slow) == 3


def test_warm_up_goes_on_while_it_gets_faster():
    clock = FakeClock()
    # 100 ms, 50 ms, 25 ms ... down to 1 ms: every window is faster than the one before.
    cooling = clock.call("a", lambda index: max(1_000_000, 100_000_000 >> index))
    assert warm_up(cooling, None, clock)[0] == 1_000_000


def test_warm_up_ends_after_two_windows_of_a_steady_call():
    clock = FakeClock()
    assert warm_up(clock.call("a", 1_000_000), None, clock) == (1_000_000, 20)
    assert len(clock.order) == 20


def test_warm_up_is_bounded_when_it_never_settles():
    clock = FakeClock()
    warm_up(clock.call("a", lambda index: 10**12 // (index + 1) ** 2), None, clock)
    assert len(clock.order) == 10


def test_warm_up_of_a_given_number_makes_exactly_that_many_calls():
    clock = FakeClock()
    assert warm_up(clock.call("a", 5), 7, clock) == (5, 7)
    assert len(clock.order) == 7
    assert warm_up(clock.call("b", 5), 0, clock) == (BURST_NS, 0)


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_as_it_was_afterwards(was_on):
    seen = []
    if not was_on:
        gc.disable()
    try:
        time_in_turn([lambda: seen.append(gc.isenabled())], Plan(runs=3, warmup=0))
        assert gc.isenabled() is was_on
    finally:
        gc.enable()
    assert set(seen) == {False}


def test_an_observer_is_told_of_warm_up_and_of_every_burst():
    told = []

    class Listening(Observer):
        def warmed(self, which, calls):
            told.append(("warmed", which, calls))

        def begins(self, which):
            told.append(("begins", which))

        def ends(self, which):
            told.append(("ends", which))

    clock = FakeClock()
    calls = [clock.call("a", 5), clock.call("b", 5)]
    time_in_turn(calls, Plan(runs=2, warmup=3), clock, Listening())
    assert told[:2] == [("warmed", 0, 3), ("warmed", 1, 3)]
    assert sorted(told[2:]) == sorted(
        [("begins", i) for i in (0, 0, 1, 1)] + [("ends", i) for i in (0, 0, 1, 1)]
    )
    assert all(
        after == ("ends", before[1]) for before, after in zip(told[2::2], told[3::2], strict=True)
    )


def test_a_wider_interval_ends_the_loop_earlier():
    def runs(narrow):
        clock = FakeClock()
        generator = np.random.default_rng(5)
        call = clock.call("a", lambda index: int(10_000 * np.exp(generator.normal(0, 0.3))))
        (rounds,) = time_in_turn([call], Plan(duration_ns=10**10, narrow=narrow), clock)
        return sum(map(len, rounds))

    assert runs(0.1) < runs(0.01) < runs(0.003)
