"""What XNNPACK has no kernel for is written in operators that it has one for."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from converted import raw_outputs, worst_error
from keras import layers, ops
from littoral_converters import convert

SLOW = {"BROADCAST_TO", "SELECT", "SELECT_V2", "EQUAL", "GREATER", "MINIMUM", "PACK", "PADV2"}
MADE = {
    "selu": lambda x: layers.Activation("selu")(x),
    "celu": lambda x: layers.Activation("celu")(x),
    "narrow_celu": lambda x: ops.celu(x, 0.3),
    "running_products": lambda x: ops.cumprod(x, axis=1) + ops.cumprod(x, axis=-1),
    "softmax_of_pictures": lambda x: layers.Softmax((-2, -1))(x),
    "attention_of_pictures": lambda x: layers.MultiHeadAttention(2, 3)(x[:, None], x[:, None]),
    "stack": lambda x: ops.stack([x, ops.tanh(x), -x], axis=1),
    "stack_inside": lambda x: ops.stack([x, ops.tanh(x)], axis=2),
    "spread": lambda x: ops.broadcast_to(ops.mean(x, 1, keepdims=True), (1, 5, 4)),
    "spread_of_one": lambda x: x + ops.broadcast_to(ops.sum(x[:, 0, 0]), ()),
    "spread_inside": lambda x: ops.broadcast_to(x[:, None], (1, 3, 5, 4)),
}


def model(make):
    inputs = keras.Input((5, 4), name="x", batch_size=1 if "spread" in make else None)
    return keras.Model(inputs, MADE[make](inputs))


@pytest.mark.parametrize("name", MADE)
def test_it_says_what_keras_says(name, tmp_path):
    data = {"x": 3 * np.random.default_rng(0).normal(size=(1, 5, 4)).astype("float32")}
    assert worst_error(model(name), tmp_path, "tflite", data=data) < 1e-6
    (path,) = tmp_path.glob("*.tflite")
    kinds = {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}
    assert not kinds & SLOW


@pytest.mark.parametrize("batch", [1, None])
def test_a_step_is_cut_out_without_dropping_its_axis(batch, tmp_path):
    inputs = keras.Input((5, 4), name="x")
    net = keras.Model(inputs, layers.Dense(3)(layers.ReLU()(inputs)[:, -1]))
    assert worst_error(net, tmp_path, "tflite", batch=batch) < 1e-6
    (path,) = tmp_path.glob("*.tflite")
    engine = Interpreter(str(path))
    shapes = {entry["index"]: len(entry["shape"]) for entry in engine.get_tensor_details()}
    (cut,) = (one for one in engine._get_ops_details() if one["op_name"] == "STRIDED_SLICE")
    assert shapes[cut["inputs"][0]] == shapes[cut["outputs"][0]] == 3


MASKED = {
    "rows": lambda x, seen: layers.Softmax()(x, mask=seen > 0),
    "numbers": lambda x, seen: layers.Softmax()(x, mask=seen),
    "columns": lambda x, seen: layers.Softmax(axis=1)(x, mask=seen > 0),
    "as_in_attention": lambda x, seen: layers.Softmax(axis=(2,))(x, mask=seen > 0),
    "whole_numbers": lambda x, seen: layers.Softmax()(x, mask=ops.cast(seen > 0, "int32")),
    "known": lambda x, seen: layers.Softmax()(x, mask=np.tri(5, 4) > 0) + seen,
    "known_to_miss": lambda x, seen: layers.Softmax(axis=1)(x, mask=np.tri(4)[1] > 0) + seen,
    "attention": lambda x, seen: layers.MultiHeadAttention(2, 3, dropout=0.1)(
        x, x, attention_mask=ops.matmul(seen, ops.transpose(seen, (0, 2, 1))) > 0
    ),
}


@pytest.mark.parametrize("scheme", ["float32", "static_int8"])
@pytest.mark.parametrize("name", MASKED)
def test_a_mask_is_no_choice(name, scheme, tmp_path):
    inputs = keras.Input((5, 4), name="x"), keras.Input((5, 4), name="seen")
    random = np.random.default_rng(0)
    data = {"x": random.normal(size=(8, 5, 4)).astype("float32")}
    data["seen"] = random.choice([-1, 0.4, 0.6, 1], (8, 5, 4)).astype("float32")
    data["seen"][2, 3:] = data["seen"][3, :, 1] = data["seen"][4] = 0
    net = keras.Model(inputs, MASKED[name](*inputs))
    limit = 1e-6 if scheme == "float32" else 0.05
    assert worst_error(net, tmp_path, "tflite", scheme, data=data) < limit
    (path,) = tmp_path.glob("*.tflite")
    kinds = {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}
    assert not kinds & (SLOW - {"GREATER"})


@pytest.mark.parametrize("scheme", ["static_int8", "strict_int8", "int16x8"])
def test_a_self_normalizing_network_is_quantized(scheme, tmp_path):
    """Of these weights, values that the data did not show cost strict_int8 a fifth of the range."""
    keras.utils.set_random_seed(15)
    inputs = keras.Input((16,), name="x")
    h = layers.Dense(32, "selu", kernel_initializer="lecun_normal")(inputs)
    net = keras.Model(inputs, layers.Dense(4)(layers.Dense(32, "celu")(h)))
    assert worst_error(net, tmp_path, "tflite", scheme) < 0.1


@pytest.mark.parametrize("batch", [1, None])
def test_values_that_are_no_numbers_are_spread_too(batch, tmp_path):
    class Spread(layers.Layer):
        def call(self, x):
            return tf.broadcast_to(x, [tf.shape(x)[0], 3, 4])

    inputs = keras.Input((1, 4), name="x")
    net = keras.Model(inputs, Spread()(inputs))
    data = np.float32([[[np.inf, -np.inf, 1, -0.0]]])
    (variant,) = convert(net, tmp_path, formats=("tflite",), batch=batch)
    (got,) = raw_outputs(variant.path, data).values()
    np.testing.assert_array_equal(got, np.repeat(data, 3, axis=1))
