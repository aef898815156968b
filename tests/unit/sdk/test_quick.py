"""The quick call: it takes the usual values and lets none through that the long way refuses."""

import warnings

import littoral
import numpy as np
import pytest
import small_models
from littoral import tensors
from littoral.tensors import TensorSpec
from onnx_writer import write as write_onnx
from tflite_writer import Graph, Op, T, write

FORMATS = ("tflite", "onnx")
ROW = np.array([[1, 2, 3]], np.float32)


def quantized(size, dtype="int8", scale=0.37, zero_point=-5):
    """y = x, of integers that stand for real numbers."""
    tensors = [
        T("x", [1, size], dtype, scale, zero_point),
        T("shape", [2], "int32", data=np.array([1, size])),
        T("y", [1, size], dtype, scale, zero_point),
    ]
    return write(Graph(tensors, [0], [2], [Op("RESHAPE", [0, 1], [2], "ReshapeOptions")]))


@pytest.fixture
def quick_only(monkeypatch):
    """Makes the long way an error."""

    def refuse(self, x, *, raw):
        raise AssertionError("went the long way")

    monkeypatch.setattr(littoral.Model, "_run", refuse)


USUAL = {
    "array": ROW,
    "sample": ROW[0],
    "float64": ROW.astype(np.float64),
    "int64 sample": ROW[0].astype(np.int64),
    "uint8": ROW.astype(np.uint8),
    "bool": ROW.astype(bool),
    "float16": ROW.astype(np.float16),
    "big-endian": ROW.astype(">f4"),
    "strided": np.repeat(ROW, 2, 1)[:, ::2],
    "nested lists": [[1, 2, 3]],
    "list": [1.0, 2.0, 3.0],
    "tuple": (1, 2, 3),
    "dict": {"x": ROW},
    "dict of a sample": {"x": ROW[0]},
}


@pytest.mark.parametrize("form", USUAL)
@pytest.mark.parametrize("format", FORMATS)
def test_usual_values_are_quick(form, format, quick_only):
    x = USUAL[form]
    real = np.asarray(x["x"] if isinstance(x, dict) else x, np.float32)
    with littoral.load(small_models.ONE[format]) as model:
        result = model.run(x)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, real + real)


@pytest.mark.parametrize("format", FORMATS)
def test_several_inputs_are_quick(format, quick_only):
    a, b = np.array([[5, 7]], np.float32), np.array([[1, 2]], np.float32)
    with littoral.load(small_models.SEVERAL[format]) as model:
        for x in ({"a": a, "b": b}, {"b": b, "a": a}, [b, a], (b, a)):
            for run in (model.run, model.run_raw):
                result = run(x)
                assert list(result) == ["difference", "sum"]
                np.testing.assert_array_equal(result["difference"], [[4, 5]])
        np.testing.assert_array_equal(model.run([b[0], a[0]])["sum"], [6, 9])


@pytest.mark.parametrize("format", FORMATS)
def test_whole_numbers_of_another_width_are_quick_where_they_fit(format):
    with littoral.load(small_models.typed(format, "int32")) as model:
        np.testing.assert_array_equal(model.run(np.array([[1, -2, 3]])), [[2, -4, 6]])
        with pytest.raises(littoral.InputError, match="do not fit int32"):
            model.run(np.array([[1, 2**33, 3]]))


def test_an_int8_file_is_quick_in_real_units_and_raw(quick_only):
    x = np.linspace(-60, 60, 12, dtype=np.float32)[None]
    with littoral.load(quantized(12)) as model:
        spec = model.inputs[0]
        quanta = tensors.quantize(x, spec)
        np.testing.assert_array_equal(model.run(x), tensors.dequantize(quanta, spec))
        np.testing.assert_array_equal(model.run_raw(quanta), quanta)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("size", [256, 256 * 20])
def test_every_quantum_comes_back_as_tensors_says(dtype, size):
    """By table and by arithmetic: the two must not differ in a bit."""
    limits = np.iinfo(dtype)
    every = np.resize(np.arange(limits.min, limits.max + 1, dtype=dtype), (1, size))
    spec = TensorSpec("x", (1, size), dtype, 0.0371, 3)
    real = tensors.dequantize(every, spec)
    with littoral.load(quantized(size, dtype, 0.0371, 3)) as model:
        result = model.run(real)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, tensors.dequantize(every, model.outputs[0]))


@pytest.mark.parametrize("size", [5, 8192, 8193, 30000])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [quantized, None])
def test_one_value_that_is_not_finite_is_found_anywhere(size, bad, make):
    content = write_onnx(
        [("x", "float32", [1, size])], [("y", "float32", [1, size])], [("Neg", ["x"], ["y"], {})]
    )
    with littoral.load(make(size) if make else content) as model:
        x = np.full((1, size), 3e38, np.float32)
        assert model.run(x).shape == (1, size)
        for place in (0, size // 2, size - 1):
            x[...] = 1
            x[0, place] = bad
            for dtype in (np.float32, np.float64):
                with pytest.raises(littoral.InputError, match=f"1 of {size} values"):
                    model.run(x.astype(dtype))
        x[...] = 1
        assert np.isfinite(model.run(x)).all()


def test_what_is_too_large_for_float32_is_refused_without_a_warning():
    with littoral.load(small_models.ONE["onnx"]) as model, warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(littoral.InputError, match="too large"):
            model.run(np.array([[1e39, 0, 0]]))


@pytest.mark.parametrize("format", FORMATS)
def test_several_inputs_of_which_one_does_not_fit(format):
    a, b = np.array([[5, 7]], np.float32), np.array([[1, 2]], np.float32)
    wrong = np.array([[1, np.nan]], np.float32)
    with littoral.load(small_models.SEVERAL[format]) as model:
        for x, message in (
            ({"a": wrong, "b": b}, "'a': 1 of 2"),
            ({"a": a, "b": b[0]}, "'b'"),
            ({"a": a, "c": b}, "'c'"),
            ([b, a, a], "came 3"),
        ):
            with pytest.raises(littoral.InputError, match=message):
                model.run(x)
        np.testing.assert_array_equal(model.run([b, a])["sum"], [[6, 9]])
