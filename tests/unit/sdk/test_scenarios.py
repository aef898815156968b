import json
import time

import numpy as np
import onnx_files
import pytest
from littoral import cli, plugins, scenarios
from littoral.errors import InputError, TargetError
from littoral.scenarios import Options, deadline, throughput


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.onnx"
    path.write_bytes(onnx_files.dense())
    return path


def quiet(what):
    pass


@pytest.mark.parametrize("name", plugins.names(scenarios))
def test_every_scenario_measures_a_file(name, dense):
    options = Options(duration_s=0.05, cold_starts=0, scenario=name, period_s=0.001)
    (made,) = scenarios.named(name).measure([dense], options, quiet)
    assert made.scenario == name
    assert made.runs >= 1
    assert json.loads(json.dumps(made.to_dict()))["latency_p50_us"] > 0
    assert scenarios.named(name).SUMMARY


class Machine:
    """A clock that moves only by calls and sleeps; calls take what they are told."""

    def __init__(self, durations):
        self.now = 0
        self.durations = iter(durations)

    def __call__(self):
        self.now += 10  # reading a clock takes time, which ends the wait for the next sample
        return self.now

    def sleep(self, seconds):
        self.now += int(seconds * 1e9)

    def call(self):
        self.now += next(self.durations)


def test_a_slow_answer_delays_those_behind_it_and_all_of_that_is_counted():
    """One of 10 ms among 1 ms, a sample every 2 ms: a closed loop would call nine of ten fast."""
    machine = Machine([1_000_000] * 5 + [10_000_000] + [1_000_000] * 14)
    answered = deadline.stream(machine.call, 20, 2_000_000, machine, machine.sleep)
    expected = [1.0] * 5 + [10, 9, 8, 7, 6, 5, 4, 3, 2] + [1.0] * 6
    np.testing.assert_allclose(answered / 1e6, expected, atol=0.01)
    found = deadline.figures(answered, 2_000_000)
    assert found["missed_share"] == pytest.approx(9 / 20, abs=0.051)
    assert found["missed_share_low"] < found["missed_share"] < found["missed_share_high"]


def test_steady_answers_have_no_jitter_and_miss_nothing():
    found = deadline.figures(np.full(100, 500_000), 1_000_000)
    assert found["missed_share"] == 0
    assert found["jitter_p99_us"] == 0
    assert found["missed_share_high"] == pytest.approx(0.037, abs=0.001)


@pytest.mark.alone
def test_throughput_is_calls_by_time_over_all_threads(dense):
    def call():
        time.sleep(0.002)

    lanes = throughput._run_all([call, call, call], 200_000_000)
    assert len(lanes) == 3
    rate = sum(len(lane[0]) for lane in lanes) / 0.2
    assert 700 < rate <= 1500


def test_an_error_in_one_thread_ends_them_all_and_reaches_the_caller():
    def broken():
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        throughput._run_all([lambda: time.sleep(0.001), broken], 50_000_000)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scenario", "marathon"], "marathon"),
        (["--scenario", "deadline"], "needs a period"),
        (["--scenario", "throughput", "--runs", "5"], "give a duration"),
        (["--until", "2"], "until is a share"),
        (["--scenario", "deadline", "--period", "5ms", "--duration", "inf"], "duration"),
        (["--scenario", "deadline", "--period", "5ms", "--runs", "0"], "runs must be at least 1"),
        (["--scenario", "throughput", "--warmup", "-1"], "warmup must be at least 0"),
        (["--scenario", "throughput", "--threads", "0"], "threads must be at least 1"),
        (["--until", "1%", "--runs", "10"], "not both"),
        (["--period", "soon"], "--period"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(dense, capsys, words, message):
    assert cli.main(["bench", str(dense), "--cold-starts", "0", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert message in line


def test_strict_refuses_a_machine_that_is_not_quiet(dense, monkeypatch):
    from littoral.targets import local

    monkeypatch.setattr("littoral.conditions.preflight", lambda: ["it is 95 degrees hot"])
    with pytest.raises(TargetError, match="95 degrees"):
        local.connect("local").measure([dense], Options(is_strict=True), quiet)
    (made,) = local.connect("local").measure([dense], Options(runs=5, cold_starts=0), quiet)
    assert made.environment["preflight"] == ["it is 95 degrees hot"]


def test_what_was_seen_beside_the_latencies_is_in_the_json(dense):
    (made,) = scenarios.named("single-stream").measure([dense], Options(cold_starts=0), quiet)
    fields = made.to_dict()
    assert fields["warmup_runs"] > 100
    assert fields["latency_p90_us"] <= fields["early_stopping_p90_us"] <= fields["latency_p99_us"]
    assert set(made.environment["conditions"]) >= {"temperature_highest_celsius", "throttled"}
