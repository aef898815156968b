"""Models whose length is open: one file takes every length, and any batch where that is asked."""

import keras
import littoral
import numpy as np
import pytest
from converted import randomize
from keras import layers, ops
from littoral_converters import convert

LENGTHS = (12, 20, 5, 12)
LIMITS = {"float32": 1e-4, "static_int8": 0.1}


def recurrent(x):
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return layers.GRU(5)(layers.SimpleRNN(6, return_sequences=True)(h))


def convolutional(x):
    h = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    return layers.GlobalMaxPooling1D()(layers.MaxPooling1D(2)(h))


def attentive(x):
    h = layers.Dense(8, "gelu")(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 4)(h, h))
    return layers.GlobalAveragePooling1D()(h)


def causal(x):
    """Attention of every kind to earlier steps alone."""
    grouped = layers.GroupQueryAttention(2, 4, 2)(x, x, use_causal_mask=True)
    gated = layers.MultiHeadAttention(2, 3, use_gate=True)(x, x, use_causal_mask=True)
    apart = layers.MultiHeadAttention(2, 3, output_shape=(2, 3))(x, x, use_causal_mask=True)
    h = grouped + gated + layers.TimeDistributed(layers.Flatten())(apart)
    return layers.GlobalAveragePooling1D()(h) + h[:, -1]


def squeezed(x):
    """Shares of the steps, from a softmax that Keras transposes for, beside what they weigh."""
    shares = ops.softmax(layers.Dense(1)(x), axis=1)
    longest = ops.squeeze(ops.exp(ops.transpose(shares, (0, 2, 1))), 1)
    return ops.sum(shares * x, 1) + ops.max(longest, -1, keepdims=True)


def moved(x):
    """A dilated convolution of groups, and a step on from it."""
    h = layers.Conv1D(6, 3, groups=2, dilation_rate=2, padding="same")(x)
    return layers.GlobalMaxPooling1D()(ops.roll(h, 2, axis=1) - h)


@keras.saving.register_keras_serializable("littoral_tests")
class Spectrum(layers.Layer):
    """Along steps and features; as a function in a model, Keras takes known lengths alone."""

    def call(self, x):
        return ops.fft2((x, ops.zeros_like(x)))[0]

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def mixed(x):
    """Steps and features mixed by a Fourier transform, in place of attention."""
    h = layers.LayerNormalization()(x + Spectrum()(x))
    return layers.GlobalAveragePooling1D()(layers.Dense(8, "gelu")(h))


BUILDS = [recurrent, convolutional, attentive, causal, squeezed, moved, mixed]


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("build", BUILDS)
def test_one_file_takes_every_length(build, format_name, batch, tmp_path):
    inputs = keras.Input((None, 6), name="x")
    model = randomize(keras.Model(inputs, build(inputs)))
    random = np.random.default_rng(0)
    samples = random.normal(size=(32, 12, 6)).astype("float32")
    for variant in convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=tuple(LIMITS),
        representative_data=samples,
        batch=batch,
        recommend=False,
    ):
        with littoral.load(variant.path) as file:
            assert file.inputs[0].shape == (batch, None, 6)
            for length in LENGTHS:
                data = random.normal(size=(1 if batch else 3, length, 6)).astype("float32")
                wanted = np.asarray(model(data, training=False))
                limit = LIMITS[variant.scheme] * np.abs(wanted).max()
                np.testing.assert_allclose(file.run(data), wanted, rtol=0, atol=limit)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "attention", [layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(2, 4, 2)]
)
def test_attention_to_another_sequence_takes_every_pair_of_lengths(
    attention, format_name, tmp_path
):
    inputs = [keras.Input((None, 6), name=name) for name in ("query", "value")]
    mixed = attention(*inputs, use_causal_mask=True)
    model = randomize(keras.Model(inputs, mixed))
    random = np.random.default_rng(0)
    (variant,) = convert(model, tmp_path, formats=(format_name,), recommend=False)
    for lengths in ((5, 9), (9, 5), (4, 4)):
        data = [random.normal(size=(1, length, 6)).astype("float32") for length in lengths]
        wanted = np.asarray(model(data, training=False))
        with littoral.load(variant.path) as file:
            got = file.run(dict(zip(("query", "value"), data, strict=True)))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_one_file_takes_pictures_of_every_size(format_name, tmp_path):
    inputs = keras.Input((None, None, 3), name="x")
    h = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    h = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D()(h))
    gate = layers.Conv2D(6, 1, activation="sigmoid")(
        layers.GlobalAveragePooling2D(keepdims=True)(h)
    )
    model = randomize(keras.Model(inputs, layers.Conv2D(2, 1)(h * gate)))
    random = np.random.default_rng(0)
    for variant in convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=tuple(LIMITS),
        representative_data=random.normal(size=(16, 12, 16, 3)).astype("float32"),
        recommend=False,
    ):
        with littoral.load(variant.path) as file:
            for size in ((12, 16), (8, 22)):
                data = random.normal(size=(1, *size, 3)).astype("float32")
                wanted = np.asarray(model(data, training=False))
                limit = LIMITS[variant.scheme] * np.abs(wanted).max()
                np.testing.assert_allclose(file.run(data), wanted, rtol=0, atol=limit)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_a_long_recurrence_takes_any_batch(make, format_name, tmp_path):
    inputs = keras.Input((72, 3), name="x")
    model = randomize(keras.Model(inputs, make(4, return_sequences=True)(inputs)))
    (variant,) = convert(model, tmp_path, formats=(format_name,), schemes=("float32",), batch=None)
    data = np.random.default_rng(0).normal(size=(5, 72, 3)).astype("float32")
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), model(data), rtol=1e-4, atol=1e-5)
