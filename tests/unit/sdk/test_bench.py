import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import onnx_files
import pytest
from littoral import cli
from littoral.cli import bench
from littoral.errors import InputError
from littoral.measuring import measure_interleaved
from littoral.report import compare
from littoral.targets.local import Local


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("slow.onnx", "fast.onnx")]
    for path, times in zip(paths, (32, 4), strict=True):
        path.write_bytes(onnx_files.squares(96, times))
    return [str(path) for path in paths]


@pytest.mark.alone
def test_the_payload_holds_measurements_comparison_environment(files):
    payload = cli.call("bench", [*files, "--duration", "0.1", "--cold-starts", "0"])
    assert json.loads(json.dumps(payload)) == payload
    whole = {"measurements", "comparison", "environment", "emulated", "targets", "passed"}
    assert set(payload) == whole
    assert [entry["path"] for entry in payload["measurements"]] == files
    assert payload["environment"]["python"]
    assert payload["emulated"] is False
    (entry,) = payload["comparison"]
    assert (entry["path"], entry["baseline"]) == (files[0], files[1])
    assert 2 < entry["ratio_low"] <= entry["ratio"] <= entry["ratio_high"]
    assert entry["significant"] is True
    assert entry["rounds"] >= 3
    assert entry["words"].startswith("slow.onnx takes ")


def test_json_is_all_that_reaches_stdout(files, capsys):
    assert cli.main(["bench", files[1], "--runs", "20", "--cold-starts", "0", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["measurements"][0]["runs"] == 20
    assert "timing 1 file" in err


def test_operators_are_timed_here_or_the_payload_says_that_they_were_not(files, tmp_path):
    odd = tmp_path / "odd.onnx"
    odd.write_bytes(b"no model")
    arguments = argparse.Namespace(files=[Path(files[1]), odd], threads=1, engine="auto", option=[])
    here = bench._profiles(arguments, [Local()], None, print)
    (profiled,) = here["profiles"]
    assert profiled["path"] == files[1]
    assert "odd.onnx could not be timed" in here["note"]
    elsewhere = bench._profiles(arguments, [], "A note.", print)
    assert elsewhere["profiles"] == []
    assert elsewhere["note"].startswith("A note. Operators are only timed on this machine")


@pytest.mark.alone
def test_the_table_names_files_intervals_and_ratio(files, capsys):
    assert cli.main(["bench", *files, "--duration", "0.1", "--cold-starts", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["file", "format", "scheme", "size"]
    assert lines[1].startswith("slow.onnx")
    assert lines[2].endswith("1.00\N{MULTIPLICATION SIGN}")
    assert "±" in lines[1]
    assert "times as long as fast.onnx (95% interval" in lines[4]


def test_the_page_is_written_whole_and_named_in_the_payload(files, tmp_path):
    page = tmp_path / "new" / "report.html"
    argv = [*files, "--runs", "50", "--cold-starts", "0", "--html", str(page)]
    payload = cli.call("bench", argv)
    assert payload["html"] == str(page)
    document = page.read_text(encoding="utf-8")
    assert document.startswith("<!doctype html>")
    assert document.rstrip().endswith("</html>")
    assert [entry.name for entry in page.parent.iterdir()] == ["report.html"]
    assert "slow.onnx takes" in document


def test_figures_of_an_emulator_are_marked_and_not_compared(files, monkeypatch, capsys):
    monkeypatch.setattr("littoral.measuring.is_emulated", lambda: True)
    argv = ["bench", *files, "--runs", "20", "--cold-starts", "0"]
    payload = cli.call(*[argv[0], argv[1:]])
    assert payload["emulated"] is True
    assert payload["comparison"] == []
    assert cli.main(argv) == 0
    assert "emulated" in capsys.readouterr().out


def test_files_that_do_not_differ_are_said_not_to(files):
    (one,) = measure_interleaved([files[1]], runs=400, cold_starts=0)
    (entry,) = compare([one, dataclasses.replace(one)])
    assert entry["ratio"] == 1.0
    assert entry["significant"] is False
    assert "do not differ measurably" in entry["words"]


def test_too_few_rounds_are_said_to_be_too_few(files):
    payload = cli.call("bench", [*files, "--runs", "3", "--cold-starts", "0"])
    (entry,) = payload["comparison"]
    assert (entry["ratio_low"], entry["significant"]) == (None, False)
    assert "too few rounds" in entry["words"]


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        ([], 2, "FILE"),
        (["absent.onnx"], 2, "absent.onnx"),
        (["{text}"], 1, "text.onnx"),
        (["{empty}"], 1, "empty.onnx"),
        (["{folder}"], 2, "folder"),
        (["{model}", "--target", "moon"], 2, "unknown target 'moon'"),
        (["{model}", "--runs", "0"], 2, "runs"),
        (["{model}", "--runs", "many"], 2, "runs"),
        (["{model}", "--runs", "3", "--duration", "1"], 2, "not both"),
        (["{model}", "--duration", "-1"], 2, "duration"),
        (["{model}", "--threads", "0"], 2, "threads"),
        (["{model}", "--engine", "abacus"], 2, "abacus"),
        (["{model}", "--data", "absent.npz"], 2, "absent.npz"),
        (["{model}", "--data", "{text}"], 2, "text.onnx"),
        (["{model}", "--html", "/proc/nowhere/x.html"], 2, "/proc/nowhere"),
        (["{model}", "--html", "{folder}"], 2, "folder"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(argv, code, words, tmp_path, capsys):
    made = {name: tmp_path / f"{name}.onnx" for name in ("model", "text", "empty")}
    made["folder"] = tmp_path / "folder"
    made["folder"].mkdir()
    made["model"].write_bytes(onnx_files.dense())
    made["text"].write_text("hello")
    made["empty"].write_bytes(b"")
    argv = [argument.format(**made) for argument in argv]
    assert cli.main(["bench", *argv]) == code
    out, err = capsys.readouterr()
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("littoral: ")
    assert words in last
    assert "Traceback" not in err


def test_the_folder_of_the_page_is_refused_before_anything_is_measured(files):
    with pytest.raises(InputError):
        cli.call("bench", [*files, "--html", "/proc/nowhere/x.html"])


@pytest.mark.alone
@pytest.mark.slow
def test_a_user_at_a_shell_gets_figures_of_the_right_size(files):
    """End to end in a process of its own, against a plain loop over the raw engine."""
    import time

    import numpy as np
    import onnxruntime

    command = [sys.executable, "-m", "littoral", "bench", *files, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, env=os.environ)
    measured = {
        entry["path"]: entry["latency_p50_us"] for entry in json.loads(done.stdout)["measurements"]
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for path in files:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        x = np.random.default_rng(0).standard_normal((96, 96)).astype(np.float32)
        durations = []
        for _ in range(300):
            before = time.perf_counter()
            session.run(None, {"x": x})
            durations.append(time.perf_counter() - before)
        raw_us = 1e6 * float(np.median(durations))
        # Wide enough for a machine that others use; a wrong unit or loop is out by far more.
        assert raw_us / 8 < measured[path] < raw_us * 8
