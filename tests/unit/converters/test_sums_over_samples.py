"""Sums that Keras takes for a bias where it is asked for one sample, and broadcasts for more."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import layers, ops
from littoral_converters import convert


def column_and_row(x):
    """What a graph attention scores its edges by."""
    return layers.Dense(1)(x) + ops.transpose(layers.Dense(1)(x), (0, 2, 1))


def distances(x):
    """Of all points from all others."""
    squares = ops.sum(ops.square(x), -1, keepdims=True)
    products = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    return (ops.transpose(squares, (0, 2, 1)) - 2 * products) + squares


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("write", [column_and_row, distances])
@pytest.mark.parametrize("batch", [1, 3, None])
def test_a_file_broadcasts_as_keras_does_for_many_samples(write, format_name, batch, tmp_path):
    inputs = keras.Input((5, 5), name="x")
    model = keras.Model(inputs, write(inputs))
    data = np.random.default_rng(0).normal(size=(6, 5, 5)).astype("float32")
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    size = batch or 1
    got = [
        next(iter(raw_outputs(variant.path, data[at : at + size]).values()))
        for at in range(0, 6, size)
    ]
    np.testing.assert_allclose(np.concatenate(got), model.predict(data, verbose=0), atol=1e-5)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_constant_along_axis_1_stays_the_bias_that_keras_takes_it_for(format_name, tmp_path):
    inputs = keras.Input((4, 4), name="x")
    column = np.arange(4, dtype="float32")[None, :, None]
    model = keras.Model(inputs, ops.multiply(inputs, 1.0) + column)
    data = np.random.default_rng(0).normal(size=(2, 4, 4)).astype("float32")
    (variant,) = convert(model, tmp_path, formats=(format_name,))
    (got,) = raw_outputs(variant.path, data[:1]).values()
    np.testing.assert_allclose(got, np.asarray(model(data))[:1], atol=1e-6)


def test_a_model_built_for_one_sample_is_taken_as_it_answers(tmp_path):
    inputs = keras.Input(batch_shape=(1, 5, 5), name="x")
    model = keras.Model(inputs, distances(inputs))
    data = np.random.default_rng(0).normal(size=(1, 5, 5)).astype("float32")
    (variant,) = convert(model, tmp_path, formats=("tflite",))
    (got,) = raw_outputs(variant.path, data).values()
    np.testing.assert_allclose(got, np.asarray(model(data)), atol=1e-5)
