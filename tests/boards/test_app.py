"""Measuring in an app, over a real adb and adbd: the way there and back, and how it can fail.

What the app computes is `test_kotlin_app.py`'s; here it is a script that answers as a test says.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from android_board import ACTIVITY, PACKAGE, android_board
from littoral import cli
from littoral.errors import EngineCrashed, FormatError, TargetError
from littoral.targets import Options, Settings, adb, connect, local
from signals import HEARING

pytestmark = pytest.mark.slow

SERIAL = "adb://127.0.0.1:5555"
QUICK = Options(runs=12, warmup=1, cold_starts=0)
ANSWER = 'cat /root/{0} >"$answers/$token.part"; mv "$answers/$token.part" "$answers/$token.json"'
ANSWERS = f"""
asked=$(cat "$request")
echo "$asked" >>/root/requests
case $asked in
  *'"outputs"'*)
    cat /root/outputs.npz >"$answers/$token.npz"
    {ANSWER.format("outputs.json")} ;;
  *) {ANSWER.format("measure.json")} ;;
esac
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """One for all tests."""
    with android_board(tmp_path_factory.mktemp("android")) as found:
        yield found


@pytest.fixture
def android(board, monkeypatch):
    """With the app installed, and nothing asked of it yet."""
    monkeypatch.setenv("LITTORAL_ADB", board.program)
    board.installs(PACKAGE)
    board.behaves("")
    (board.home / "calls").write_text("")
    return board


def answers(android, files, data, hardware="qcom"):
    """Let the app answer what this machine answers, in the app's form."""
    measured = local.Local().measure(files, QUICK, print)
    told = {
        "measurements": [one.to_dict() for one in measured],
        "rounds": [[part.tolist() for part in one.rounds] for one in measured],
        "environment": {"board": "Example One", "os": "Android 16 (API 36)", "hardware": hardware},
        "afterwards": {"thermal_status": 0},
    }
    (android.home / "measure.json").write_text(json.dumps(told))
    (android.home / "outputs.json").write_text("{}")
    outputs = local.Local().outputs(files, Options(data=data), print)
    rows = {
        f"{file}/{row}/{name}": values[row : row + 1]
        for file, one in enumerate(outputs)
        for name, values in one.items()
        for row in range(len(values))
    }
    np.savez(android.home / "outputs.npz", **rows)
    android.behaves(ANSWERS)


def fault(kind, words, file, address=SERIAL, options=QUICK, **settings):
    """Measuring must fail with these words, on one line."""
    target = adb.connect(address, Settings(**settings))
    with pytest.raises(kind, match=words) as caught:
        target.measure([file], options, [].append)
    target.close()
    assert "\n" not in str(caught.value)


def test_a_device_without_python_is_measured_in_its_app(android, files, tmp_path, told):
    """The command line, with names that are commands to a shell, and copies made once."""
    odd = tmp_path / 'it\'s $(touch owned) "a;b".tflite'
    odd.write_bytes(files.tflite.read_bytes())
    models = [odd, files.onnx]
    answers(android, models, files.data)
    argv = [*map(str, models), "--runs", "12", "--target", SERIAL]
    payload = cli.call("bench", [*argv, "--check", str(files.data)])
    assert [one["path"] for one in payload["measurements"]] == list(map(str, models))
    assert {one["target"] for one in payload["measurements"]} == {SERIAL}
    assert [one["runs"] for one in payload["measurements"]] == [12, 12]
    assert payload["environment"]["board"] == "Example One"
    assert payload["environment"]["conditions"]["throttled"] is False
    assert not payload["emulated"]
    (ratio,) = payload["comparison"]
    assert ratio["ratio"] > 0
    assert len(payload["targets"][0]["checks"]) == 2
    assert all(check["passed"] for check in payload["targets"][0]["checks"])
    digests = android.pushed
    assert len(digests) == 2
    assert all(len(name) == 64 for name in digests)
    assert not list(android.answers.iterdir())
    target = adb.connect(SERIAL, Settings())
    target.measure(models, QUICK, told.append)
    assert told == ["connecting", f"timing 2 files in {PACKAGE}"]
    assert android.pushed == digests
    assert target.environment()["os"] == "Android 16 (API 36)"
    target.clean(told.append)
    target.close()
    assert not android.pushed
    assert not android.answers.exists()
    assert not list(android.home.glob("**/owned"))


def test_the_app_gets_the_options_and_the_samples(android, files):
    answers(android, [files.int8], files.data)
    (android.home / "requests").unlink(missing_ok=True)
    options = Options(duration_s=0.5, warmup=3, threads=2, engine="litert", data=files.data)
    adb.connect(f"{SERIAL}?app={PACKAGE}").measure([files.int8], options, [].append)
    request = json.loads((android.home / "requests").read_text())
    (entry,) = request.pop("files")
    assert (entry["engine"], entry["threads"]) == ("litert", 2)
    assert request.pop("data").endswith(".npz")
    wanted = {"errand": "measure", "runs": None, "warmup": 3, "duration_ms": 500}
    assert request == wanted
    assert not [call for call in android.calls if call.startswith("cmd ")]


def test_figures_of_androids_emulator_are_not_ranked(android, files):
    answers(android, [files.tflite, files.onnx], files.data, hardware="ranchu")
    argv = [str(files.tflite), str(files.onnx), "--target", SERIAL]
    payload = cli.call("bench", argv)
    assert payload["emulated"]
    assert not payload["comparison"]


def test_a_device_without_room(files, tmp_path, monkeypatch):
    data = tmp_path / "large.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(4000, 16)).astype(np.float32))
    with android_board(tmp_path / "full", room="64k") as full:
        monkeypatch.setenv("LITTORAL_ADB", full.program)
        full.installs(PACKAGE)
        target = adb.connect(SERIAL, Settings())
        with pytest.raises(TargetError, match="no space left there"):
            target.outputs([files.onnx], Options(data=data), print)
        assert all(len(name) == 64 for name in full.pushed)


def test_neither_python_nor_an_app(android, files):
    android.installs()
    words = "found none: install python3, .* or install an app with littoral's benchmark activity"
    fault(TargetError, words, files.onnx)


def test_a_python_that_was_named_is_not_replaced_by_an_app(android, files):
    fault(TargetError, "found none", files.onnx, python="/nowhere/python3")
    assert not android.calls


def test_two_apps_until_one_is_chosen(android, files, tmp_path, monkeypatch):
    android.installs("com.example.one", PACKAGE)
    fault(TargetError, f"several apps.*com.example.one, {PACKAGE}.*app = ", files.onnx)
    answers(android, [files.onnx], files.data)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets.toml").write_text(f'[phone]\nurl = "{SERIAL}"\napp = "{PACKAGE}"\n')
    with_inventory = connect("phone")
    (one,) = with_inventory.measure([files.onnx], QUICK, [].append)
    assert one.target == "phone"
    assert f"{PACKAGE}/{ACTIVITY}" in next(call for call in android.calls if "am start" in call)


def test_an_app_that_is_not_installed(android, files):
    android.behaves(
        'echo "Error type 3"\necho "Error: Activity class {a/b} does not exist."\nexit 1\n'
    )
    words = "does not start .Error: Activity class.*README"
    fault(TargetError, words, files.onnx, f"{SERIAL}?app=com.example.none")


def test_an_app_that_dies(android, files):
    android.behaves("rm /root/running\n")
    fault(EngineCrashed, f"the app died while timing 1 file in {PACKAGE}", files.onnx)
    assert f"am force-stop {PACKAGE}" in android.calls


def test_an_answer_that_came_before_the_app_died_counts(android, files):
    answers(android, [files.onnx], files.data)
    android.behaves(ANSWERS + "rm /root/running\n")
    target = adb.connect(SERIAL)
    assert target.measure([files.onnx], QUICK, [].append)[0].runs == 12
    target.close()


def test_an_app_that_never_answers_and_answers_of_another_run(android, files):
    android.answers.mkdir(parents=True, exist_ok=True)
    old = android.answers / f"{'0' * 32}.json"
    old.write_text('{"measurements": []}')
    fault(TargetError, r"not done after 1\.5 s", files.onnx, timeout_s=1.5)
    assert android.calls[-1] == f"am force-stop {PACKAGE}"
    assert all(len(name) == 64 for name in android.pushed)
    old.unlink()


def test_what_the_app_refuses_is_refused_in_the_names_that_files_have_here(android, files):
    digest = hashlib.sha256(files.onnx.read_bytes()).hexdigest()
    message = f"/data/local/tmp/littoral/{digest}: no such operator"
    told = {"error": "FormatError", "message": message}
    (android.home / "refusal.json").write_text(json.dumps(told))
    android.behaves(ANSWER.format("refusal.json"))
    fault(FormatError, f"^{SERIAL}: b.onnx: no such operator$", files.onnx)


@pytest.mark.parametrize(
    "text",
    [
        '{"error": "SystemExit", "message": "x"}',
        "[1]",
        "{",
        "{}",
        '{"measurements": 3, "rounds": []}',
    ],
)
def test_an_answer_of_another_littoral(android, files, text):
    (android.home / "strange.json").write_text(text)
    android.behaves(ANSWER.format("strange.json"))
    fault(TargetError, "^adb://", files.onnx)


def test_an_interrupted_command_stops_the_app(android, files):
    words = ["-m", "littoral", "bench", str(files.onnx), "--target", SERIAL]
    process = subprocess.Popen(
        [*HEARING, sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    end = time.monotonic() + 60
    while not any(call.startswith("am start") for call in android.calls):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert android.calls[-1] == f"am force-stop {PACKAGE}"
    assert all(len(name) == 64 for name in android.pushed)
