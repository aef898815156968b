"""Operations of `keras.ops`, and of TensorFlow in a layer, that a format has no operator for."""

import keras
import littoral
import numpy as np
import pytest
import tensorflow as tf
from converted import worst_error
from keras import ops
from littoral.errors import ConversionError
from littoral_converters import convert
from operation_models import OPERATIONS, VECTORS, model_of
from tensorflow_operations import WRITTEN, Written

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
    "name",
    [
        *("patches", "patches_in_a_row", "slope_of_tanh", "curvature", "regions"),
        *("patches_of_weights", "quantile_before_weights", "quantiles_before_weights"),
    ],
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


def _boxes(x):
    """The best boxes of one picture, as many as there are."""
    corners, scores = tf.sigmoid(x[0, :, :4]), x[0, :, 4]
    return tf.gather(corners, tf.image.non_max_suppression(corners, scores, 5, 0.4, 0.5))[None]


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_head_for_one_picture_answers_as_many_boxes_as_there_are(format_name, tmp_path):
    inputs = keras.Input((20, 5), batch_size=1, name="x")
    model = keras.Model(inputs, Written(_boxes)(inputs))
    pictures = np.random.default_rng(4).normal(size=(6, 1, 20, 5)).astype("float32")
    pictures[::2, :, :, 4] -= 1
    (variant,) = convert(
        model,
        tmp_path,
        formats=(format_name,),
        representative_data=pictures[1],
        warn=lambda doubt: None,
    )
    counts = set()
    with littoral.load(variant.path) as file:
        for picture in pictures:
            wanted = np.asarray(model(picture, training=False))
            np.testing.assert_allclose(file.run(picture), wanted, atol=1e-5)
            counts.add(wanted.shape[1])
    assert len(counts) > 1
