"""More models for `layer_models`: published architectures, small, as their authors write them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from corner_models import MODELS
from keras import layers, ops
from keras.activations import swish
from layer_models import spec
from unusual_models import own


@own
class StepEmbedding(layers.Layer):
    """Sines and cosines of a diffusion's step."""

    def call(self, inputs: Any) -> Any:
        rates = ops.exp(ops.arange(4, dtype="float32") * -(np.log(10000.0) / 3))
        angles = ops.cast(inputs, "float32")[:, None] * rates[None, :]
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


@own
class PictureAttention(layers.Layer):
    """Every place of a picture attends to every other."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.norm = units, layers.GroupNormalization(2)
        self.projections = [layers.Dense(units) for _ in range(4)]

    def build(self, input_shape: Any) -> None:
        for part in (self.norm, *self.projections):
            part.build(input_shape)

    def call(self, inputs: Any) -> Any:
        batch, rows, columns = (ops.shape(inputs)[axis] for axis in range(3))
        query, key, value, last = self.projections
        h = self.norm(inputs)
        scores = ops.einsum("bhwc, bHWc->bhwHW", query(h), key(h)) * self.units**-0.5
        scores = ops.softmax(ops.reshape(scores, [batch, rows, columns, rows * columns]), -1)
        scores = ops.reshape(scores, [batch, rows, columns, rows, columns])
        return inputs + last(ops.einsum("bhwHW,bHWc->bhwc", scores, value(h)))

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


def _diffusion() -> Any:
    image, step = keras.Input((8, 8, 1), name="image"), keras.Input((), dtype="int64", name="step")
    embedded = layers.Dense(8)(layers.Dense(8, "swish")(StepEmbedding()(step)))

    def block(x: Any, width: int) -> Any:
        kept = x if x.shape[-1] == width else layers.Conv2D(width, 1)(x)
        shift = layers.Dense(width)(swish(embedded))[:, None, None, :]
        x = layers.Conv2D(width, 3, padding="same")(swish(layers.GroupNormalization(2)(x)))
        x = swish(layers.GroupNormalization(2)(layers.Add()([x, shift])))
        return layers.Add()([layers.Conv2D(width, 3, padding="same")(x), kept])

    top = block(layers.Conv2D(4, 3, padding="same")(image), 4)
    h = PictureAttention(6)(block(layers.Conv2D(6, 3, strides=2, padding="same")(top), 6))
    h = layers.Conv2D(4, 3, padding="same")(layers.UpSampling2D()(h))
    h = block(layers.Concatenate()([h, top]), 4)
    return keras.Model([image, step], layers.Conv2D(1, 3, padding="same")(swish(h)))


MODELS["diffusion"] = _diffusion


def _factorized_clicks() -> Any:
    kinds = keras.Input((4,), dtype="int32", name="kinds")
    values = keras.Input((4,), name="values")
    # One table for all fields, each field's rows behind those of the one before.
    rows = kinds + ops.array([[0, 6, 12, 18]], dtype="int32")
    linear = layers.Flatten()(layers.Embedding(24, 1)(rows)) * values
    fields = layers.Embedding(24, 5)(rows) * values[..., None]
    pairs = ops.square(ops.sum(fields, axis=1)) - ops.sum(ops.square(fields), axis=1)
    deep = layers.BatchNormalization()(layers.Dense(8, "relu")(layers.Flatten()(fields)))
    score = ops.sum(linear, 1, keepdims=True) + 0.5 * ops.sum(pairs, 1, keepdims=True)
    return keras.Model([kinds, values], score + layers.Dense(1)(deep))


MODELS["factorized_clicks"] = _factorized_clicks


@own
class Candidates(layers.Layer):
    """The best of all items for a query, with their scores."""

    def build(self, input_shape: Any) -> None:
        self.items = self.add_weight(shape=(10, input_shape[-1]), name="items")
        self.numbers = self.add_weight(
            shape=(10,), dtype="int32", initializer="zeros", trainable=False, name="numbers"
        )

    def call(self, inputs: Any) -> Any:
        scores, places = ops.top_k(ops.matmul(inputs, ops.transpose(self.items)), 3)
        return scores, ops.take(self.numbers, places)


def _two_towers() -> Any:
    user = keras.Input((), dtype="int64", name="user")
    seen = keras.Input((5,), dtype="int64", name="seen")
    hour = keras.Input((1,), name="hour")
    parts = [
        layers.Embedding(5, 4)(layers.IntegerLookup(vocabulary=[1, 2, 3, 4])(user)),
        layers.GlobalAveragePooling1D()(
            layers.Embedding(5, 4, mask_zero=True)(
                layers.IntegerLookup(vocabulary=[1, 2, 3], mask_token=0)(seen)
            )
        ),
        layers.Flatten()(layers.Embedding(4, 4)(layers.Discretization([-0.5, 0.0, 0.5])(hour))),
    ]
    h = layers.Dense(4)(layers.Dense(8, "relu")(layers.Concatenate()(parts)))
    scores, items = Candidates()(layers.UnitNormalization()(h))
    inputs = {"user": user, "seen": seen, "hour": hour}
    return keras.Model(inputs, {"scores": scores, "items": items})


MODELS["two_towers"] = _two_towers


@own
class Codebook(layers.Layer):
    """The nearest of some vectors, and a loss that a file does not need."""

    def build(self, input_shape: Any) -> None:
        self.codes = self.add_weight(shape=(input_shape[-1], 8), name="codes")

    def call(self, inputs: Any) -> Any:
        flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
        distances = ops.sum(flat**2, axis=1, keepdims=True) + ops.sum(self.codes**2, axis=0)
        nearest = ops.argmin(distances - 2 * ops.matmul(flat, self.codes), axis=1)
        quantized = ops.matmul(ops.one_hot(nearest, 8), ops.transpose(self.codes))
        quantized = ops.reshape(quantized, ops.shape(inputs))
        self.add_loss(ops.mean((quantized - ops.stop_gradient(inputs)) ** 2))
        return inputs + ops.stop_gradient(quantized - inputs)


@spec("codebook_autoencoder", (12, 12, 1))
def _codebook(x: Any) -> Any:
    h = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    h = Codebook()(layers.Conv2D(4, 1)(h))
    h = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(h)
    return layers.Conv2DTranspose(1, 3, padding="same")(h)


@own
class Coupling(keras.Model):
    """A normalizing flow that runs backwards at inference."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.masks = np.array([[0, 1], [1, 0]] * 2, dtype="float32")
        self.scales = [self._net("tanh") for _ in self.masks]
        self.shifts = [self._net("linear") for _ in self.masks]

    def _net(self, activation: str) -> Any:
        return keras.Sequential(
            [keras.Input((2,)), layers.Dense(8, "relu"), layers.Dense(2, activation)]
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        x, determinant, direction = inputs, 0.0, -1 if training else 1
        for at in range(len(self.masks))[::direction]:
            kept, free = x * self.masks[at], 1 - self.masks[at]
            scale, shift = self.scales[at](kept) * free, self.shifts[at](kept) * free
            gate = (direction - 1) / 2
            x = free * (x * ops.exp(direction * scale) + direction * shift * ops.exp(gate * scale))
            x, determinant = x + kept, determinant + gate * ops.sum(scale, axis=1)
        return x, determinant - ops.sum(scale, axis=1)


spec("coupling_flow", (2,))(lambda x: list(Coupling()(x)))


@own
class Splines(layers.Layer):
    """Cubic B-splines of every input, by the recursion of Cox and de Boor."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.knots = (np.arange(-3, 8) * 0.5 - 1).astype("float32")

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], 7, self.units), name="kernel")
        self.base = self.add_weight(shape=(input_shape[-1], self.units), name="base")

    def call(self, inputs: Any) -> Any:
        x, at = ops.expand_dims(inputs, -1), ops.convert_to_tensor(self.knots)
        basis = ops.cast((x >= at[:-1]) & (x < at[1:]), "float32")
        for k in (1, 2, 3):
            rising = (x - at[: -(k + 1)]) / (at[k:-1] - at[: -(k + 1)]) * basis[..., :-1]
            falling = (at[k + 1 :] - x) / (at[k + 1 :] - at[1:-k]) * basis[..., 1:]
            basis = rising + falling
        y = ops.einsum("...ik,iko->...o", basis, self.kernel)
        return y + ops.matmul(ops.silu(inputs), self.base)

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


spec("spline_network", (4,))(lambda x: Splines(2)(ops.tanh(Splines(5)(ops.tanh(x)))))


@spec("radiance_field", (6, 5, 3))
def _radiance(rays: Any) -> Any:
    turned = ops.concatenate([ops.sin(rays * 2.0**i) for i in range(3)], axis=-1)
    h = encoded = ops.concatenate([rays, turned], axis=-1)
    for at in range(3):
        h = layers.Dense(10, "relu")(h)
        h = layers.Concatenate()([h, encoded]) if at == 1 else h
    raw = layers.Dense(4)(h)
    lengths = ops.concatenate([ops.full((4,), 0.25), ops.array([1e3])], axis=0)
    through = ops.exp(-ops.relu(raw[..., 3]) * lengths)
    passed = ops.cumprod(through + 1e-10, axis=-1)
    passed = ops.concatenate([ops.ones_like(passed[..., :1]), passed[..., :-1]], axis=-1)
    weights = (1.0 - through) * passed
    color = ops.sum(weights[..., None] * ops.sigmoid(raw[..., :3]), axis=-2)
    return color, ops.sum(weights * ops.linspace(2.0, 6.0, 5), axis=-1)


__all__ = ["MODELS"]
