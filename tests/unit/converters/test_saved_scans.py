"""A scan outside of any layer, in a model that was saved."""

import keras
import pytest
from converted import worst_error
from keras import layers, ops


@keras.saving.register_keras_serializable("littoral_tests")
def joined(before, after):
    return before[0] * after[0], before[1] * after[0] + after[1]


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_saved_scan_answers_tuples_where_it_was_given_lists(format_name, tmp_path):
    x = keras.Input((6, 4), name="x")
    parts = ops.sigmoid(layers.Dense(3)(x)), layers.Dense(3)(x)
    model = keras.Model(x, ops.associative_scan(joined, parts, axis=1)[1])
    model.save(tmp_path / "scan.keras")
    loaded = keras.saving.load_model(tmp_path / "scan.keras")
    assert worst_error(loaded, tmp_path, format_name) < 1e-5
