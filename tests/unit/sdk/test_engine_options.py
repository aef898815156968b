"""What an engine is told besides the file: its options, from Python and from the command line."""

import json
import subprocess
import sys
import types

import littoral
import numpy as np
import onnxruntime
import pytest
import small_models
from littoral import cli
from littoral.engines import _options
from onnx_writer import write as write_onnx

ONNX, TFLITE = small_models.ONE["onnx"], small_models.ONE["tflite"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (TFLITE, {"xnnpack": "perhaps"}, "option xnnpack is 'perhaps': expected on or off"),
        (TFLITE, {"delegate": "libabsent.so"}, "delegate: libabsent.so does not load: .*cannot"),
        (TFLITE, {"delegate.device": "usb"}, "option delegate.device: no delegate is given"),
        (TFLITE, {"delegate.": "usb"}, "has no option 'delegate.'"),
        (TFLITE, {"providers": "CPU"}, "no option 'providers': choose from xnnpack, delegate"),
        (ONNX, {"xnnpack": "off"}, "no option 'xnnpack': choose from providers"),
        (ONNX, {"providers": "CPU,Abacus"}, "has no Abacus: choose from .*CPU.*onnxruntime-gpu"),
        (ONNX, {"CUDA.device_id": 0}, "no option 'CUDA.device_id'"),
        (ONNX, {"optimization": "most"}, "'most': choose from disable, basic, extended, all"),
        (ONNX, {"execution": 1}, "is 1: choose from sequential, parallel"),
        (ONNX, {"inter_op_threads": "0"}, "expected a whole number of at least 1"),
        (ONNX, {"memory_arena": 2}, "memory_arena is 2: expected on or off"),
        (ONNX, {"dimension.n": "many"}, "dimension.n is 'many'"),
        (ONNX, {"custom_ops": "libabsent.so"}, "custom_ops: libabsent.so does not load"),
    ],
)
def test_what_cannot_be_had_is_one_clear_line(content, options, message):
    with pytest.raises(littoral.InputError, match=message) as caught:
        littoral.load(content, options=options)
    assert "\n" not in str(caught.value)


def test_a_library_that_is_no_delegate(capfd):
    import _ctypes

    with pytest.raises(littoral.InputError, match="a library, but no TFLite delegate"):
        littoral.load(TFLITE, options={"delegate": _ctypes.__file__})
    assert capfd.readouterr().err == ""


def test_a_delegate_gets_its_own_options_and_the_interpreter_the_delegate(monkeypatch):
    import _ctypes
    import ctypes

    made = {}

    class Interpreter:
        def __init__(self, **arguments):
            made.update(arguments)
            raise ValueError("enough")

    def load_delegate(path, options):
        return path, options

    library = types.SimpleNamespace(Interpreter=Interpreter, load_delegate=load_delegate)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", library)
    a_delegate = types.SimpleNamespace(tflite_plugin_destroy_delegate=None)
    monkeypatch.setattr(ctypes, "PyDLL", lambda path: a_delegate)
    options = {"delegate": _ctypes.__file__, "delegate.device": "usb", "delegate.speed": 3}
    with pytest.raises(littoral.FormatError, match="enough"):
        littoral.load(TFLITE, options=options, threads=3)
    own = {"device": "usb", "speed": "3"}
    assert made["experimental_delegates"] == [(_ctypes.__file__, own)]
    assert made["num_threads"] == 3


def operators(content, **options):
    """The interpreter's own operators, and its calls of delegates."""
    with littoral.load(content, **options) as model:
        return [each["op_name"] for each in model._session._interpreter._get_ops_details()]


def test_xnnpack_is_on_unless_it_is_off():
    assert operators(TFLITE, options={"xnnpack": "off"}) == ["ADD"]
    for options in ({}, {"xnnpack": True}, {"xnnpack": "on"}):
        assert operators(TFLITE, options=options) == ["ADD", "DELEGATE"]


def test_session_options_reach_the_library(monkeypatch):
    seen = {}
    real = onnxruntime.InferenceSession

    def spy(content, options, providers, **more):
        seen.update(options=options, providers=providers)
        return real(content, options, providers=providers, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    options = {
        "optimization": "basic",
        "execution": "parallel",
        "inter_op_threads": 2,
        "memory_arena": "off",
        "memory_pattern": False,
        "providers": "cpu",
        "CPU.mark": 1,
        "config.session.intra_op.allow_spinning": 0,
    }
    with littoral.load(ONNX, options=options, threads=3) as model:
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])
    told = seen["options"]
    assert told.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert told.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert (told.intra_op_num_threads, told.inter_op_num_threads) == (3, 2)
    assert (told.enable_cpu_mem_arena, told.enable_mem_pattern) == (False, False)
    assert told.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert seen["providers"] == [("CPUExecutionProvider", {"mark": "1"})]


def test_an_open_axis_can_be_fixed_by_its_name():
    content = write_onnx(
        [("x", "float32", ["n", "k"])],
        [("y", "float32", ["n", "k"])],
        [("Add", ["x", "x"], ["y"], {})],
    )
    with littoral.load(content, options={"dimension.k": "3"}) as model:
        assert model.inputs[0].shape == (None, 3)


def test_a_provider_that_does_not_start_is_no_silent_fallback(monkeypatch):
    """Without its driver the library goes on with the CPU and says so only in its log."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda content, options, providers, **more: real(
            content, options, providers=providers[-1:]
        ),
    )
    with pytest.raises(littoral.EngineError, match="CUDAExecutionProvider does not start here"):
        littoral.load(ONNX, options={"providers": "CUDA,CPU"})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["xnnpack"], "'xnnpack': expected NAME=VALUE"),
        (["=on"], "expected NAME=VALUE"),
        (["xnnpack=on", "xnnpack=off"], "xnnpack is given twice"),
    ],
)
def test_options_as_a_person_types_them(pairs, message, tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(TFLITE)
    given = [word for pair in pairs for word in ("--option", pair)]
    with pytest.raises(littoral.InputError, match=message):
        cli.call("run", [str(path), "--text", "1,2,3", *given])


def test_options_go_to_another_process_as_text_and_back():
    options = {"providers": ["CUDA", "CPU"], "CUDA.device_id": 1, "config.a": "b=c", "x": True}
    back = _options.parse(_options.unparse(options))
    wanted = {"providers": "CUDA,CPU", "CUDA.device_id": "1", "config.a": "b=c", "x": "True"}
    assert back == wanted
    assert _options.switch("x", back["x"])


def test_bench_measures_with_the_options_and_says_so(tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(TFLITE)
    given = ["--option", "xnnpack=off", "--runs", "5", "--cold-starts", "1"]
    (fields,) = cli.call("bench", [str(path), *given])["measurements"]
    assert fields["options"] == {"xnnpack": "off"}
    assert fields["cold_start_ms"] > 0


def test_a_load_without_options_imports_nothing_for_them(tmp_path):
    for format, engine in (("tflite", "litert"), ("onnx", "onnxruntime")):
        path = tmp_path / f"one.{format}"
        path.write_bytes(small_models.ONE[format])
        code = (
            "import sys, json, littoral; littoral.load(sys.argv[1]).run([1, 2, 3]); "
            "print(json.dumps([m for m in sys.modules if m.startswith('littoral.')]))"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
        loaded = set(json.loads(done.stdout))
        assert f"littoral.engines.{engine}" in loaded
        unneeded = ("engines._options", "formats._onnx_external", "formats._tflite_metadata")
        assert not loaded & {f"littoral.{name}" for name in unneeded}
