"""A real adbd behind the real adb: Debian's builds of both, in a network of their own.

There is no Android here, so nothing is said about one: no bionic, no app. What is tested is the
connection, the programs that travel over it, and that faults are told apart.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import threading
import time
from pathlib import Path

import prepare
import pytest
from littoral import cli
from littoral.errors import TargetError
from littoral.targets import Options, Settings, adb
from machines import Land, adb_board

pytestmark = pytest.mark.slow

SERIAL = "adb://127.0.0.1:5555"
QUICK = Options(runs=5, warmup=1, cold_starts=0)
PUSHED = prepare.CACHE / "android/data/local/tmp/python/bin/python3"


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """With Debian's Python and nothing else; gives the home directory and LITTORAL_ADB."""
    folder = tmp_path_factory.mktemp("device")
    with adb_board(Land(folder / "home", "android")) as program:
        yield folder / "home", program


@pytest.fixture(autouse=True)
def configured(device, monkeypatch):
    """The person's adb knows the device."""
    monkeypatch.setenv("LITTORAL_ADB", device[1])
    monkeypatch.setenv("PIP_CONSTRAINT", str(Path(__file__).with_name("constraints.txt")))


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A device whose PATH leads to no Python."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("sh", "tr", "echo"):
        link = folder / "home" / "bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/usr/bin/{name}")
    with adb_board(Land(folder / "home", "android", path="/root/bin")) as program:
        yield program


def fault(address, path, words, options=QUICK):
    """Measuring must fail with these words, on one line."""
    target = adb.connect(address, Settings())
    with pytest.raises(TargetError, match=words) as caught:
        target.measure([path], options, [].append)
    target.close()
    assert "\n" not in str(caught.value)


def test_a_device_is_measured_checked_and_cleaned(files, device):
    models = [str(files.tflite), str(files.int8), str(files.onnx)]
    argv = [*models, "--runs", "40", "--cold-starts", "1", "--target", SERIAL]
    payload = cli.call("bench", [*argv, "--check", str(files.data)])
    assert [one["path"] for one in payload["measurements"]] == models
    assert {one["target"] for one in payload["measurements"]} == {SERIAL}
    assert payload["environment"]["os"].startswith("Debian GNU/Linux 13")
    assert len(payload["comparison"]) == 2
    assert all(check["passed"] for check in payload["targets"][0]["checks"])
    assert not list((device[0] / ".cache/littoral/runs").iterdir())


def test_the_only_device_needs_no_serial_number_and_copies_nothing_twice(files, told):
    target = adb.connect("adb://")
    (one,) = target.measure([files.onnx], QUICK, told.append)
    target.measure([files.onnx], QUICK, told.append)
    assert target.environment()["machine"] == "x86_64"
    target.close()
    assert one.target == "adb://"
    assert told.count("copying b.onnx, 0.0 MB") <= 1


def test_a_folder_on_the_device(files, device):
    target = adb.connect(f"{SERIAL}/root/it's here", Settings())
    target.clean([].append)
    assert not (device[0] / "it's here").exists()
    target.close()


def test_no_such_device(files):
    fault("adb://no-such-device", files.onnx, "no such device: adb devices lists them")


def test_no_adb_here(files, monkeypatch):
    monkeypatch.setenv("LITTORAL_ADB", "/nowhere/adb")
    fault(SERIAL, files.onnx, "the program /nowhere/adb cannot be started")


def test_no_python_on_the_device(files, bare, monkeypatch):
    monkeypatch.setenv("LITTORAL_ADB", bare)
    fault(SERIAL, files.onnx, r"needs Python 3\.10 or newer there and found none")


def test_a_pushed_python_is_found(bare, monkeypatch):
    """Where `adb push` can put one on any device, which no PATH leads to."""
    monkeypatch.setenv("LITTORAL_ADB", bare)
    PUSHED.parent.mkdir(parents=True, exist_ok=True)
    PUSHED.symlink_to("/usr/bin/python3")
    try:
        target = adb.connect(SERIAL)
        assert target.environment()["python"].startswith("3.13")
        target.close()
    finally:
        PUSHED.unlink()


def test_a_device_that_is_unplugged_in_the_middle(files, device):
    home, program = device
    runs = home / ".cache/littoral/runs"

    def unplug():
        while not (runs.exists() and any(runs.iterdir())):
            time.sleep(0.02)
        time.sleep(0.5)
        subprocess.run([*shlex.split(program), "disconnect"], check=True, capture_output=True)

    thread = threading.Thread(target=unplug)
    thread.start()
    try:
        fault(SERIAL, files.onnx, "lost in the middle", Options(runs=10**8, cold_starts=0))
    finally:
        thread.join()
        connect = [*shlex.split(program), "connect", "127.0.0.1:5555"]
        subprocess.run(connect, check=True, capture_output=True)
    end = time.monotonic() + 20
    with contextlib.suppress(FileNotFoundError):
        while any(runs.iterdir()):
            assert time.monotonic() < end
            time.sleep(0.05)
