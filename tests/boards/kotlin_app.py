"""The whole way of ``--target adb://`` to an app: real adb, adbd and engines, the AAR's classes.

Played is Android alone: ``am start`` starts a JVM that does what BenchmarkActivity does with its
request (`JvmApp.kt`). It needs what `make android` leaves and runs after it, as `make app`; what is
missing is an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import threading
import time
from importlib import resources
from pathlib import Path

import dense_models
import numpy as np
import pytest
import small_models
from android_board import PACKAGE, android_board
from littoral import cli
from littoral.errors import EngineCrashed, FormatError, InputError, TargetError
from littoral.targets import Options, Settings, adb, local

SERIAL = "adb://127.0.0.1:5555"
TARGET = Path(__file__).parents[2] / "android/android/target"


def java() -> str:
    """The command of the app, but for its request and the folder of its answers."""
    listed = TARGET / "classpath.txt"
    assert listed.exists(), f"{listed} is missing: make android comes first"
    others = listed.read_text().strip().split(":")
    own = [str(TARGET / "classes.jar"), str(TARGET / "test-classes")]
    classes = own + [one for one in others if "littoral" not in Path(one).name]
    litert = resources.files("ai_edge_litert") / "libLiteRt.so"
    words = ["java", f"-Dlittoral.litert.library={litert}", "-cp", ":".join(classes)]
    return shlex.join([*words, "littoral.android.JvmApp"])


@pytest.fixture(scope="module")
def android(tmp_path_factory):
    """The app as it is on a device: a process of its own, which ``force-stop`` ends."""
    with android_board(tmp_path_factory.mktemp("android"), has_host=True) as board:
        board.installs(PACKAGE)
        home = shlex.quote(str(board.home))
        folders = f'{home}"$request" {home}"$answers"'
        board.behaves(
            f"export PATH=/usr/local/bin:/usr/bin:/bin:/root/bin\n"
            f"nohup chroot /host {java()} {folders} >/root/log 2>&1 </dev/null &\n"
            "echo $! >/root/running\n"
        )
        yield board


@pytest.fixture(autouse=True)
def configured(android, monkeypatch):
    """The person's adb knows the device."""
    monkeypatch.setenv("LITTORAL_ADB", android.program)


def test_files_are_checked_and_measured_in_the_app(android, files):
    models = [files.tflite, files.int8, files.onnx]
    argv = [*map(str, models), "--runs", "200", "--target", SERIAL, "--data", str(files.data)]
    payload = cli.call("bench", [*argv, "--check", str(files.data), "--threads", "2"])
    measured = payload["measurements"]
    assert [one["path"] for one in measured] == list(map(str, models))
    assert [one["engine"] for one in measured] == ["litert", "litert", "onnxruntime"]
    assert {(one["runs"], one["threads"], one["cold_start_ms"]) for one in measured} == {
        (200, 2, None)
    }
    assert all(0 < one["latency_p50_us"] <= one["latency_p90_us"] for one in measured)
    assert len(payload["comparison"]) == 2
    assert all(check["passed"] for check in payload["targets"][0]["checks"])
    environment = payload["environment"]
    assert (environment["board"], environment["python"]) == ("a JVM", None)
    assert set(environment["engines"]) == {"litert", "onnxruntime"}
    json.dumps(payload)


def test_outputs_are_what_numpy_computes(android, files):
    target = adb.connect(SERIAL, Settings())
    floats, integers = target.outputs([files.onnx, files.int8], Options(data=files.data), print)
    with np.load(files.data) as data:
        wanted = dense_models.scores(data["x"])
    np.testing.assert_allclose(floats["scores"], wanted, atol=1e-6)
    assert integers["scores"].shape == wanted.shape
    assert target.environment()["cores"] > 0
    target.close()


def test_inputs_without_a_batch_axis_and_of_other_types(android, tmp_path):
    contents = {f"scalar.{kind}": content for kind, content in small_models.SCALAR.items()}
    contents |= {"bytes.tflite": small_models.upright("tflite", "uint8")}
    data = {"scalar": np.float32(1.5), "bytes": np.array([[1, 2, 250]], np.uint8)}
    target = adb.connect(SERIAL, Settings())
    for name, content in contents.items():
        path, archive = tmp_path / name, tmp_path / f"{name}.npz"
        path.write_bytes(content)
        np.savez(archive, x=data[name.partition(".")[0]])
        (there,) = target.outputs([path], Options(data=archive), print)
        (here,) = local.Local().outputs([path], Options(data=archive), print)
        np.testing.assert_array_equal(there["y"], here["y"])
        assert there["y"].dtype == here["y"].dtype


def test_what_the_engines_refuse(android, files, tmp_path):
    target = adb.connect(f"{SERIAL}?app={PACKAGE}", Settings())
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(bytearray(files.tflite.read_bytes())[:-64])
    with pytest.raises(FormatError, match=r"broken\.tflite"):
        target.measure([broken], Options(runs=5), print)
    with pytest.raises(InputError, match="engine onnxruntime runs onnx files"):
        target.measure([files.tflite], Options(runs=5, engine="onnxruntime"), print)
    assert not list(android.answers.iterdir())


def content(path: Path) -> bytes:
    """Of a file that may be gone."""
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def test_an_app_that_is_killed_and_one_that_takes_too_long(android, files):
    endless = Options(runs=10**8, cold_starts=0)
    running = android.home / "running"

    def kill():
        while not running.exists() or not (pid := running.read_text().strip()).isdigit():
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(int(pid), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(EngineCrashed, match="died while timing 1 file"):
        adb.connect(SERIAL, Settings()).measure([files.onnx], endless, print)
    thread.join()
    with pytest.raises(TargetError, match=r"not done after 2 s \(timing 1 file"):
        adb.connect(SERIAL, Settings(timeout_s=2)).measure([files.onnx], endless, print)
    assert not running.exists()
    end = time.monotonic() + 10
    while any(b"JvmApp" in content(one) for one in Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < end
        time.sleep(0.05)
