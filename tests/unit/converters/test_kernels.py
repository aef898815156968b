"""Layers that XNNPACK has no fast kernel for, in ones that it has: right, and faster than stock."""

import keras
import numpy as np
import pytest
from converted import file_outputs, keras_outputs, randomize, ratio, worst_error
from keras import layers
from littoral_converters import convert
from stock_routes import tflite

DEPTHWISE = {
    "7x7": lambda: layers.DepthwiseConv2D(7, padding="same"),
    "7x7_inside": lambda: layers.DepthwiseConv2D(7, padding="valid"),
    "7x7_stride": lambda: layers.DepthwiseConv2D(7, strides=2, padding="same"),
    "6x6_stride": lambda: layers.DepthwiseConv2D(6, strides=2, padding="same"),
    "6x6_stride_inside": lambda: layers.DepthwiseConv2D(6, strides=3, padding="valid"),
    "5x9": lambda: layers.DepthwiseConv2D((5, 9), padding="same"),
    "1x31": lambda: layers.DepthwiseConv2D((1, 31), padding="same"),
    "31x1": lambda: layers.DepthwiseConv2D((31, 1), padding="same"),
    "7x7_dilated": lambda: layers.DepthwiseConv2D(7, dilation_rate=2, padding="same"),
    "filters": lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same"),
    "filters_stride": lambda: layers.DepthwiseConv2D(3, 2, depth_multiplier=2, padding="same"),
    "filters_dilated": lambda: layers.DepthwiseConv2D(
        3, depth_multiplier=2, dilation_rate=2, padding="same"
    ),
    "filters_7x7": lambda: layers.DepthwiseConv2D(7, depth_multiplier=2, padding="same"),
    "channels_first": lambda: layers.DepthwiseConv2D(
        7, depth_multiplier=2, padding="same", data_format="channels_first"
    ),
    "separable": lambda: layers.SeparableConv2D(5, 7, depth_multiplier=2, padding="same"),
}
SIZES = {"channels_first": (4, 13, 17), "7x7_inside": (13, 17, 4)}


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "most"), [("float32", 1e-5), ("static_int8", 0.1)])
@pytest.mark.parametrize("name", DEPTHWISE)
def test_a_depthwise_convolution_agrees_with_keras(name, scheme, most, tmp_path):
    inputs = keras.Input(SIZES.get(name, (13, 17, 4)), name="image")
    model = randomize(keras.Model(inputs, DEPTHWISE[name]()(inputs)))
    assert worst_error(model, tmp_path, "tflite", scheme) < most


@pytest.mark.slow
@pytest.mark.parametrize("length", [40, None])
@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.DepthwiseConv1D(31, padding="same"),
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"),
        lambda: layers.SeparableConv1D(5, 31, padding="same"),
    ],
)
def test_a_depthwise_convolution_over_time_agrees_with_keras(make, length, tmp_path):
    inputs = keras.Input((length, 6), name="sequence")
    model = randomize(keras.Model(inputs, make()(inputs)))
    (variant,) = convert(model, tmp_path, formats=("tflite",), schemes=("float32",))
    data = {"sequence": keras.random.normal((4, length or 37, 6), seed=1).numpy()}
    (wanted,), (got,) = keras_outputs(model, data), file_outputs(variant.path, data)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


FASTER = {
    "large_window": (lambda: layers.DepthwiseConv2D(7, padding="same"), 2.5),
    "filters": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 1.4),
    "groups": (lambda: layers.GroupNormalization(8), 2.0),
}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", FASTER)
def test_it_is_faster_than_the_stock_route(name, tmp_path):
    make, least = FASTER[name]
    inputs = keras.Input((16, 16, 32), name="image")
    model = randomize(keras.Model(inputs, make()(inputs)))
    model.save(tmp_path / "model.keras")
    tflite(tmp_path / "model.keras", None, tmp_path / "stock.tflite")
    (ours,) = convert(model, tmp_path, formats=("tflite",), schemes=("float32",))
    assert ratio(ours.path, tmp_path / "stock.tflite") > least


VIDEO = {
    "all_steps": (
        lambda video: layers.TimeDistributed(layers.Conv2D(8, 3, padding="same"))(video),
        1.5,
    ),
    "one_step": (lambda video: video[:, 3], 4.0),
}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", VIDEO)
def test_steps_are_taken_faster_than_by_the_stock_route(name, tmp_path):
    take, least = VIDEO[name]
    inputs = keras.Input((8, 16, 16, 8), name="video")
    model = randomize(keras.Model(inputs, take(inputs)))
    model.save(tmp_path / "model.keras")
    tflite(tmp_path / "model.keras", None, tmp_path / "stock.tflite")
    (ours,) = convert(model, tmp_path, formats=("tflite",), schemes=("float32",))
    assert ratio(ours.path, tmp_path / "stock.tflite") > least


PADDED_AND_REPEATED = {
    "transposed_even": ((16, 16, 32), lambda x: layers.Conv2DTranspose(16, 2, 2)(x), 1.7),
    "transposed_odd": ((8, 8, 64), lambda x: layers.Conv2DTranspose(32, 3, 2, "same")(x), 1.4),
    "transposed_to_one": ((16, 16, 32), lambda x: layers.Conv2DTranspose(1, 5, 2, "same")(x), 2.5),
    "repeated": ((16, 16, 32), lambda x: layers.UpSampling2D()(x), 1.2),
    "causal": ((128, 16), lambda x: layers.Conv1D(16, 3, padding="causal")(x), 1.2),
}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", PADDED_AND_REPEATED)
def test_what_xnnpack_is_slow_at_is_faster_than_by_the_stock_route(name, tmp_path):
    shape, make, least = PADDED_AND_REPEATED[name]
    inputs = keras.Input(shape, name="x")
    model = randomize(keras.Model(inputs, layers.Activation("relu")(make(inputs))))
    model.save(tmp_path / "model.keras")
    tflite(tmp_path / "model.keras", None, tmp_path / "stock.tflite")
    (ours,) = convert(model, tmp_path, formats=("tflite",), schemes=("float32",))
    assert ratio(ours.path, tmp_path / "stock.tflite") > least


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("stride", [1, 2])
def test_a_transposed_convolution_is_int8_only_where_that_is_no_slower(stride, tmp_path):
    inputs = keras.Input((12, 12, 32), name="image")
    model = randomize(keras.Model(inputs, layers.Conv2DTranspose(32, 3, stride)(inputs)))
    data = keras.random.normal((32, 12, 12, 32), seed=1).numpy()
    plain, small = convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=("float32", "static_int8"),
        representative_data=data,
    )
    assert ratio(plain.path, small.path) < 1.3
