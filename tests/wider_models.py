"""More models for `layer_models`: what people bring, of several kinds in one."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from layer_models import layer, spec
from sequence_models import MODELS

VECTOR, SEQUENCE, IMAGE, TOKENS = (9,), (8, 6), (12, 12, 3), (8,)


@spec("shared_encoder", VECTOR, VECTOR)
def _siamese(a: Any, b: Any) -> Any:
    branch = keras.Sequential([layers.Dense(8, "relu"), layers.Dense(4)])
    a, b = (layers.UnitNormalization()(branch(x)) for x in (a, b))
    return layers.Dot(axes=1)([a, b]), ops.norm(a - b, axis=-1, keepdims=True)


def _dictionaries() -> Any:
    inputs = {
        "wide": keras.Input((5,), name="wide"),
        "deep": keras.Input((4, 3), name="deep"),
        "kind": keras.Input((), dtype="int32", name="kind"),
    }
    kind = layers.Embedding(6, 4)(inputs["kind"])
    h = layers.Concatenate()([inputs["wide"], layers.Flatten()(inputs["deep"]), kind])
    h = layers.Dense(8, "relu")(h)
    heads = {"score": layers.Dense(1)(h), "class": layers.Dense(3, "softmax")(h)}
    return keras.Model(inputs, {**heads, "nested": {"b": h, "a": layers.Dense(2)(h)}})


MODELS["dictionaries"] = _dictionaries


@spec("nested_three_deep", SEQUENCE)
def _deep(x: Any) -> Any:
    def wrapped(make: Any) -> Any:
        inputs = keras.Input(SEQUENCE)
        return keras.Model(inputs, make(inputs))

    inner = wrapped(lambda y: layers.GRU(6, return_sequences=True)(y))
    middle = wrapped(lambda y: layers.Add()([inner(y), y]))
    outer = wrapped(lambda y: layers.LayerNormalization()(middle(middle(y))))
    return keras.Sequential([outer, layers.Flatten(), layers.Dense(3)])(x)


@keras.saving.register_keras_serializable("littoral_tests")
class Arithmetic(keras.Model):
    """A model of operations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.project = layers.Dense(6)

    def call(self, x: Any) -> Any:
        h = self.project(x)
        scores = ops.softmax(ops.einsum("bid,bjd->bij", h, h))
        values, places = ops.top_k(scores, 2)
        best = ops.take_along_axis(h, places[..., :1], axis=1)
        onehot = ops.one_hot(ops.argmax(h, -1), 6)
        summed = ops.cumsum(ops.where(h > 0, h, 0.1 * h), axis=1)
        unit = h / (ops.norm(h, axis=-1, keepdims=True) + 1e-3)
        return ops.concatenate([values, best, onehot, summed[:, ::-1], unit], axis=-1)


layer("subclassed_arithmetic", SEQUENCE)(lambda: Arithmetic())


@spec("mixture_of_experts", VECTOR)
def _experts(x: Any) -> Any:
    gates = layers.Dense(3, "softmax")(x)
    experts = ops.stack([layers.Dense(5, "relu")(x) for _ in range(3)], axis=1)
    return ops.sum(gates[..., None] * experts, axis=1)


@spec("variational_autoencoder", VECTOR)
def _variational(x: Any) -> Any:
    h = layers.Dense(8, "relu")(x)
    mean, logvar = layers.Dense(2)(h), layers.Dense(2)(h)
    decoded = layers.Dense(9, "sigmoid")(layers.Dense(8, "relu")(mean))
    return decoded, ops.mean(ops.square(mean) + ops.exp(logvar) - logvar - 1, axis=-1)


@spec("autoencoder_of_sequences", (16, 3))
def _sequence_autoencoder(x: Any) -> Any:
    h = layers.Conv1D(6, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.Conv1D(8, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv1DTranspose(6, 3, strides=2, padding="same", activation="relu")(h)
    return layers.Conv1DTranspose(3, 4, strides=2, padding="same")(h)


@spec("autoencoder_of_volumes", (8, 8, 8, 1))
def _volume_autoencoder(x: Any) -> Any:
    h = layers.Conv3D(4, 3, strides=2, padding="same", activation="relu")(x)
    return layers.Conv3DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(h)


@spec("recurrent_autoencoder", SEQUENCE)
def _recurrent_autoencoder(x: Any) -> Any:
    h = layers.RepeatVector(8)(layers.LSTM(4)(x))
    return layers.TimeDistributed(layers.Dense(6))(layers.LSTM(5, return_sequences=True)(h))


@spec("video_network", (6, 8, 8, 2))
def _video(x: Any) -> Any:
    h = layers.Conv3D(4, 3, activation="relu")(x)
    h = layers.BatchNormalization()(layers.MaxPooling3D((2, 2, 2))(h))
    return layers.Dense(3)(layers.GlobalAveragePooling3D()(h))


@spec("video_by_frames", (3, 8, 8, 2))
def _frames(x: Any) -> Any:
    frame = keras.Sequential(
        [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    )
    return layers.Dense(3)(layers.GRU(4)(layers.TimeDistributed(frame)(x)))


@spec("stacked_conv_lstm", (3, 6, 6, 2))
def _stacked_conv_lstm(x: Any) -> Any:
    h = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(x)
    h = layers.ConvLSTM2D(2, 3, padding="same")(layers.BatchNormalization()(h))
    return layers.Conv2D(1, 1, activation="sigmoid")(h)


@spec("graph_convolution", SEQUENCE, (8, 8))
def _graph(x: Any, edges: Any) -> Any:
    edges = ops.sigmoid(edges)
    edges = edges / ops.sum(edges, axis=-1, keepdims=True)
    return ops.matmul(edges, layers.Dense(4)(ops.relu(ops.matmul(edges, layers.Dense(8)(x)))))


@spec("point_cloud", (20, 3))
def _points(x: Any) -> Any:
    x = x - ops.mean(x, axis=1, keepdims=True)
    h = layers.Conv1D(8, 1, activation="relu")(x)
    return layers.Dense(4)(ops.max(layers.Conv1D(12, 1, activation="relu")(h), axis=1))


@spec("radial_basis", VECTOR)
def _radial(x: Any) -> Any:
    centers = ops.reshape(ops.arange(36, dtype="float32") / 18 - 1, (1, 4, 9))
    distance = ops.sum(ops.square(x[:, None] - centers), axis=-1)
    return layers.Dense(3)(ops.exp(-distance / 9))


@spec("factorization_machine", VECTOR)
def _factorization(x: Any) -> Any:
    h = layers.EinsumDense("bf,fk->bfk", (9, 4))(x)
    pairs = ops.square(ops.sum(h, 1)) - ops.sum(ops.square(h), 1)
    return layers.Dense(1)(x) + 0.5 * ops.sum(pairs, axis=-1, keepdims=True)


@spec("spectral_features", (64,))
def _spectral(x: Any) -> Any:
    real, imaginary = ops.fft((x, ops.zeros_like(x)))
    power = ops.log(real**2 + imaginary**2 + 1.0)
    return layers.Dense(4)(power[:, :32])


@spec("complex_spectra", (6, 8))
def _spectra(x: Any) -> Any:
    turned = ops.ifft2(ops.fft2((x, ops.cos(x))))
    back = ops.irfft(ops.fft((x, ops.sin(x))), fft_length=14)
    return ops.concatenate([*turned, back, ops.irfft((x, ops.cos(x)))], axis=-1)


@spec("images_by_operations", IMAGE)
def _by_operations(x: Any) -> Any:
    h = ops.image.pad_images(x, 1, 1, target_height=14, target_width=14)
    h = ops.image.crop_images(ops.image.resize(h, (10, 10)), 1, 1, target_height=8, target_width=8)
    return layers.Conv2D(2, 3)(h)


@spec("patches_by_operation", IMAGE)
def _patches(x: Any) -> Any:
    return layers.Dense(5)(ops.image.extract_patches(x, 4))


@spec("prepared_tables", (4,), (1,))
def _tables(numbers: Any, age: Any) -> Any:
    numbers = layers.Normalization(mean=[0.0, 1, 2, 3], variance=[1.0, 2, 3, 4])(numbers)
    bins = layers.Discretization([-1.0, 0.0, 1.0], output_mode="one_hot")(age)
    return layers.Dense(3)(layers.Concatenate()([numbers, bins]))


@spec("prepared_words", TOKENS, dtype="int32")
def _words(x: Any) -> Any:
    x = layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="int")(x)
    return layers.Dense(2)(layers.CategoryEncoding(5, output_mode="multi_hot")(x))


@spec("one_feature", (12, 1))
def _one_feature(x: Any) -> Any:
    h = layers.Dense(8)(layers.Dense(8)(x))
    return layers.Dense(2)(layers.LSTM(4)(layers.Dense(3)(h[..., :1])))


@spec("single_numbers", (), ())
def _single(a: Any, b: Any) -> Any:
    return a * b, ops.maximum(a, b)


@spec("mean_of_all", IMAGE)
def _mean(x: Any) -> Any:
    return ops.mean(layers.Conv2D(2, 3)(x), axis=(1, 2, 3))


@spec("no_weights", IMAGE)
def _no_weights(x: Any) -> Any:
    return layers.Softmax()(layers.Flatten()(layers.AveragePooling2D(4)(ops.abs(x))))


@spec("input_returned", VECTOR)
def _returned(x: Any) -> Any:
    return x, layers.Dense(2)(x)


@spec("one_tensor_twice", VECTOR)
def _twice(x: Any) -> Any:
    h = layers.Dense(2)(x)
    return {"first": h, "second": h}


@spec("clipped_head", VECTOR)
def _clipped(x: Any) -> Any:
    h = layers.Dense(4)(layers.GaussianNoise(0.1)(x))
    return ops.round(ops.clip(h, -2, 2) * 4) / 4, ops.cast(h > 0, "int32")


@spec("soft_argmax", (6, 6, 2))
def _soft_argmax(x: Any) -> Any:
    weights = layers.Softmax(axis=1)(layers.Reshape((36, 2))(x))
    grid = ops.stack(ops.meshgrid(ops.arange(6.0), ops.arange(6.0)), axis=-1)
    return ops.einsum("bnk,nc->bkc", weights, ops.reshape(grid, (36, 2)))
