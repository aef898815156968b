"""Operations of `keras.ops`, and of TensorFlow in a layer, that a format has no operator for."""

import keras
import pytest
from converted import worst_error
from keras import ops
from littoral.errors import ConversionError
from littoral_converters import convert
from operation_models import OPERATIONS, VECTORS, model_of
from tensorflow_operations import WRITTEN

EVERY = {**OPERATIONS, **WRITTEN}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", EVERY)
def test_an_operation_agrees_with_keras(name, format_name, tmp_path):
    assert worst_error(model_of(name, EVERY), tmp_path, format_name) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", ["mfcc", "istft", "cumprod", "arccos", "affine", "rgb_to_hsv"])
def test_an_operation_stays_close_in_int8(name, format_name, tmp_path):
    assert worst_error(model_of(name, EVERY), tmp_path, format_name, "static_int8") < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "name", ["patches", "patches_in_a_row", "slope_of_tanh", "curvature", "regions"]
)
def test_an_operation_takes_any_batch(name, format_name, tmp_path):
    assert worst_error(model_of(name, EVERY), tmp_path, format_name, batch=None) < 1e-5


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_decomposition_too_large_to_write_out_is_refused_by_name(format_name, tmp_path):
    inputs = keras.Input((20, 20), name="x")
    square = ops.matmul(inputs, ops.transpose(inputs, (0, 2, 1))) + ops.eye(20)
    model = keras.Model(inputs, ops.cholesky(square))
    with pytest.raises(ConversionError, match=r"operation '\S*Cholesky' \(Cholesky\).*other"):
        convert(model, tmp_path, formats=(format_name,))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mix", [ops.sum, ops.ravel, lambda x: ops.vstack([x, x])])
def test_an_output_without_samples_is_refused(mix, tmp_path):
    inputs = keras.Input(VECTORS, name="x")
    model = keras.Model(inputs, mix(inputs))
    with pytest.raises(ConversionError, match="its first axis"):
        convert(model, tmp_path)
