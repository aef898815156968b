"""What is repeated, as an upsampling to the nearest repeats it, against Keras."""

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import file_outputs, keras_outputs, randomize, worst_error
from keras import layers, ops
from littoral_converters import convert

REPEATED = {
    "pictures": ((4, 5, 3), lambda x: layers.UpSampling2D(2)(x)),
    "unlike_factors": ((4, 5, 3), lambda x: layers.UpSampling2D((3, 2))(x)),
    "channels_first": ((3, 4, 5), lambda x: layers.UpSampling2D(2, "channels_first")(x)),
    "steps": ((6, 4), lambda x: layers.UpSampling1D(3)(x)),
    "volumes": ((2, 3, 4, 3), lambda x: layers.UpSampling3D(2)(x)),
    "resized": ((4, 5, 3), lambda x: layers.Resizing(8, 15, interpolation="nearest")(x)),
    "heads": ((5, 2, 6), lambda x: ops.repeat(x, 3, axis=-2)),
}
OTHERS = {
    "many": ((4, 5, 3), lambda x: layers.UpSampling2D(7)(x)),
    "channels": ((4, 5, 3), lambda x: ops.repeat(x, 2, axis=-1)),
    "flat": ((4, 3), lambda x: ops.reshape(ops.repeat(x, 2), (-1, 24))),
    "by_place": ((3, 4), lambda x: ops.repeat(x, [1, 0, 2], axis=1)),
    "smaller": ((4, 6, 3), lambda x: layers.Resizing(2, 3, interpolation="nearest")(x)),
    "no_multiple": ((4, 6, 3), lambda x: layers.Resizing(8, 9, interpolation="nearest")(x)),
    "integers": ((4, 3), lambda x: ops.repeat(ops.cast(x * 9, "int32"), 2, axis=1)),
}


FORMATS = pytest.mark.parametrize("format_name", ["tflite", "onnx"])


def model(shape, make):
    inputs = keras.Input(shape, name="x")
    return keras.Model(inputs, make(inputs))


@FORMATS
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize(
    "name", [*REPEATED, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_what_is_repeated_is_what_keras_repeats(name, batch, format_name, tmp_path):
    net = model(*(REPEATED | OTHERS)[name])
    assert worst_error(net, tmp_path, format_name, batch=batch) == 0
    if format_name == "tflite" and name in REPEATED:
        (path,) = tmp_path.glob("*.tflite")
        kinds = {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}
        assert kinds <= {"CONCATENATION", "RESHAPE", "TRANSPOSE"}


@FORMATS
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("shape", [(None, None, 3), (4, None, 3)])
def test_pictures_of_open_size_are_enlarged(shape, batch, format_name, tmp_path):
    net = model(shape, lambda x: layers.UpSampling2D((2, 3))(x))
    data = {"x": keras.random.normal((2, 4, 3, 3), seed=1).numpy()}
    (variant,) = convert(net, tmp_path, formats=(format_name,), batch=batch)
    np.testing.assert_array_equal(file_outputs(variant.path, data), keras_outputs(net, data))


def test_onnx_enlarges_pictures_between_convolutions_without_a_transpose(tmp_path):
    inputs = keras.Input((6, 6, 4), name="x")
    h = layers.Conv2D(4, 3, padding="same")(inputs)
    net = keras.Model(inputs, layers.Conv2D(2, 3)(layers.UpSampling2D()(h)))
    assert worst_error(randomize(net), tmp_path, "onnx") < 1e-5
    (path,) = tmp_path.glob("*.onnx")
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    middle = kinds[kinds.index("Conv") :][: kinds[::-1].index("Conv") * -1 or None]
    assert middle == ["Conv", "Resize", "Conv"]


def test_what_is_repeated_no_times_is_left_out(tmp_path):
    net = model((4, 3), lambda x: ops.concatenate([x, ops.repeat(x, 0, axis=1)], axis=1))
    assert worst_error(net, tmp_path, "tflite") == 0
