"""Emulated arm64 and armv7 boards behind a real sshd: from bare Debian to figures."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import dense_models
import numpy as np
import pytest
from littoral import cli
from littoral.errors import FormatError, TargetError
from littoral.targets import Options, Settings, _preparation, connect, ssh
from machines import Land, ssh_board

pytestmark = pytest.mark.slow

QUICK = ["--runs", "6", "--warmup", "1", "--cold-starts", "1"]
ONCE = Options(runs=2, warmup=0, cold_starts=0)


@pytest.fixture(scope="module")
def arm64(tmp_path_factory):
    """A board with nothing on it but Debian's Python."""
    folder = tmp_path_factory.mktemp("arm64")
    with ssh_board("arm64", folder / "ssh", Land(folder / "home", "arm64")) as board:
        yield board


@pytest.fixture(scope="module")
def armv7(tmp_path_factory):
    """A board whose NumPy is Debian's: there are no wheels of it for armv7."""
    folder = tmp_path_factory.mktemp("armv7")
    with ssh_board("armv7", folder / "ssh", Land(folder / "home", "armhf")) as board:
        yield board


@pytest.fixture(autouse=True)
def configured(arm64, armv7, tmp_path, monkeypatch):
    """One ssh configuration that knows both."""
    config = tmp_path / "config"
    config.write_text(arm64.config.read_text() + armv7.config.read_text())
    monkeypatch.setenv("LITTORAL_SSH", f"ssh -F {config}")
    monkeypatch.setenv("PIP_CONSTRAINT", str(Path(__file__).with_name("constraints.txt")))
    monkeypatch.chdir(tmp_path)


def test_a_bare_arm64_board_runs_both_formats_as_this_machine_does(files, arm64):
    models = [str(files.tflite), str(files.int8), str(files.onnx)]
    argv = [*models, *QUICK, "--target", "ssh://arm64", "--offline", "--check", str(files.data)]
    payload = cli.call("bench", argv)
    assert [one["path"] for one in payload["measurements"]] == models
    assert {one["engine"] for one in payload["measurements"]} == {"litert", "onnxruntime"}
    assert all(one["emulated"] and one["runs"] == 6 for one in payload["measurements"])
    assert all(one["cold_start_ms"] > 0 for one in payload["measurements"])
    assert (payload["emulated"], payload["comparison"]) == (True, [])
    assert payload["environment"]["machine"] == "aarch64"
    (target,) = payload["targets"]
    checks = {Path(check["path"]).name: check for check in target["checks"]}
    assert checks["int8.tflite"]["is_exact"]
    assert checks["int8.tflite"]["max_abs_error"] == 0
    assert all(check["passed"] and check["samples"] == 6 for check in checks.values())
    assert not list((arm64.home / ".cache/littoral/runs").iterdir())


def test_an_armv7_board_takes_tflite_runtime_and_its_own_numpy(files, armv7):
    argv = [str(files.tflite), str(files.int8), *QUICK, "--target", "ssh://armv7", "--offline"]
    payload = cli.call("bench", [*argv, "--check", str(files.data)])
    environment = payload["environment"]
    assert environment["machine"] == "armv7l"
    assert environment["numpy"].startswith("1.24")
    assert {one["engine"] for one in payload["measurements"]} == {"tflite_runtime"}
    assert all(check["passed"] for check in payload["targets"][0]["checks"])


def test_outputs_from_armv7_are_those_of_the_arithmetic(files):
    """Against NumPy, not against another engine."""
    target = connect("ssh://armv7", offline=True)
    (found,) = target.outputs([files.tflite], Options(data=files.data), lambda what: None)
    target.close()
    with np.load(files.data) as data:
        np.testing.assert_allclose(found["scores"], dense_models.scores(data["x"]), rtol=1e-5)


def test_several_targets_of_an_inventory_give_one_report(files, tmp_path, capsys):
    (tmp_path / "targets.toml").write_text(
        '[pi4]\nurl = "ssh://arm64"\noffline = true\n[pi2]\nurl = "ssh://armv7"\noffline = true\n'
    )
    argv = ["bench", str(files.tflite), str(files.int8), *QUICK, "--html", "page.html"]
    argv += [word for name in ("pi4", "pi2", "local") for word in ("--target", name)]
    assert cli.main([*argv, "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    measured = [(one["target"], one["emulated"]) for one in payload["measurements"]]
    assert measured == [("pi4", True)] * 2 + [("pi2", True)] * 2 + [("local", False)] * 2
    assert {one["target"] for one in payload["comparison"]} == {"local"}
    assert payload["note"] == (
        "The processor of pi4, pi2 is emulated: its times say nothing about a real one."
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<h3>pi4<span class="badge">emulated' in page


def test_what_is_there_is_not_copied_again(files, told):
    target = connect("ssh://arm64", offline=True)
    target.measure([files.tflite, files.onnx], ONCE, told.append)
    target.measure([files.tflite, files.onnx], ONCE, told.append)
    target.close()
    assert not any(what.startswith(("copying", "fetching", "unpacking")) for what in told)


def test_a_format_without_an_engine_for_the_board_is_said(files):
    target = connect("ssh://armv7", offline=True)
    with pytest.raises(TargetError, match=r"armv7: wrong architecture.*no onnxruntime.*armv7l"):
        target.measure([files.onnx], ONCE, lambda what: None)
    target.close()


def test_an_engine_that_needs_a_newer_c_library_is_said(files, armv7, monkeypatch):
    """The loader's own complaint, about a library that asks for a version that nobody has."""

    def download(requirements, machine, folder, **how):
        for wheel in original(requirements, machine, folder, **how):
            _replace(wheel, b"GLIBC_2.4\0", b"GLIBC_9.9\0")
        return sorted(folder.glob("*.whl"))

    original = _preparation.download
    monkeypatch.setattr(_preparation, "download", download)
    target = ssh.connect("ssh://armv7/root/new", Settings(offline=True))
    with pytest.raises(TargetError, match=r"C or C\+\+ library \(GLIBC\) is too old.*GLIBC_9\.9"):
        target.measure([files.tflite], ONCE, lambda what: None)
    target.close()
    assert not list((armv7.home / "new/environments").iterdir())


def test_a_damaged_model_is_the_model_s_fault(files, tmp_path):
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(files.tflite.read_bytes()[:-200])
    target = connect("ssh://armv7", offline=True)
    with pytest.raises(FormatError, match=r"ssh://armv7: .*damaged\.tflite"):
        target.measure([damaged], ONCE, lambda what: None)
    target.close()


def test_clean_leaves_nothing_on_the_board(armv7):
    assert cli.call("bench", ["--clean", "--target", "ssh://armv7"]) == {"cleaned": ["ssh://armv7"]}
    assert not (armv7.home / ".cache/littoral").exists()


def _replace(wheel: Path, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert any(old in content for content in contents.values())
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content.replace(old, new))
