"""A real Chromium with the engines that npm has: figures, answers, and every way to fail."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from littoral import cli
from littoral.errors import InputError, TargetError
from littoral.scenarios import Options
from littoral.targets import Settings, _web_packages, browser, connect

QUICK = Options(duration_s=0.1, cold_starts=1)


@pytest.fixture(scope="module")
def chromium():
    return connect("browser://", timeout_s=120)


@pytest.fixture
def fake(tmp_path):
    """A program that stands in for a browser."""

    def write(script):
        path = tmp_path / "browser"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


def leftovers(folder):
    return list(folder.glob("littoral-browser-*"))


def test_both_formats_are_measured_and_answer_as_python_does(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command = ["bench", str(files.tflite), str(files.onnx), "--target", "browser://"]
    command += ["--duration", "0.1", "--cold-starts", "1", "--json"]
    assert cli.main([*command, "--check", str(files.data)]) == 0
    payload = json.loads(capsys.readouterr().out)
    tflite, onnx = payload["measurements"]
    assert tflite["engine"].startswith("@litertjs/core ")
    assert onnx["engine"].startswith("onnxruntime-web ")
    for entry in (tflite, onnx):
        assert entry["target"] == "browser://"
        assert entry["latency_p50_us_low"] <= entry["latency_p50_us"] <= 1e6
        assert entry["cold_start_ms"] > 0
        assert entry["peak_memory_bytes"] is None
    place = payload["environment"]
    assert "Chrom" in place["browser"]
    assert place["isolated"] is True
    assert place["clock_resolution_us"] < 50
    assert leftovers(tmp_path) == []


def test_threads_and_a_build_without_simd(files, chromium):
    (two,) = chromium.measure(
        [files.tflite], Options(threads=2, duration_s=0.1, cold_starts=0), print
    )
    assert two.threads == 2
    plain = Options(options={"simd": "off"}, runs=20, cold_starts=0)
    (without,) = chromium.measure([files.tflite], plain, print)
    assert without.runs == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(options={"simd": "off"}), "comes with SIMD alone"),
        (Options(options={"xnnpack": "off"}), "no option xnnpack"),
        (Options(options={"simd": "perhaps"}), "on or off"),
        (Options(engine="onnxruntime"), "leave --engine out"),
        (Options(scenario="throughput"), "not throughput"),
        (Options(until=0.01), "not until"),
    ],
)
def test_what_a_browser_cannot_do_is_refused(files, chromium, options, words):
    with pytest.raises(InputError, match=words):
        chromium.measure([files.onnx], options, print)


def test_a_file_that_the_web_engine_refuses_is_said_to_be(files, tmp_path, chromium):
    """An operator that there is not; and LiteRT.js has no int8 inputs."""
    path = tmp_path / "odd.onnx"
    path.write_bytes(files.onnx.read_bytes().replace(b"Softmax", b"Softmux"))
    for refused in (path, files.int8):
        with pytest.raises(TargetError, match="refuses in the browser"):
            chromium.measure([refused], QUICK, print)


def test_a_browser_that_is_not_there_ends_or_never_answers(files, fake):
    with pytest.raises(TargetError, match="no browser: netscape is not installed"):
        connect("browser://netscape")
    gone = browser.connect(f"browser://{fake('exit 3')}")
    with pytest.raises(TargetError, match=r"ended before the page was open \(exit code 3\)"):
        gone.measure([files.onnx], QUICK, print)


def test_a_browser_that_hangs_is_ended_with_its_helpers(files, fake, monkeypatch, tmp_path):
    monkeypatch.setattr(browser, "_START_S", 1.0)
    marker = tmp_path / "helper"
    hanging = browser.connect(f"browser://{fake(f'sleep 300 & echo $! > {marker}; wait')}")
    with pytest.raises(TargetError, match="did not open the page within 1 s"):
        hanging.measure([files.onnx], QUICK, print)
    left = Path("/proc") / marker.read_text().strip() / "cmdline"
    assert not left.exists() or left.read_bytes() == b"", "not even a zombie has a command line"


def test_engines_that_cannot_be_had_are_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("LITTORAL_WEB", str(tmp_path / "web"))
    package = _web_packages.OF_FORMAT["onnx"][0]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match="npm is not installed"):
        _web_packages.find(package)


def test_a_package_that_npm_does_not_have_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("LITTORAL_WEB", str(tmp_path))
    absent = _web_packages.Package("onnxruntime-web", "0.0.0-none", "x")
    with pytest.raises(TargetError, match=r"npm cannot fetch onnxruntime-web@0\.0\.0-none"):
        _web_packages.find(absent)
    assert list(tmp_path.iterdir()) == []


def test_the_server_gives_nothing_away_but_the_page(tmp_path):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    from littoral.targets._web_server import WebServer

    (tmp_path / "engine").mkdir()
    (tmp_path / "secret").write_text("secret")
    with WebServer({"engine": tmp_path / "engine"}) as server:
        base = server.address.removesuffix("page.html")
        assert b"page.mjs" in urlopen(server.address).read()
        for path in (
            "engine/../secret",
            "engine/%2e%2e/secret",
            "engine/",
            "absent",
            "page.html/x",
        ):
            with pytest.raises(HTTPError):
                urlopen(base + path)
        key = base.rstrip("/").rsplit("/", 1)[1]
        for other in (key[:-1], key + "x", key[::-1]):
            with pytest.raises(HTTPError):
                urlopen(server.address.replace(key, other))


def test_settings_reach_the_browser():
    named = connect("browser://", timeout_s=7)
    assert isinstance(named, browser.Browser)
    assert browser.connect("browser://", Settings(name="web")).name == "web"


def test_the_data_of_the_check_is_the_same_on_both_sides(files, chromium):
    (found,) = chromium.outputs([files.onnx], Options(data=files.data), print)
    (wanted,) = connect("local").outputs([files.onnx], Options(data=files.data), print)
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)
