"""Dilated convolutions are one operator each, whoever else reads what they read."""

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import file_outputs, keras_outputs, randomize, worst_error
from keras import layers
from littoral_converters import convert


def gated(layer, size, **options):
    """Two convolutions of the same, as in a WaveNet."""
    tanh, sigmoid = (layer(6, size, activation=name, **options) for name in ("tanh", "sigmoid"))
    return lambda x: tanh(x) * sigmoid(x)


NETS = {
    "causal": ((20, 4), gated(layers.Conv1D, 2, dilation_rate=4, padding="causal")),
    "same": ((21, 4), gated(layers.Conv1D, 3, dilation_rate=3, padding="same")),
    "groups": ((20, 4), gated(layers.Conv1D, 3, dilation_rate=3, groups=2)),
    "pictures": ((12, 11, 4), gated(layers.Conv2D, 3, dilation_rate=(2, 3), padding="same")),
    "open": ((None, 4), gated(layers.Conv1D, 2, dilation_rate=4, padding="causal")),
    "open_pictures": ((None, None, 4), gated(layers.Conv2D, 3, dilation_rate=2, padding="same")),
    "open_valid": ((None, None, 4), gated(layers.Conv2D, (3, 2), dilation_rate=2)),
    "channels": (
        (12, 11, 4),
        gated(lambda _, size, **o: layers.DepthwiseConv2D(size, **o), 3, dilation_rate=2),
    ),
    "open_channels": (
        (None, None, 4),
        layers.DepthwiseConv2D(3, dilation_rate=(2, 3), padding="same"),
    ),
    "channels_over_time": (
        (None, 4),
        layers.DepthwiseConv1D(5, dilation_rate=3, depth_multiplier=1, padding="same"),
    ),
    "separable": ((None, 4), layers.SeparableConv1D(6, 3, dilation_rate=2)),
    "first": ((4, 20), layers.Conv1D(6, 3, dilation_rate=3, data_format="channels_first")),
}


def net(name):
    shape, make = NETS[name]
    inputs = keras.Input(shape, name="x")
    return randomize(keras.Model(inputs, make(inputs)))


def kinds_in(path):
    if path.suffix == ".onnx":
        return [node.op_type for node in onnx.load(path).graph.node]
    return [each["op_name"] for each in Interpreter(str(path))._get_ops_details()]


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", NETS)
def test_it_is_one_operator(name, format_name, batch, tmp_path):
    model = net(name)
    shape = (3, *(19 if size is None else size for size in model.input_shape[1:]))
    data = {"x": np.random.default_rng(0).normal(size=shape).astype("float32")}
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), representative_data=data, batch=batch
    )
    (wanted,), (got,) = keras_outputs(model, data), file_outputs(variant.path, data)
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    kinds = kinds_in(variant.path)
    apart = {"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "SpaceToDepth", "Shape", "SHAPE"}
    assert not apart & {*kinds}
    assert len([kind for kind in kinds if "Conv" in kind or "CONV" in kind]) in (1, 2)


@pytest.mark.parametrize("scheme", ["static_int8", "strict_int8", "int16x8"])
def test_it_is_in_integers_too(scheme, tmp_path):
    assert worst_error(net("causal"), tmp_path, "tflite", scheme) < 0.1
