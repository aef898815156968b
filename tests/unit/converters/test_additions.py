"""Additions of a bias along the axis that Keras chooses, and of products with a factor each."""

import keras
import numpy as np
import pytest
from converted import feeds, keras_outputs, randomize, worst_error
from keras import layers, ops

COLUMN = np.arange(4, dtype="float32")[:, None]

BUILDS = {
    "attention_of_one_feature": lambda x: layers.MultiHeadAttention(4, 1)(x, x),
    "attention_of_one_value": lambda x: layers.MultiHeadAttention(4, 2, value_dim=1)(x, x),
    "grouped_attention": lambda x: layers.GroupQueryAttention(1, 4, 2)(x, x),
    "einsum": lambda x: layers.EinsumDense("abc,cxy->abxy", (4, 4, 1), bias_axes="xy")(x),
    "column": lambda x: x + COLUMN,
    "column_of_integers": lambda x: ops.add(x, COLUMN.astype("int32")),
    "column_to_a_square": lambda x: x[..., :4] + COLUMN,
    "column_to_channels": lambda x: x[..., None] + COLUMN[..., None],
}


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", BUILDS)
def test_a_bias_is_added_along_the_axis_that_keras_chooses(name, format_name, tmp_path):
    inputs = keras.Input((4, 5), name="x")
    model = randomize(keras.Model(inputs, BUILDS[name](inputs)))
    data = feeds(model, 4, seed=0)
    (wanted,) = keras_outputs(model, data)
    np.testing.assert_allclose(wanted, model.predict(data["x"], verbose=0), rtol=1e-5)
    assert worst_error(model, tmp_path, format_name, data=data) < 1e-5


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_product_without_bias_has_a_factor_for_each_column(format_name, units, tmp_path):
    inputs = keras.Input((3,), name="x")
    x = layers.BatchNormalization(axis=1)(layers.Dense(units, use_bias=False)(inputs))
    gains = np.linspace(1, 2, units, dtype="float32")[None]
    outputs = layers.Dense(units, use_bias=False)(x) + ops.multiply(x, gains)
    model = randomize(keras.Model(inputs, outputs))
    assert worst_error(model, tmp_path, format_name) < 1e-5


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("batch", [1, None])
def test_convolutions_take_one_bias_more_for_each_sample(batch, format_name, tmp_path):
    x, step = keras.Input((6, 5, 3), name="x"), keras.Input((2,), name="step")
    shift = layers.Dense(4)(step)[:, None, None, :]
    rows = layers.Dense(6)(step)[:, :, None, None]
    outputs = [
        layers.Conv2D(4, 3, padding="same")(x) + shift,
        layers.Conv2D(4, 3, padding="same")(x) + shift + rows,
        layers.Conv2D(2, 3, padding="same")(x) + rows,
        layers.Conv2DTranspose(4, 3)(x) + shift,
        layers.DepthwiseConv2D(3)(layers.Conv2D(4, 1)(x) + shift) + shift,
    ]
    model = randomize(keras.Model([x, step], outputs))
    data = feeds(model, 4, seed=0)
    assert worst_error(model, tmp_path, format_name, data=data, batch=batch) < 1e-5
