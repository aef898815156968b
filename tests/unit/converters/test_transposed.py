"""Transposed convolutions are written as plain ones, and say what Keras says."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import randomize, worst_error
from keras import layers
from littoral.profiling import profile
from littoral_converters import convert
from littoral_converters.formats import tflite
from littoral_converters.lowering import Plan
from littoral_converters.mixing.layers import operators_by_layer
from littoral_converters.signature import signature_of
from littoral_converters.trace import trace


def two(kernel, steps, padding="same", beyond=None, channels=3, **options):
    return layers.Conv2DTranspose(
        channels, kernel, strides=steps, padding=padding, output_padding=beyond, **options
    )


CASES = {
    "step_1": two(3, 1),
    "step_is_kernel": two(2, 2),
    "step_over_kernel": two(2, 3),
    "step_over_kernel_valid": two(1, 2, "valid"),
    "odd": two(3, 2),
    "odd_of_many_channels": two(3, 2, channels=24),
    "odd_valid": two(3, 2, "valid"),
    "even": two(4, 2, channels=20),
    "wide": two(7, 2, channels=17),
    "far": two(8, 4),
    "step_of_3": two(5, 3, "valid"),
    "beyond": two(5, 3, beyond=2),
    "beyond_valid": two(3, 2, "valid", 1),
    "unlike_axes": two((3, 4), (1, 2)),
    "unlike_steps": two((5, 2), (3, 2), "valid"),
    "dilated": two(3, 1, dilation_rate=2),
    "activated": two(3, 2, activation="relu6", use_bias=False),
    "one_dimension": lambda: layers.Conv1DTranspose(4, 5, strides=3, activation="relu"),
    "channels_first": two(3, 2, data_format="channels_first"),
}
QUICK = ("odd", "odd_of_many_channels", "beyond", "unlike_steps", "one_dimension")


def model(name):
    keras.utils.set_random_seed(0)
    layer = CASES[name]
    is_flat = callable(layer) and not isinstance(layer, layers.Layer)
    inputs = keras.Input((7, 5) if is_flat else (5, 6, 4), name="x")
    layer = layer() if is_flat else type(layer).from_config(layer.get_config())
    return randomize(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES],
)
@pytest.mark.parametrize("batch", [1, None])
def test_phases_say_what_keras_says(name, batch, tmp_path):
    assert worst_error(model(name), tmp_path, "tflite", batch=batch) < 1e-5
    (path,) = tmp_path.glob("*.tflite")
    assert "TRANSPOSE_CONV" not in operators(path)


@pytest.mark.parametrize("scheme", ["static_int8", "strict_int8", "int16x8", "dynamic_int8"])
def test_a_decoder_is_quantized(scheme, tmp_path):
    inputs = keras.Input((4, 4, 16), name="x")
    h = layers.Conv2DTranspose(24, 3, strides=2, padding="same", use_bias=False)(inputs)
    h = layers.LeakyReLU()(layers.BatchNormalization()(h))
    h = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(h)
    net = randomize(keras.Model(inputs, h), scale=0.1)
    data = np.random.default_rng(1).normal(size=(64, 4, 4, 16)).astype("float32")
    (variant,) = convert(
        net, tmp_path, formats=("tflite",), schemes=(scheme,), representative_data=data
    )
    assert variant.verification.relative_error < 0.1
    assert "TRANSPOSE_CONV" not in operators(variant.path)


def test_rows_and_columns_of_open_size_stay_one_operator(tmp_path):
    inputs = keras.Input((None, None, 4), name="x")
    net = randomize(keras.Model(inputs, two(3, 2)(inputs)))
    (variant,) = convert(net, tmp_path, formats=("tflite",))
    assert operators(variant.path).count("TRANSPOSE_CONV") == 1


@pytest.mark.parametrize("channels", [16, 8])
def test_no_product_is_computed_for_zeros_between_inputs(channels, tmp_path):
    """Of 9 weights: as many for several convolutions, a few more in one that fills a kernel."""
    inputs = keras.Input((8, 8, 16), name="x")
    net = keras.Model(inputs, two(3, 2, channels=channels)(inputs))
    (variant,) = convert(net, tmp_path, formats=("tflite",))
    weights = sum(shape[1] * shape[2] * shape[0] for shape in _kernels(variant.path)) / channels
    assert weights == (9 if channels == 16 else 12)


def decoder():
    inputs = keras.Input((6, 6, 16), name="x")
    h = layers.Conv2DTranspose(24, 3, 2, name="first", use_bias=False)(inputs)
    h = layers.ReLU()(layers.BatchNormalization()(h))
    return keras.Model(inputs, layers.Conv2DTranspose(17, 3, 2, name="last")(h))


def test_layers_to_leave_float_have_their_names():
    model = decoder()
    graph = trace(model, signature_of(model), Plan("tflite"))
    assert list(operators_by_layer("tflite", tflite.write(graph), graph)) == ["first", "last"]


def test_a_profile_knows_the_last_layer(tmp_path):
    (variant,) = convert(decoder(), tmp_path, formats=("tflite",))
    found = {each["layer"] for each in profile(variant.path, duration_s=0.1)["operators"][:-1]}
    assert "last" in found
    assert "" not in found


def operators(path):
    return [operator["op_name"] for operator in Interpreter(str(path))._get_ops_details()]


def _kernels(path):
    engine = Interpreter(str(path))
    shapes = {entry["index"]: entry["shape"] for entry in engine.get_tensor_details()}
    convolutions = [one for one in engine._get_ops_details() if one["op_name"] == "CONV_2D"]
    return [shapes[one["inputs"][1]] for one in convolutions]
