"""Convolutions of volumes, which a .tflite computes as those of pictures, against Keras."""

import keras
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import file_outputs, keras_outputs, randomize, worst_error
from keras import layers
from littoral_converters import convert

VOLUMES = {
    "valid": {},
    "same": {"padding": "same"},
    "steps": {"strides": 2, "padding": "same"},
    "steps_inside": {"strides": (2, 1, 3)},
    "long_steps": {"kernel_size": 2, "strides": 3, "padding": "same"},
    "flat": {"kernel_size": (1, 3, 3)},
    "deep": {"kernel_size": (4, 1, 1), "padding": "same"},
    "points": {"kernel_size": 1, "strides": (3, 1, 1)},
    "dilated": {"dilation_rate": 2, "padding": "same"},
    "dilated_in_depth": {"kernel_size": 2, "dilation_rate": (3, 1, 1)},
    "groups": {"groups": 2},
    "channels_first": {"data_format": "channels_first", "padding": "same"},
    "activated": {"activation": "relu", "use_bias": False},
}
QUICK = ("same", "steps", "dilated", "groups")


def model(name):
    inputs = keras.Input((7, 6, 8, 4), name="x")
    options = {"filters": 6, "kernel_size": 3, **VOLUMES[name]}
    if "data_format" in options:
        inputs = keras.Input((4, 7, 6, 8), name="x")
    return randomize(keras.Model(inputs, layers.Conv3D(**options)(inputs)))


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize(
    "name", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in VOLUMES]
)
def test_a_volume_is_convolved_as_keras_does(name, batch, tmp_path):
    assert worst_error(model(name), tmp_path, "tflite", batch=batch) < 1e-5
    (path,) = tmp_path.glob("*.tflite")
    kinds = {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}
    assert "CONV_3D" not in kinds


@pytest.mark.parametrize("scheme", ["static_int8", "strict_int8", "int16x8"])
def test_volumes_are_convolved_in_integers(scheme, tmp_path):
    inputs = keras.Input((6, 8, 8, 8), name="x")
    h = layers.Conv3D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    net = randomize(keras.Model(inputs, layers.Conv3D(8, 3)(h)), scale=0.1)
    assert worst_error(net, tmp_path, "tflite", scheme) < 0.1


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_volumes_of_open_size(format_name, tmp_path):
    inputs = keras.Input((None, 6, 6, 2), name="x")
    net = randomize(keras.Model(inputs, layers.Conv3D(3, 3, dilation_rate=2)(inputs)))
    data = {"x": keras.random.normal((1, 7, 6, 6, 2), seed=1).numpy()}
    (variant,) = convert(net, tmp_path, formats=(format_name,))
    (wanted,), (got,) = keras_outputs(net, data), file_outputs(variant.path, data)
    assert abs(wanted - got).max() < 1e-5
