"""Padding stands in front of the convolution that reads it, where engines take it in."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import file_outputs, keras_outputs, randomize, worst_error
from keras import layers
from littoral_converters import convert

PADDED = {
    "causal": ((12, 4), lambda x: layers.Conv1D(4, 3, padding="causal")(x)),
    "causal_dilated": (
        (12, 4),
        lambda x: layers.Conv1D(4, 3, 1, "causal", dilation_rate=3)(x),
    ),
    "causal_stride": ((12, 4), lambda x: layers.Conv1D(4, 3, 2, padding="causal")(x)),
    "zeros": ((12, 4), lambda x: layers.Conv1D(4, 3)(layers.ZeroPadding1D((1, 3))(x))),
}


def net(name):
    shape, make = PADDED[name]
    inputs = keras.Input(shape, name="x")
    return randomize(keras.Model(inputs, layers.Activation("relu")(make(inputs))))


@pytest.mark.parametrize(
    ("name", "batch"), [*((name, 1) for name in PADDED), ("causal", None), ("zeros", None)]
)
def test_a_convolution_reads_what_is_padded(name, batch, tmp_path):
    assert worst_error(net(name), tmp_path, "tflite", batch=batch) < 1e-5
    assert reads_a_pad(tmp_path)


def test_it_does_as_int8(tmp_path):
    assert worst_error(net("causal"), tmp_path, "tflite", "static_int8") < 0.05


def test_what_another_layer_reads_too_stays(tmp_path):
    inputs = keras.Input((8, 4), name="x")
    padded = layers.ZeroPadding1D(1)(inputs)
    both = [layers.Conv1D(4, 3)(padded), layers.MaxPooling1D(3, 1)(padded)]
    model = randomize(keras.Model(inputs, layers.Add()(both)))
    assert worst_error(model, tmp_path, "tflite") < 1e-5


@pytest.mark.parametrize("batch", [1, None])
def test_steps_of_any_number(batch, tmp_path):
    inputs = keras.Input((None, 4), name="x")
    model = randomize(keras.Model(inputs, layers.Conv1D(4, 3, padding="causal")(inputs)))
    data = {"x": keras.random.normal((2, 9, 4), seed=1).numpy()}
    (variant,) = convert(model, tmp_path, formats=("tflite",), batch=batch)
    (wanted,), (got,) = keras_outputs(model, data), file_outputs(variant.path, data)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def reads_a_pad(folder):
    (path,) = folder.glob("*.tflite")
    operators = Interpreter(str(path))._get_ops_details()
    padded = {one["outputs"][0] for one in operators if one["op_name"] == "PAD"}
    return all(one["inputs"][0] in padded for one in operators if one["op_name"] == "CONV_2D")
