"""Categories as rows of zeros with a single one, and counts of these."""

import keras
import numpy as np
import pytest
from converted import feeds, worst_error
from keras import layers, ops

LOOKUPS = {
    "count": {"output_mode": "count"},
    "multi_hot": {"output_mode": "multi_hot"},
    "one_hot": {"output_mode": "one_hot"},
    "hashed_by_rest": {"output_mode": "multi_hot", "num_oov_indices": 3},
    "padded": {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
    "weighted": {"output_mode": "tf_idf", "idf_weights": [0.1, 0.2, 0.3]},
}

ENCODINGS = {
    "below_and_above": lambda x: ops.one_hot(x - 2, 3),
    "along_axis_1": lambda x: ops.one_hot(x - 2, 4, axis=1),
    "of_short_integers": lambda x: ops.one_hot(ops.cast(x, "uint8"), 4, axis=1, dtype="int32"),
    "of_truths": lambda x: ops.cast(ops.one_hot(x - 1, 4, dtype="bool"), "float32"),
    "together": lambda x: ops.multi_hot(x - 1, 4),
    "other_values": lambda x: ops.where(ops.one_hot(x, 4) > 0, 3.0, -2.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("mask_token", [0, 4, None])
@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_with_a_mask_agrees_with_keras(name, mask_token, format_name, tmp_path):
    words = [1, 2, 3] if mask_token == 4 else [1, 2, 4]
    lookup = layers.IntegerLookup(vocabulary=words, mask_token=mask_token, **LOOKUPS[name])
    inputs = keras.Input((1 if name == "one_hot" else 5,), dtype="int64", name="x")
    model = keras.Model(inputs, lookup(inputs))
    data = {"x": np.resize(np.arange(-1, 9), (12, *inputs.shape[1:]))}
    assert worst_error(model, tmp_path, format_name, data=data) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("shape", [(5,), (2, 5)])
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_category_that_there_is_not_has_zeros(name, shape, format_name, tmp_path):
    inputs = keras.Input(shape, dtype="int32", name="x")
    model = keras.Model(inputs, ENCODINGS[name](inputs))
    assert worst_error(model, tmp_path, format_name, data=feeds(model, 6, seed=0)) == 0


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", ["count", "multi_hot"])
def test_where_the_most_and_the_fewest_of_long_counts_are(name, format_name, tmp_path):
    inputs = keras.Input((5,), dtype="int64", name="x")
    counts = layers.IntegerLookup(vocabulary=[1, 2, 4], **LOOKUPS[name])(inputs)
    ends = [ops.argmax(counts, axis=1), ops.argmin(counts, axis=1), ops.argmax(inputs > 2, axis=1)]
    model = keras.Model(inputs, ends)
    assert worst_error(model, tmp_path, format_name, data=feeds(model, 6, seed=0)) == 0
