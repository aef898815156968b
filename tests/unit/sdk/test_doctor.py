"""``littoral doctor``: packages that fail the ways real ones do, and what is said of it."""

import re
import sys

import packages
import pytest
from littoral import cli
from littoral.cli import _remedies, doctor
from littoral.engines import _trial
from littoral.environment import memory_bytes

BOARD = _remedies.Place("linux", "aarch64", (3, 11), "glibc 2.31", "1.26.4")
OLD_BOARD = _remedies.Place("linux", "armv7l", (3, 11), "glibc 2.36", "1.26.4")


def install(folder, package, version, files):
    """A package that pip would list, whose modules do what the test says."""
    folder.mkdir(exist_ok=True)
    name = package.replace("-", "_")
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture
def examine(monkeypatch):
    """What doctor says of an engine with a folder in front of everything that is installed."""

    def examine_in(folder, engine):
        monkeypatch.syspath_prepend(folder)  # for the version
        monkeypatch.setenv("PYTHONPATH", str(folder))  # for the child that opens it
        found = doctor.examine(engine)
        (line, *more) = doctor._engine_lines(found, {"formats": {}})
        return found, " ".join([line, *more])

    return examine_in


LITERT = {"ai_edge_litert/__init__.py": ""}


@pytest.mark.parametrize(
    ("library", "reason", "remedy"),
    [
        (
            "raise ImportError(\"/lib/aarch64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found "
            '(required by /usr/lib/python3/dist-packages/ai_edge_litert/libpywrap.so)")',
            "version `GLIBC_2.34' not found",
            r"newer C library \(GLIBC_2.34\).*littoral\[tflite\]",
        ),
        (
            'raise ImportError("/lib/libstdc++.so.6: version `GLIBCXX_3.4.30\' not found")',
            "GLIBCXX_3.4.30",
            r"newer C\+\+ library \(GLIBCXX_3.4.30\)",
        ),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file: No such file')",
            "libgomp.so.1",
            "apt install libgomp1",
        ),
        (
            "raise ImportError('/x/libgomp-d22c.so.1.0.0: cannot allocate memory in static TLS "
            "block')",
            "static TLS",
            "export LD_PRELOAD=/x/libgomp-d22c.so.1.0.0",
        ),
        (
            "raise ImportError('/x/_pywrap.so: wrong ELF class: ELFCLASS64')",
            "wrong ELF class",
            "another architecture",
        ),
        ("import flatbuffers_of_old", "flatbuffers_of_old", "pip install flatbuffers_of_old"),
        ("import os; os.kill(os.getpid(), 4)", r"crashes .SIGILL.", "lacks an instruction"),
        ("import os; os.abort()", r"crashes .SIGABRT.", "--force-reinstall 'littoral.litert.'"),
        ("raise SystemExit('out of order')", "exit code 1: out of order", "--force-reinstall"),
        ("Interpreter = 0", "'int' object is not callable", "--force-reinstall"),
        (
            "class Interpreter:\n def __init__(self, **k): print('hello'); raise ValueError('no')",
            "refuses the file: no",
            "--force-reinstall",
        ),
    ],
)
def test_a_library_that_does_not_load_is_told_why_and_what_to_do(
    tmp_path, examine, library, reason, remedy
):
    install(tmp_path, "ai-edge-litert", "9.9", {**LITERT, "ai_edge_litert/interpreter.py": library})
    litert, told = examine(tmp_path, "litert")
    assert litert["version"] == "ai-edge-litert 9.9"
    assert not litert["runs"]
    assert re.search(reason, litert["reason"])
    assert re.search(remedy, litert["remedy"])
    assert "\n" not in litert["reason"] + litert["remedy"]
    assert "no   litert         ai-edge-litert 9.9 is installed but does not run" in told


def test_a_library_that_computes_wrongly_does_not_count_as_running(tmp_path, examine):
    wrong = (
        "from onnxruntime_real import *\n"
        "import numpy as np\n"
        "__version__ = '9.9'\n"
        "class InferenceSession:\n"
        " def __init__(self, *a, **k): pass\n"
        " def get_inputs(self): return [V()]\n"
        " get_outputs = get_inputs\n"
        " def io_binding(self): raise SystemExit\n"
        " def run(self, names, feed): return [np.array([[2, 5]], np.float32)]\n"
        "class V: name, type, shape = 'x', 'tensor(float)', [1, 'n']\n"
        "class SessionOptions: pass\n"
        "class GraphOptimizationLevel: ORT_ENABLE_ALL = 0\n"
    )
    files = {"onnxruntime/__init__.py": wrong, "onnxruntime_real.py": ""}
    install(tmp_path, "onnxruntime", "9.9", files)
    found, _ = examine(tmp_path, "onnxruntime")
    assert found["reason"] == "1 + 1 and 2 + 2 came out as [[2. 5.]]"


@pytest.mark.slow
def test_the_real_tflite_runtime_on_numpy_2(examine):
    folder = packages.installed("tflite-runtime==2.14.0")
    found, told = examine(folder, "tflite_runtime")
    assert found["version"] == "tflite-runtime 2.14.0"
    assert "numpy 1" in found["reason"]
    assert told.count("pip install 'numpy<2'") == 1


@pytest.mark.parametrize(
    ("engine", "place", "told"),
    [
        ("litert", BOARD, "pip install 'littoral[x]'"),
        ("onnxruntime", BOARD, "pip install 'littoral[x]'"),
        ("litert", OLD_BOARD, "no wheel for 32-bit ARM: pip install 'littoral[tflite]' instead"),
        ("onnxruntime", OLD_BOARD, "32-bit ARM: Debian 13 has it built: apt install python3-onnx"),
        ("tflite_runtime", OLD_BOARD, "pip install 'littoral[x]'"),
        (
            "tflite_runtime",
            _remedies.Place("linux", "armv7l", (3, 13), "glibc 2.41", "2.2.4"),
            "ends at Python 3.11 and this is 3.13: use Python 3.11, or run .onnx files",
        ),
        (
            "tflite_runtime",
            _remedies.Place("linux", "x86_64", (3, 12), "glibc 2.41", "2.2.4"),
            "use Python 3.11, or pip install 'littoral[litert]'",
        ),
        ("litert", _remedies.Place("linux", "x86_64", (3, 12), "musl", "2.2.4"), "Alpine"),
        (
            "litert",
            _remedies.Place("darwin", "x86_64", (3, 12), "", "2.2.4"),
            "no wheel for darwin on x86_64",
        ),
    ],
)
def test_what_to_install_where(engine, place, told):
    assert told in _remedies.to_install(engine, "x", place)


def test_this_machine_is_known():
    place = _remedies.here()
    assert place.python == sys.version_info[:2]
    assert re.fullmatch(r"glibc [\d.]+|musl|", place.libc)


@pytest.mark.parametrize(
    ("facts", "files", "told"),
    [
        ({}, {}, None),
        ({"governor": "performance", "temperature_celsius": 45.0}, {}, None),
        ({"governor": "powersave"}, {}, "governor 'powersave'.*tee .*scaling_governor"),
        ({"temperature_celsius": 84.5}, {}, "at 84.5 C"),
        ({}, {doctor._THROTTLED: "50000\n"}, None),
        ({}, {doctor._THROTTLED: "50005\n"}, "weak power supply"),
        ({}, {"proc/cpuinfo": "model name : QEMU Virtual CPU\n"}, "emulated"),
    ],
)
def test_notes_on_what_makes_figures_doubtful(tmp_path, facts, files, told):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    found = doctor.notes({"governor": None, "temperature_celsius": None, **facts}, tmp_path)
    if told is None:
        assert found == []
    else:
        (note,) = found
        assert re.search(told, note)


def test_memory_that_is_left(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 3000 kB\nMemAvailable:    1000 kB\n")
    assert memory_bytes("MemAvailable", tmp_path) == 1000 * 1024
    assert memory_bytes("MemAvailable", tmp_path / "absent") is None


def test_doctor_runs_every_engine_for_real():
    payload = cli.call("doctor", [])
    engines = {engine["engine"]: engine for engine in payload["engines"]}
    assert not engines.pop("tflite_runtime")["runs"]
    assert set(engines) == {"litert", "onnxruntime"}
    for engine in engines.values():
        assert engine["runs"], engine
        assert engine["first_result_ms"] > 0
        assert engine["reason"] == ""
    assert payload["formats"] == {"tflite": "litert", "onnx": "onnxruntime"}
    assert payload["passed"]
    told = doctor.describe(payload)
    assert "ok   litert" in told
    assert "runs onnx on " in told
    assert "xnnpack " in told
    assert engines["onnxruntime"]["providers"][-1] == "CPU"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes .SIGSEGV."),
        ("raise SystemExit('no such library')", "exit code 1: no such library"),
        ("print('no json')", "exit code 0: no message"),
    ],
)
def test_an_engine_that_dies_is_an_answer(monkeypatch, program, reason):
    monkeypatch.setattr(_trial, "_PROGRAM", program)
    trial = _trial.attempt("litert")
    assert not trial.runs
    assert re.search(reason, trial.reason)


def test_doctor_without_any_engine_fails_and_says_what_to_install(monkeypatch, capsys):
    def missing(engine):
        return _trial.Trial(engine, None, False, "a file needs an engine", None)

    monkeypatch.setattr(_trial, "attempt", missing)
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "not installed: pip install 'littoral[litert]'" in out
    assert "nothing can run a model here" in out


def test_an_engine_that_nobody_needs_is_no_complaint(capsys):
    payload = cli.call("doctor", [])
    assert "-    tflite_runtime not installed; litert runs tflite" in doctor.describe(payload)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 fma avx512_vnni", ["avx2", "fma", "avx512_vnni"]),
        ("Features\t: fp asimd asimdhp asimddp i8mm", ["neon", "fp16", "dotprod", "i8mm"]),
        ("Features\t: half thumb neon vfpv4", ["neon"]),
        ("model name\t: whatever", []),
    ],
)
def test_features_of_the_processor(tmp_path, line, expected):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert doctor.features(tmp_path) == expected


def test_features_where_the_system_does_not_say(tmp_path):
    assert doctor.features(tmp_path) == []
