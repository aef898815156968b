"""A call, a start and a pool beside the raw engines, in the same minutes, as ratios."""

from __future__ import annotations

import call_races
import pytest
import runtime_run

NOISE = 1.25
"""What a shared machine may add to a limit in one run."""

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runtime")


@pytest.fixture(scope="module")
def races(folder):
    return call_races.call_races(folder)


def test_a_call_costs_no_more_than_we_claim(races):
    """Nor, where the processor is slow, more than the bare steps of a checked call take there."""
    assert len(races) == 14
    claimed = [race.allowed_us for race in races]
    bare = [race.bare_us if race.engine == "LiteRT" else 0.0 for race in races]
    allowed = [NOISE * max(pair) for pair in zip(claimed, bare, strict=True)]
    assert not runtime_run.over(races, allowed)


def test_a_call_of_onnxruntime_is_faster_than_its_own(races):
    assert all(race.ratio.value < 1 for race in races if race.engine == "onnxruntime")


def test_a_program_starts_about_as_soon_and_as_small(races, folder):
    assert not runtime_run.short([], runtime_run.starts(folder, 7), NOISE)


def test_two_threads_do_nearly_twice_the_work():
    assert not runtime_run.short([], runtime_run.pools(), NOISE)
