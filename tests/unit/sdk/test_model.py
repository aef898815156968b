"""load and Model.run: what goes in, what comes out, and what is said when it does not fit."""

import gc
import io
import sys
import types
import warnings
import weakref

import littoral
import numpy as np
import pytest
import small_models
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from littoral import tensors
from littoral.tensors import TensorSpec
from onnx_writer import write as write_onnx
from remembering_files import counter, recurrent
from tflite_writer import Graph, Op, T, add, write

ONE = small_models.ONE


@pytest.fixture
def model():
    with littoral.load(ONE["onnx"]) as loaded:
        yield loaded


def test_from_path_bytes_and_file_object(tmp_path):
    path = tmp_path / "any_name.bin"
    path.write_bytes(ONE["tflite"])
    for source in (
        path,
        str(path),
        ONE["tflite"],
        bytearray(ONE["tflite"]),
        io.BytesIO(ONE["tflite"]),
    ):
        with littoral.load(source) as model:
            assert model.format == "tflite"
            assert model.size_bytes == len(ONE["tflite"])
            np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])
    with path.open("rb") as stream, littoral.load(stream) as model:
        assert "any_name.bin" in repr(model)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("absent.tflite", littoral.InputError, "absent.tflite: no such file"),
        (".", littoral.InputError, "is a folder"),
        (b"", littoral.FormatError, "empty"),
        (b"hello", littoral.FormatError, "not a TFLite, ONNX or Keras model"),
        (io.StringIO("hello"), littoral.InputError, "binary mode"),
        (42, littoral.InputError, "came int"),
        ("with\0null", littoral.InputError, "cannot be read"),
    ],
)
def test_what_is_no_model_file_is_one_clear_line(source, error, message):
    with pytest.raises(error, match=message) as caught:
        littoral.load(source)
    assert "\n" not in str(caught.value)


def test_a_wrong_file_is_named(tmp_path):
    path = tmp_path / "text.tflite"
    path.write_text("hello")
    with pytest.raises(littoral.FormatError, match=r"text\.tflite: not a TFLite"):
        littoral.load(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"threads": "2"}, "threads is '2'"),
        ({"threads": True}, "threads is True"),
        (
            {"engine": "quantum"},
            "unknown engine 'quantum': choose from litert, onnxruntime, tflite_runtime",
        ),
        ({"verify": "maybe"}, "verify is 'maybe'"),
        ({"trust": ["key"]}, "trust"),
    ],
)
def test_arguments_that_make_no_sense(options, message):
    with pytest.raises(littoral.InputError, match=message):
        littoral.load(ONE["tflite"], **options)


X = np.zeros((1, 3), np.float32)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 4), np.float32), r"'x': expected float32 of shape \[1, 3\].*\[2, 4\]"),
        (np.zeros((1, 3, 1), np.float32), r"came float32 of shape \[1, 3, 1\]"),
        (np.float32(1), r"came float32 of shape \[\]"),
        (np.array([["a", "b", "c"]]), "expected float32, came <U1"),
        (np.zeros((1, 3), complex), "came complex128"),
        (np.array([[1, None, 2]]), "Python objects"),
        ([[1, 2], [3]], "rows of different length"),
        (np.full((1, 3), np.nan, np.float32), "3 of 3 values are NaN or infinite"),
        (np.array([[1, np.inf, 2]]), "1 of 3 values are NaN or infinite"),
        (np.array([[np.inf, -np.inf, 2]], np.float32), "2 of 3 values"),
        (np.array([[1e300, 0, 0]]), "too large for float32"),
        (np.zeros((0, 3), np.float32), r"'x' is empty: its shape is \[0, 3\]"),
        ({"z": X}, "unknown input 'z': the model's inputs are 'x'"),
        ({}, "input 'x' is missing"),
        ({"x": X, "y": X}, "unknown input 'y'"),
    ],
)
def test_an_input_that_does_not_fit_is_one_clear_line(model, x, message):
    with pytest.raises(littoral.InputError, match=message) as caught:
        model.run(x)
    assert "\n" not in str(caught.value)


def test_infinities_of_both_signs_warn_nobody(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        with pytest.raises(littoral.InputError, match="infinite"):
            model.run(np.array([[np.inf, -np.inf, 2]], np.float32))
    assert not caught


@pytest.mark.parametrize("value", [3e38, 1e-45, -3e38, 0.0])
def test_finite_numbers_of_any_size_are_let_through(model, value):
    x = np.array([[value / 2, value / 2, 0]], np.float32)
    np.testing.assert_array_equal(model.run(x), x + x)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint16", "int64", "bool"])
def test_other_number_types_are_converted(model, dtype):
    x = np.array([[1, 0, 1]], dtype)
    result = model.run(x)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[2, 0, 2]])


def test_lists_tuples_and_dicts(model):
    for x in ([[1, 2, 3]], ((1, 2, 3),), [np.array([1, 2, 3])], {"x": [[1, 2, 3]]}):
        np.testing.assert_array_equal(model.run(x), [[2, 4, 6]])
    np.testing.assert_array_equal(model.run([np.array([[1, 2, 3]])]), [[2, 4, 6]])


def test_several_inputs_that_do_not_fit():
    with littoral.load(small_models.SEVERAL["onnx"]) as model:
        a = np.zeros((1, 2), np.float32)
        for x, message in (
            ([a], "expected 2 inputs .b, a., came 1"),
            (a, "the model has 2 inputs"),
            ({"a": a}, "input 'b' is missing"),
            ([np.zeros((3, 2)), np.zeros((2, 2))], "different numbers of samples: 'b' 3, 'a' 2"),
            ([np.zeros((3, 2)), np.zeros(2)], "'a'"),
        ):
            with pytest.raises(littoral.InputError, match=message):
                model.run(x)


def test_an_open_axis_is_shown_in_the_message():
    with (
        littoral.load(small_models.OPEN["onnx"]) as model,
        pytest.raises(littoral.InputError, match=r"\[any, 3\]"),
    ):
        model.run(np.zeros((2, 2, 2), np.float32))


def quantized(dtype, scale, zero_point):
    tensors = [
        T("x", [1, 5], dtype, scale, zero_point),
        T("shape", [2], "int32", data=np.array([1, 5])),
        T("y", [1, 5], dtype, scale, zero_point),
    ]
    return write(Graph(tensors, [0], [2], [Op("RESHAPE", [0, 1], [2], "ReshapeOptions")]))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [("int8", 0.5, 3), ("uint8", 0.02, 128), ("int16", 1e-3, 0)],
)
def test_a_quantized_file_takes_and_gives_real_units(dtype, scale, zero_point):
    x = np.array([[0.0, 1.26, -0.75, 1e6, -1e6]], np.float32)
    spec = TensorSpec("x", (1, 5), dtype, scale, zero_point)
    limits = np.iinfo(dtype)
    steps = np.clip(np.rint(x / np.float32(scale)) + zero_point, limits.min, limits.max)
    with littoral.load(quantized(dtype, scale, zero_point)) as model:
        assert model.inputs[0].dtype == dtype
        assert model.inputs[0].scale == pytest.approx(scale)
        result = model.run(x)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, (steps - zero_point) * scale, rtol=1e-6)
        np.testing.assert_array_equal(model.run_raw(tensors.quantize(x, spec)), steps)
        np.testing.assert_array_equal(model.run(x[0]), result[0])
        np.testing.assert_array_equal(model.run(np.repeat(x, 3, 0)), np.repeat(result, 3, 0))
        with pytest.raises(littoral.InputError, match="NaN"):
            model.run(np.full((1, 5), np.nan, np.float32))
        with pytest.raises(littoral.InputError, match=f"expected {dtype} as the file holds it"):
            model.run_raw(x)


@given(hnp.arrays(np.float32, (1, 5), elements=st.floats(-100, 100, width=32)))
@settings(max_examples=100, deadline=None)
def test_quantizing_on_the_way_in_is_what_tensors_says(x):
    result = INT8.run(x)
    spec = INT8.inputs[0]
    np.testing.assert_array_equal(result, tensors.dequantize(tensors.quantize(x, spec), spec))


INT8 = littoral.load(quantized("int8", 0.37, -5))


def test_half_precision_inputs_and_outputs_are_float32_outside():
    content = write_onnx(
        [("x", "float16", [1, 2])], [("y", "float16", [1, 2])], [("Add", ["x", "x"], ["y"], {})]
    )
    with littoral.load(content) as model:
        result = model.run(np.array([[1.5, 2]], np.float32))
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, [[3, 4]])
        assert model.run_raw(np.zeros((1, 2), np.float16)).dtype == np.float16
        with pytest.raises(littoral.InputError, match="too large for float16"):
            model.run([[1e6, 0]])


def test_text_goes_through_onnxruntime():
    content = write_onnx(
        [("x", "str", [1, 2])], [("y", "str", [1, 2])], [("Identity", ["x"], ["y"], {})]
    )
    with littoral.load(content) as model:
        assert model.run([["sea", "shore"]]).tolist() == [["sea", "shore"]]
        with pytest.raises(littoral.InputError, match="expected text"):
            model.run([[1, 2]])


def test_an_output_whose_shape_depends_on_the_data():
    content = write_onnx(
        [("x", "float32", [4])], [("y", "int64", [1, "n"])], [("NonZero", ["x"], ["y"], {})]
    )
    with littoral.load(content) as model:
        assert model.run(np.array([1, 0, 2, 0], np.float32)).tolist() == [[0, 2]]
        assert model.run(np.array([1, 1, 2, 0], np.float32)).tolist() == [[0, 1, 2]]


def test_a_file_whose_first_axis_is_no_batch_takes_exactly_its_shape():
    content = write_onnx(
        [("x", "float32", [6])],
        [("y", "float32", [])],
        [("ReduceSum", ["x"], ["y"], {"keepdims": 0})],
    )
    with littoral.load(content) as model:
        assert model.run(np.arange(6, dtype=np.float32)) == 15
        with pytest.raises(littoral.InputError, match=r"of shape \[6\], came"):
            model.run(np.arange(5, dtype=np.float32))


def test_sizes_other_than_the_batch_may_be_open():
    tensors = [T("x", [1, 1], open_shape=[1, -1]), T("y", [1, 1], open_shape=[1, -1])]
    with littoral.load(write(Graph(tensors, [0], [1], [add(0, 0, 1)]))) as model:
        for length in (5, 1, 9):
            x = np.arange(length, dtype=np.float32)[None]
            np.testing.assert_array_equal(model.run(x), 2 * x)
            np.testing.assert_array_equal(model.run(x[0]), 2 * x[0])


def test_more_values_than_the_quick_check_takes():
    content = write_onnx(
        [("x", "float32", [1, 10000])], [("y", "float32", [1, 10000])], [("Neg", ["x"], ["y"], {})]
    )
    x = np.random.default_rng(1).standard_normal((1, 10000)).astype(np.float32)
    with littoral.load(content) as model:
        np.testing.assert_array_equal(model.run(x), -x)
        x[0, 9999] = np.nan
        with pytest.raises(littoral.InputError, match="1 of 10000"):
            model.run(x)


@pytest.mark.parametrize("file", [recurrent, counter])
def test_state_inside_a_file_is_reset_between_samples(file):
    content = file()
    raw = Interpreter(model_content=content)
    raw.allocate_tensors()
    details, results = raw.get_input_details()[0], []
    for _ in range(2):
        raw.set_tensor(details["index"], np.ones(details["shape"], np.float32))
        raw.invoke()
        results.append(raw.get_tensor(raw.get_output_details()[0]["index"]))
    assert (results[0] != results[1]).any(), "the engine keeps the state: that is the point"
    x = np.ones((3, *details["shape"][1:]), np.float32)
    with littoral.load(content) as model:
        for _ in range(2):
            np.testing.assert_array_equal(model.run(x), np.repeat(results[0], 3, 0))
            np.testing.assert_array_equal(model.run(x[0]), results[0][0])


def test_an_operator_that_the_engine_lacks_is_named():
    content = write(
        Graph([T("x", [1]), T("y", [1])], [0], [1], [Op("CUSTOM", [0], [1], custom="Whirl")])
    )
    with pytest.raises(littoral.FormatError, match="Whirl"):
        littoral.load(content)
    content = write_onnx(
        [("x", "float32", [1])], [("y", "float32", [1])], [("Whirl", ["x"], ["y"], {})]
    )
    with pytest.raises(littoral.FormatError, match="Whirl"):
        littoral.load(content)


def test_an_engine_that_fails_while_it_runs_is_an_engine_error():
    content = write_onnx(
        [("x", "float32", [1, "n"])],
        [("y", "float32", [1, 4])],
        [("Reshape", ["x", "s"], ["y"], {})],
        {"s": np.array([1, 4])},
    )
    with littoral.load(content) as model:
        np.testing.assert_array_equal(model.run([[1, 2, 3, 4]]), [[1, 2, 3, 4]])
        with pytest.raises(littoral.EngineError, match="onnxruntime failed") as caught:
            model.run(np.zeros((1, 5), np.float32))
        assert "\n" not in str(caught.value)


def test_a_keras_file_is_not_run():
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(littoral.FormatError, match="littoral convert"):
        littoral.load(stream.getvalue())


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_dropped_model_is_freed_without_waiting_for_the_collector(format):
    gc.disable()
    try:
        model = littoral.load(ONE[format])
        model.run([1, 2, 3])
        gone = weakref.ref(model)
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_an_axis_name_that_an_exporter_used_twice_for_different_sizes():
    content = write_onnx(
        [("x", "float32", [1, "n"])],
        [("y", "float32", ["n", 1])],
        [("Concat", ["x", "x"], ["c"], {"axis": 1}), ("Reshape", ["c", "s"], ["y"], {})],
        {"s": np.array([-1, 1])},
    )
    x = np.array([[1, 2, 3]], np.float32)
    with littoral.load(content) as model:
        for _ in range(2):
            np.testing.assert_array_equal(model.run(x)[:, 0], [1, 2, 3, 1, 2, 3])


def test_an_engine_built_for_another_numpy_is_named(monkeypatch):
    """tflite-runtime 2.14 with NumPy 2 fails this way, when the first interpreter is made."""

    class Interpreter:
        def __init__(self, **options):
            raise SystemError("returned a result with an exception set")

    library = types.SimpleNamespace(Interpreter=Interpreter)
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", library)
    monkeypatch.setattr(np, "__version__", "2.4.6")
    with pytest.raises(littoral.EngineNotInstalled, match="built for numpy 1 and this is numpy 2"):
        littoral.load(ONE["tflite"], engine="tflite_runtime")
    with littoral.load(ONE["tflite"]) as model:
        assert model.engine == "litert"
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(littoral.EngineNotInstalled, match="built for numpy 1"):
        littoral.load(ONE["tflite"])


def test_a_missing_engine_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(littoral.EngineNotInstalled, match=r"pip install 'littoral\[onnx\]'"):
        littoral.load(ONE["onnx"])
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(littoral.EngineNotInstalled, match=r"pip install 'littoral\[litert\]'"):
        littoral.load(ONE["tflite"])
