"""Models that do not compute in float32: what a file says is held against exact arithmetic."""

import keras
import littoral
import numpy as np
import pytest
from converted import feeds, file_outputs, randomize
from keras import layers
from littoral.errors import VerificationError
from littoral_converters import convert


def dense():
    inputs = keras.Input((8,), name="x")
    return keras.Model(inputs, layers.Dense(3)(layers.Dense(16, "gelu")(inputs)))


def picture():
    inputs = keras.Input((9, 9, 3), name="x")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(inputs))
    x = layers.DepthwiseConv2D(3, padding="same")(layers.MaxPooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(x)))


def recurrence():
    inputs = keras.Input((7,), dtype="int32", name="x")
    x = layers.Embedding(6, 4, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GRU(5)(x)))


def attention():
    inputs = keras.Input((6, 4), name="x")
    x = layers.LayerNormalization()(inputs + layers.MultiHeadAttention(2, 3)(inputs, inputs))
    return keras.Model(inputs, layers.Dense(3, "softmax")(layers.Flatten()(x)))


def operations():
    inputs = keras.Input((8,), name="x")
    scale = keras.ops.cast(2.5, inputs.dtype)
    x = layers.Normalization(mean=[0.5] * 8, variance=[2.0] * 8)(inputs * scale)
    return keras.Model(inputs, layers.Dense(3)(x - keras.ops.mean(x, axis=-1, keepdims=True)))


MODELS = (dense, picture, recurrence, attention, operations)


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def exact(build, model):
    """The same model in double precision, which has no rounding to speak of."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    twin = build()
    keras.config.set_dtype_policy(before)
    twin.set_weights([np.asarray(keras.ops.cast(w, "float64")) for w in model.weights])
    return twin


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "static_int8"])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16", "float64"], indirect=True)
@pytest.mark.parametrize("build", MODELS)
def test_any_precision_converts_and_is_exact(build, policy, format_name, scheme, tmp_path):
    model = randomize(build())
    data = feeds(model, 16, seed=0)
    (name,) = data
    (file,) = convert(
        model, tmp_path, formats=(format_name,), schemes=(scheme,), representative_data=data
    )
    expected = np.asarray(exact(build, model)(data[name].astype("float64"), training=False))
    (outputs,) = file_outputs(file.path, data)
    error = np.abs(outputs - expected).max() / np.ptp(expected)
    assert error < (1e-4 if scheme == "float32" else 0.1)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_inputs_keep_their_dtype(dtype, format_name, tmp_path):
    inputs = keras.Input((8,), dtype=dtype, name="x")
    x = keras.ops.exp(keras.ops.cast(inputs, "float64"))
    model = randomize(keras.Model(inputs, layers.Dense(3)(x / keras.ops.sum(x, -1, True))))
    data = feeds(model, 4, seed=0)
    (file,) = convert(model, tmp_path, formats=(format_name,))
    (outputs,) = file_outputs(file.path, data)
    assert np.allclose(outputs, model(data["x"]), rtol=1e-4, atol=1e-5)
    with littoral.load(file.path) as loaded:
        assert loaded.card.inputs[0].dtype == dtype


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_what_needs_double_precision_is_refused_by_the_proof(format_name, tmp_path):
    seconds = keras.Input((1,), dtype="float64", name="seconds")
    model = keras.Model(seconds, keras.ops.sin(seconds - 1.7e9))
    data = 1.7e9 + np.linspace(0, 6, 8)[:, None]
    with pytest.raises(VerificationError, match="does not agree with Keras"):
        convert(model, tmp_path, formats=(format_name,), representative_data={"seconds": data})
    assert not list(tmp_path.iterdir())
