"""Several targets: who is asked, in which order, and what is done with a wrong answer."""

from __future__ import annotations

import dataclasses
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx_files
import pytest
from littoral import cli, fleet
from littoral.cli import bench
from littoral.errors import InputError, TargetError, VerificationError
from littoral.fleet import Order, measure_on
from littoral.measuring import measure_interleaved
from littoral.report import bench_table, compare_each_target
from littoral.report.bench import bench_report
from littoral.targets import Options, local


@dataclass
class Elsewhere:
    """A machine that answers what it is told to answer."""

    name: str
    answers: tuple = ()
    measured: tuple = ()
    error: Exception | None = None
    asked: list = field(default_factory=list)
    meeting: threading.Barrier | None = None

    def measure(self, files, options, progress):
        self.asked.append("measure")
        progress("timing")
        if self.meeting is not None:
            self.meeting.wait(10)
        if self.error is not None:
            raise self.error
        return self.measured

    def outputs(self, files, options, progress):
        self.asked.append("outputs")
        return self.answers

    def close(self):
        self.asked.append("close")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "dense.onnx"
    path.write_bytes(onnx_files.dense())
    return path


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32))
    return path


@pytest.fixture
def right(model, data):
    return local.Local().outputs([model], Options(data=data), silent)


def silent(what):
    """Tell nobody."""


def off_by(outputs, difference):
    return tuple({name: values + difference for name, values in one.items()} for one in outputs)


def test_targets_work_at_the_same_time_and_answer_in_their_order(model):
    meeting = threading.Barrier(2)
    targets = [Elsewhere("b", meeting=meeting), Elsewhere("a", meeting=meeting)]
    told = []
    results = measure_on(targets, Order([model], Options()), told.append)
    assert [result.target for result in results] == ["b", "a"]
    assert sorted(told) == ["a: timing", "b: timing"]


def test_this_machine_waits_for_the_others(model, monkeypatch):
    other = Elsewhere("a")
    monkeypatch.setattr(
        local.Local, "measure", lambda self, *more: () if other.asked == ["measure"] else 1 / 0
    )
    results = measure_on([local.Local(), other], Order([model], Options()), silent)
    assert [result.target for result in results] == ["local", "a"]


def test_right_answers_are_timed_and_wrong_ones_are_not(model, data, right):
    near, far = off_by(right, 5e-5 * right[0]["scores"].max()), off_by(right, 1e-3)
    targets = [Elsewhere("right", right), Elsewhere("near", near), Elsewhere("far", far)]
    results = measure_on(targets, Order([model], Options(), data), silent)
    assert [result.error is None for result in results] == [True, True, False]
    assert isinstance(results[2].error, VerificationError)
    assert "output 'scores' is off by 0.001" in str(results[2].error)
    assert targets[2].asked == ["outputs"]
    assert not results[2].checks[0].passed
    (loose,) = measure_on(targets[2:], Order([model], Options(), data, tolerance=0.1), silent)
    assert loose.error is None


def test_the_tolerance_of_the_command_line_is_the_one_that_counts(model, data, right, monkeypatch):
    measured = measure_interleaved([model], runs=20, cold_starts=0)
    far = Elsewhere("far", off_by(right, 1e-3), measured)
    monkeypatch.setattr(fleet, "connect", lambda name, **how: far)
    argv = [str(model), "--target", "far", "--check", str(data)]
    with pytest.raises(VerificationError, match=r"scores. is off by"):
        cli.call("bench", argv)
    (target,) = cli.call("bench", [*argv, "--tolerance", "0.1"])["targets"]
    assert target["checks"][0]["passed"]
    with pytest.raises(InputError, match="--tolerance must be 0 or more, not nan"):
        cli.call("bench", [*argv, "--tolerance", "nan"])
    with pytest.raises(InputError, match="--tolerance is for --check"):
        cli.call("bench", [str(model), "--tolerance", "0.1"])


def test_another_shape_or_nan_is_wrong(model, data, right):
    shorter = tuple({name: values[:2] for name, values in one.items()} for one in right)
    broken = off_by(right, np.nan)
    targets = [Elsewhere("shorter", shorter), Elsewhere("broken", broken)]
    results = measure_on(targets, Order([model], Options(), data), silent)
    assert all(isinstance(result.error, VerificationError) for result in results)
    assert json.dumps(dataclasses.asdict(results[0].checks[0]), allow_nan=False)


def test_integers_must_be_equal(tmp_path):
    import tflite_writer
    from tflite_writer import Graph, T, add

    tensors = [T("x", [1, 3], "int8", 0.5), T("y", [1, 3], "int8", 1.0)]
    path, data = tmp_path / "int8.tflite", tmp_path / "x.npz"
    path.write_bytes(
        tflite_writer.write(
            Graph(tensors, [0], [1], [add(0, 0, 1)]), signature=({"x": 0}, {"y": 1})
        )
    )
    np.savez(data, x=np.array([[1, 2, 60]], np.float32))
    right = local.Local().outputs([path], Options(data=data), silent)
    wrong = ({"y": right[0]["y"] + np.array([[0, 1, 0]], np.float32)},)
    for answers, passed in ((right, True), (wrong, False)):
        (result,) = measure_on([Elsewhere("a", answers)], Order([path], Options(), data), silent)
        assert result.checks[0].is_exact
        assert result.checks[0].passed is passed


def test_what_is_emulated_is_neither_compared_nor_called_the_fastest(model):
    plain = measure_interleaved([model, model], runs=40, cold_starts=0)
    emulated = tuple(dataclasses.replace(one, emulated=True, target="pi") for one in plain)
    quick = dataclasses.replace(emulated[0], latency_p50=dataclasses.replace(plain[0].latency_p50))
    both = [quick, emulated[1], *plain]
    assert {entry["index"] for entry in compare_each_target(both)} <= {2, 3}
    results = [
        fleet.Result("pi", (quick, emulated[1])),
        fleet.Result("local", plain),
        fleet.Result("gone", error=TargetError("gone: no login")),
    ]
    payload = bench._payload(results)
    assert payload["passed"] is False
    assert [one["emulated"] for one in payload["targets"]] == [True, False, False]
    table = bench_table(payload)
    assert "dense.onnx #1 on pi" in table
    assert "FAILED gone: no login" in table
    title = bench_report(payload, [one.rounds for one in both]).partition("</title>")[0]
    assert "on local is the fastest" in title
    alone = bench._payload(results[:1])
    title = bench_report(alone, [one.rounds for one in emulated]).partition("</title>")[0]
    assert title.endswith("2 files measured, on emulated processors")


def test_connections_are_closed_also_after_an_error(monkeypatch):
    made = {name: Elsewhere(name) for name in ("a", "b")}
    monkeypatch.setattr(fleet, "connect", lambda address, **how: made[address])
    with pytest.raises(ZeroDivisionError), fleet.connected(["a", "b"]):
        raise ZeroDivisionError
    assert made["a"].asked == made["b"].asked == ["close"]
    with pytest.raises(InputError, match="target a is given twice"), fleet.connected(["a", "a"]):
        pass


def test_an_interrupt_ends_what_is_under_way(model):
    class Interrupted(Elsewhere):
        def measure(self, files, options, progress):
            raise KeyboardInterrupt

    targets = [Interrupted("a"), Elsewhere("b")]
    with pytest.raises(KeyboardInterrupt):
        measure_on(targets, Order([Path(model)], Options()), silent)
    assert "close" in targets[1].asked
