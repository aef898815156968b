"""An engine in a process of its own: the same numbers, and a death that is only an error."""

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import littoral
import numpy as np
import onnx_files
import onnx_writer
import pytest
import small_models
import tflite_writer
from littoral import cli, isolation
from littoral.engines import Settings
from littoral.formats import tflite
from littoral.isolation import wire
from tflite_writer import Graph, Op, T

FORMATS = ("tflite", "onnx")
X = np.array([[1.5, -2.0, 3.0]], np.float32)

DEADLY = tflite_writer.write(
    Graph(
        [T("x", [1, 3]), T("axis", [], "int32", data=np.array(1)), T("y", [1, 3]), T("z", [1, 3])],
        [0],
        [2],
        [Op("SPLIT", [1, 0], [2, 3], "SplitOptions", {"numSplits": -6})],
    )
)
"""A file that LiteRT reads beyond its memory for, and dies of; our own checks would refuse it."""


def child_of(model):
    return model._session._child._process


def open_and_run(content):
    session = isolation.IsolatedSession("litert", content, Settings(), name="deadly", timeout_s=30)
    session.bind(((1, 3),)).invoke()


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture(scope="module", params=FORMATS)
def one(request):
    with littoral.load(small_models.ONE[request.param], isolated=True, timeout_s=30) as model:
        yield model


def test_it_looks_and_answers_like_any_other_model(one):
    with littoral.load(small_models.ONE[one.format]) as here:
        for asked in ("inputs", "outputs", "signatures", "engine", "format", "size_bytes", "card"):
            assert getattr(one, asked) == getattr(here, asked)
        for x in (X, X[0], np.repeat(X, 5, axis=0), {"x": X}, [1, 2, 3], X.astype(np.float64)):
            np.testing.assert_array_equal(one.run(x), here.run(x))
        np.testing.assert_array_equal(one.run_raw(X), here.run_raw(X))
        with pytest.raises(littoral.InputError, match="x"):
            one.run(np.zeros((1, 4), np.float32))


def test_results_are_the_callers_own(one):
    first = one.run(X)
    kept = first.copy()
    one.run(X * 2)
    np.testing.assert_array_equal(first, kept)
    first[...] = 0
    np.testing.assert_array_equal(one.run(X), kept)


@pytest.mark.parametrize("format", FORMATS)
def test_several_inputs_and_outputs_open_sizes_and_number_types(format):
    with littoral.load(small_models.SEVERAL[format], isolated=True) as model:
        got = model.run({"a": np.array([[5, 6]], np.float32), "b": np.array([[1, 2]], np.float32)})
        np.testing.assert_array_equal(got["difference"], [[4, 4]])
        np.testing.assert_array_equal(got["sum"], [[6, 8]])
    with littoral.load(small_models.OPEN[format], isolated=True) as model:
        for count in (1, 7, 2):
            x = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
            np.testing.assert_array_equal(model.run(x), x + x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float16", "float64"])
def test_every_kind_of_number_comes_through(dtype):
    kind = "Not" if dtype == "bool" else "Identity"
    content = onnx_writer.write(
        [("x", dtype, [1, 3])], [("y", dtype, [1, 3])], [(kind, ["x"], ["y"], {})]
    )
    x = np.array([[0, 1, 1]], dtype)
    with littoral.load(content, isolated=True) as model:
        got = model.run_raw(x)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got, ~x if dtype == "bool" else x)


def test_text_scalars_and_empty_results_come_through():
    content = onnx_writer.write(
        [("x", "str", [2]), ("n", "float32", [])],
        [("y", "str", [2]), ("m", "float32", []), ("none", "int64", [1, None])],
        [
            ("Identity", ["x"], ["y"], {}),
            ("Neg", ["n"], ["m"], {}),
            ("NonZero", ["zero"], ["none"], {}),
        ],
        {"zero": np.zeros(3, np.float32)},
    )
    with littoral.load(content, isolated=True) as model:
        got = model.run({"x": np.array(["Küste", ""], object), "n": np.float32(2)})
    assert got["y"].tolist() == ["Küste", ""]
    assert got["m"] == -2
    assert got["none"].shape == (1, 0)


def test_a_scalar_of_litert_is_an_array_without_axes():
    content = tflite_writer.write(
        Graph([T("x", []), T("y", [])], [0], [1], [tflite_writer.add(0, 0, 1)])
    )
    with littoral.load(content, isolated=True) as model:
        assert model.run(np.float32(1.5)).shape == ()
        assert model.run(np.float32(1.5)) == 3


def test_a_variable_starts_anew_with_each_call_as_it_does_here():
    content = tflite_writer.write(
        Graph(
            [T("x", [1, 2]), T("sum", [1, 2], variable=True), T("y", [1, 2])],
            [0],
            [2],
            [tflite_writer.add(0, 1, 2)],
        )
    )
    with littoral.load(content, isolated=True) as model:
        for _ in range(2):
            np.testing.assert_array_equal(model.run([[1.0, 2.0]]), [[1, 2]])


def test_a_death_is_an_error_with_its_signal_and_the_next_call_works(one):
    os.kill(child_of(one).pid, signal.SIGSEGV)
    with pytest.raises(
        littoral.EngineCrashed, match=r"<bytes>: .* died \(SIGSEGV\); the next call"
    ):
        one.run(X)
    np.testing.assert_array_equal(one.run(X), X + X)


def test_a_file_that_kills_the_engine_is_an_error_here():
    with pytest.raises(littoral.EngineCrashed, match=r"deadly: .*\(SIG"):
        open_and_run(DEADLY)


def test_the_command_line_survives_a_file_that_kills_the_engine(tmp_path, capsys, monkeypatch):
    path = tmp_path / "deadly.tflite"
    path.write_bytes(DEADLY)
    np.save(tmp_path / "x.npy", X)
    assert cli.main(["run", str(path), str(tmp_path / "x.npy"), "--isolated"]) == 1
    assert "another number of outputs than its options say" in capsys.readouterr().err
    monkeypatch.setattr(tflite, "check_structure", lambda content: None)
    assert cli.main(["run", str(path), str(tmp_path / "x.npy"), "--isolated"]) == 1
    assert re.search(r"deadly\.tflite: .* died \(SIG", capsys.readouterr().err)


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_ended_and_the_next_one_works():
    with littoral.load(small_models.ONE["onnx"], isolated=True, timeout_s=0.5) as model:
        model.run(X)
        os.kill(child_of(model).pid, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(littoral.EngineCrashed, match=r"no answer within 0\.5 s and was killed"):
            model.run(X)
        assert time.monotonic() - started < 5
        model._session._timeout_s = None  # the new process may take its time on a busy machine
        np.testing.assert_array_equal(model.run(X), X + X)
        time.sleep(0.8)  # one that waits for work is not late
        np.testing.assert_array_equal(model.run(X), X + X)


def test_an_answer_that_is_none_ends_the_process_not_the_program(one, monkeypatch):
    pid = child_of(one).pid
    for answer in (b"no json", b'{"results":7}', b'{"results":["list",[["array","O",[1]]]]}'):
        one.run(X)
        monkeypatch.setattr(isolation.wire, "receive_head", lambda stream, told=answer: (told, 12))
        with pytest.raises(littoral.EngineCrashed, match="answered nonsense"):
            one.run(X)
        monkeypatch.undo()
    np.testing.assert_array_equal(one.run(X), X + X)
    assert not is_running(pid)


@pytest.mark.parametrize(
    "description",
    [
        ["array", "O", [2]],
        ["array", "<f4", [-1]],
        ["array", "V8", [1]],
        ["list", [["array", "O", []]]],
    ],
)
def test_only_numbers_are_taken_from_the_pipe(description):
    with pytest.raises((wire.Nonsense, TypeError)):
        wire.layouts(description)


def test_nothing_is_pickled():
    for path in Path(isolation.__file__).parent.glob("*.py"):
        assert "import pickle" not in path.read_text()


def test_closing_and_dropping_a_model_end_its_process():
    model = littoral.load(small_models.ONE["onnx"], isolated=True)
    pid = child_of(model).pid
    assert is_running(pid)
    model.close()
    assert not is_running(pid)
    with pytest.raises(littoral.EngineError, match="closed"):
        model.run(X)
    model = littoral.load(small_models.ONE["onnx"], isolated=True)
    pid = child_of(model).pid
    del model
    gc.collect()
    assert not is_running(pid)


PARENT = """
import json, os, sys, threading, time
import littoral, numpy as np
model = littoral.load(sys.argv[1], isolated=True)
x = np.ones(model.inputs[0].shape, np.float32)
if sys.argv[2] == "busy":
    threading.Thread(target=model.run, args=(x,), daemon=True).start()
    time.sleep(0.5)
print(model._session._child._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_process_is_left_when_the_program_is_killed(state, tmp_path):
    path = tmp_path / "slow.onnx"
    path.write_bytes(onnx_files.squares(512, 4000))
    command = [sys.executable, "-c", PARENT, str(path), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        parent.wait()
    assert wait_until(lambda: not is_running(pid))


# A fork inside pytest would copy TensorFlow's threads' locks, so this runs in a fresh process.
FORK = """
import json, os, sys
import littoral, numpy as np
one = littoral.load(sys.argv[1], isolated=True)
x = np.array([[1.5, -2.0, 3.0]], np.float32)
engine = lambda: one._session._child._process.pid
right = lambda: bool((one.run(x) == x + x).all())
found = [right(), engine()]
reader, writer = os.pipe()
if os.fork() == 0:
    try:
        os.write(writer, json.dumps([right(), engine()]).encode())
        one.close()
    finally:
        os._exit(0)
os.wait()
print(json.dumps([*found, *json.loads(os.read(reader, 100)), right(), engine()]))
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_forked_process_gets_an_engine_of_its_own(format, tmp_path):
    path = tmp_path / f"one.{format}"
    path.write_bytes(small_models.ONE[format])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    right, ours, still_right, theirs, right_after, ours_after = json.loads(done.stdout)
    assert right
    assert still_right
    assert right_after
    assert theirs != ours == ours_after
    assert not is_running(theirs)


def test_options_reach_the_engine_and_its_refusals_come_back():
    with pytest.raises(littoral.InputError, match="nonsense"):
        littoral.load(small_models.ONE["onnx"], isolated=True, options={"nonsense": 1})
    with pytest.raises(littoral.InputError, match="plain values"):
        littoral.load(small_models.ONE["onnx"], isolated=True, options={"providers": object()})
    with pytest.raises(littoral.InputError, match="timeout_s is 5: it is above 0 and needs"):
        littoral.load(small_models.ONE["onnx"], timeout_s=5)
    with pytest.raises(littoral.InputError, match="timeout_s is -1"):
        littoral.load(small_models.ONE["onnx"], isolated=True, timeout_s=-1)
    with littoral.load(
        small_models.ONE["tflite"], isolated=True, threads=2, options={"xnnpack": "off"}
    ) as model:
        np.testing.assert_array_equal(model.run(X), X + X)


def test_a_missing_engine_is_named_as_it_is_here(monkeypatch, tmp_path):
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError(name='onnxruntime')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(littoral.EngineNotInstalled, match=r"littoral\[onnx\]"):
        littoral.load(small_models.ONE["onnx"], isolated=True)
