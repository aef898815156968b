"""More models for `layer_models`: whole networks whose parts seldom meet in one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from layer_models import spec
from picture_models import conv
from wider_models import MODELS

own = keras.saving.register_keras_serializable("littoral_tests")


@spec("attention_u_net", (16, 16, 2))
def _attention_u_net(x: Any) -> Any:
    top = conv(x, 4)
    below = conv(layers.Conv2D(6, 3, strides=2, padding="same")(top), 6)
    gate = layers.Conv2D(4, 1, strides=2)(top) + layers.Conv2D(4, 1)(below)
    gate = layers.UpSampling2D(interpolation="bilinear")(
        layers.Conv2D(1, 1, activation="sigmoid")(layers.Activation("relu")(gate))
    )
    up = layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1)(below)
    up = layers.Concatenate()([layers.Multiply()([top, gate]), up])
    return layers.Conv2D(1, 1)(layers.Cropping2D(2)(conv(up, 4))), layers.Flatten()(below)


@spec("conformer_block", (12, 8))
def _conformer(x: Any) -> Any:
    def feed(h: Any) -> Any:
        return layers.Dense(8)(layers.Dense(16, "swish")(layers.LayerNormalization()(h)))

    x = x + 0.5 * feed(x)
    h = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 4)(h, h)
    h = layers.Conv1D(16, 1)(layers.LayerNormalization()(x))
    h = layers.DepthwiseConv1D(7, padding="same")(keras.activations.glu(h))
    x = x + layers.Conv1D(8, 1)(layers.Activation("swish")(layers.BatchNormalization()(h)))
    return layers.Dense(5, "log_softmax")(layers.LayerNormalization()(x + 0.5 * feed(x)))


@spec("shifted_windows", (8, 8, 6))
def _swin(x: Any) -> Any:
    h = ops.roll(layers.LayerNormalization()(x), (-2, -2), axis=(1, 2))
    h = ops.transpose(ops.reshape(h, (-1, 2, 4, 2, 4, 6)), (0, 1, 3, 2, 4, 5))
    h = ops.reshape(h, (-1, 16, 6))
    h = layers.MultiHeadAttention(3, 2)(h, h)
    h = ops.transpose(ops.reshape(h, (-1, 2, 2, 4, 4, 6)), (0, 1, 3, 2, 4, 5))
    h = ops.roll(ops.reshape(h, (-1, 8, 8, 6)), (2, 2), axis=(1, 2))
    merged = ops.concatenate([(x + h)[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=-1)
    return layers.Dense(8, use_bias=False)(layers.LayerNormalization()(merged))


@own
class Latents(layers.Layer):
    """Learned queries, one set for every sample."""

    def build(self, input_shape: Any) -> None:
        self.latents = self.add_weight(shape=(5, input_shape[-1]), name="latents")

    def call(self, inputs: Any) -> Any:
        return ops.tile(self.latents[None], (ops.shape(inputs)[0], 1, 1))


@spec("perceiver", (20, 6))
def _perceiver(x: Any) -> Any:
    z = Latents()(x)
    attend, think = layers.MultiHeadAttention(2, 4), layers.MultiHeadAttention(1, 6)
    for _ in range(2):
        z = layers.LayerNormalization()(z + attend(z, x))
        z = z + think(z, z)
    return layers.Dense(3)(ops.mean(z, axis=1))


@own
class Scale(layers.Layer):
    """A gain for each channel, small at first."""

    def build(self, input_shape: Any) -> None:
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gamma")

    def call(self, inputs: Any) -> Any:
        return self.gamma * inputs


@spec("large_kernels", (24, 24, 4))
def _large_kernels(x: Any) -> Any:
    h = layers.DepthwiseConv2D(21, padding="same")(x) + layers.DepthwiseConv2D(5, padding="same")(x)
    h = layers.Dense(12, "gelu")(layers.LayerNormalization(epsilon=1e-6)(h))
    x = x + Scale()(layers.Dense(4)(h))
    x = x + layers.DepthwiseConv2D(7, dilation_rate=3, padding="same")(x)
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))


@spec("instance_normalized", (12, 12, 3))
def _instance(x: Any) -> Any:
    h = ops.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]], mode="reflect")
    h = layers.GroupNormalization(groups=-1)(layers.Conv2D(6, 5)(h))
    h = ops.pad(layers.LeakyReLU(0.2)(h), [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    return layers.Conv2D(3, 3, activation="tanh")(h)


@spec("style_modulation", (6, 6, 4), (5,))
def _style(x: Any, style: Any) -> Any:
    mean, variance = ops.moments(x, axes=[1, 2], keepdims=True)
    scale, shift = ops.split(layers.Dense(8)(style)[:, None, None], 2, axis=-1)
    h = (x - mean) * ops.rsqrt(variance + 1e-3) * (1 + scale) + shift
    return ops.tanh(layers.Conv2DTranspose(3, 4, strides=2, padding="same")(h) / 4)


@spec("generator", (8,))
def _generator(x: Any) -> Any:
    h = layers.Reshape((3, 3, 6))(layers.Dense(54, use_bias=False)(x))
    for filters, activation in ((6, "leaky_relu"), (4, "relu")):
        h = layers.Conv2DTranspose(filters, 5, strides=2, padding="same", use_bias=False)(h)
        h = layers.Activation(activation)(layers.BatchNormalization()(h))
    return ops.tanh(layers.Conv2DTranspose(1, 5, padding="same")(h) / 20)


def _deep_and_cross() -> Any:
    numbers = keras.Input((4,), name="numbers")
    kinds = [keras.Input((1,), dtype="int64", name=f"kind_{at}") for at in range(3)]
    tables = [layers.Flatten()(layers.Embedding(6 + at, 3)(k)) for at, k in enumerate(kinds)]
    x = first = layers.Concatenate()([numbers, *tables])
    for _ in range(3):
        x = layers.Add()([first * layers.Dense(13)(x), x])
    deep = layers.Dropout(0.5)(layers.Dense(8, "relu")(first))
    return keras.Model(
        [numbers, *kinds], layers.Dense(1, "sigmoid")(layers.Concatenate()([x, deep]))
    )


MODELS["deep_and_cross"] = _deep_and_cross


@spec("capsules", (6, 4))
def _capsules(x: Any) -> Any:
    def squash(v: Any) -> Any:
        length = ops.sum(ops.square(v), axis=-1, keepdims=True)
        return v * length / (1 + length) / ops.sqrt(length + 1e-7)

    votes = ops.reshape(layers.Dense(15)(x), (-1, 6, 3, 5))
    logits = ops.zeros_like(votes[..., 0])
    for _ in range(3):
        weights = ops.softmax(logits, axis=-1)[..., None]
        out = squash(ops.sum(weights * votes, axis=1))
        logits = logits + ops.sum(votes * out[:, None], axis=-1)
    return ops.norm(out, axis=-1)


@spec("detector", (16, 16, 3))
def _detector(x: Any) -> Any:
    fine = conv(conv(x, 4, strides=2), 6, strides=2)
    found = {}
    for name, maps, cells in (("fine", fine, 4), ("coarse", conv(fine, 8, strides=2), 2)):
        raw = ops.reshape(layers.Conv2D(14, 1)(maps), (-1, cells, cells, 2, 7))
        grid = ops.stack(ops.meshgrid(ops.arange(float(cells)), ops.arange(float(cells))), -1)
        centers = (ops.sigmoid(raw[..., :2]) + grid[:, :, None]) / cells
        sizes = ops.exp(ops.minimum(raw[..., 2:4], 2.0)) * ops.array([[0.2, 0.3], [0.5, 0.4]])
        found[name] = ops.reshape(
            ops.concatenate([centers, sizes, ops.sigmoid(raw[..., 4:])], -1), (-1, cells**2 * 2, 7)
        )
    boxes = ops.concatenate([found["fine"], found["coarse"]], axis=1)
    scores, best = ops.top_k(boxes[..., 4], 3)
    return {"boxes": ops.take_along_axis(boxes[..., :4], best[..., None], axis=1), "scores": scores}


@spec("spatial_transformer", (8, 8, 2))
def _transformer(x: Any) -> Any:
    angle = layers.Dense(2, "tanh")(layers.Flatten()(layers.AveragePooling2D(4)(x))) * 0.5
    rows, columns = ops.meshgrid(ops.arange(8.0), ops.arange(8.0), indexing="ij")
    at = ops.clip(rows + ops.round(angle[:, :1, None] * 4), 0, 7)
    weights = ops.one_hot(ops.cast(at, "int32"), 8)
    moved = ops.einsum("bijr,brjc->bijc", weights, x)
    return layers.Conv2D(2, 3)(moved * ops.cos(columns)[..., None])


@spec("message_passing", (6, 4))
def _messages(x: Any) -> Any:
    senders, receivers = [0, 1, 2, 3, 4, 5, 0, 2], [1, 2, 3, 4, 5, 0, 3, 5]
    update = layers.Dense(4, "tanh")
    for _ in range(2):
        sent = layers.Dense(5, "relu")(ops.take(x, senders, axis=1))
        into = ops.one_hot(ops.array(receivers), 6)
        x = update(ops.concatenate([x, ops.einsum("er,bec->brc", into, sent)], axis=-1))
    return layers.Dense(2)(ops.max(x, axis=1))


@spec("memory_hops", (5, 6), (6,))
def _memory(facts: Any, question: Any) -> Any:
    keys, values = layers.Dense(6, use_bias=False)(facts), layers.Dense(6)(facts)
    for _ in range(3):
        weights = layers.Softmax()(layers.Dot(axes=(2, 1))([keys, question]))
        question = question + layers.Dot(axes=(1, 1))([values, weights])
    return layers.Dense(4, "softmax")(question)


@spec("implicit_steps", (6,))
def _steps(x: Any) -> Any:
    hidden, back = layers.Dense(9, "softplus"), layers.Dense(6, use_bias=False)
    for _ in range(5):
        x = x + 0.2 * back(hidden(ops.concatenate([x, ops.square(x)], axis=-1)))
    return x


@spec("splines", (5,))
def _splines(x: Any) -> Any:
    knots = ops.linspace(-2.0, 2.0, 8)
    hats = ops.relu(1.0 - ops.abs(x[..., None] - knots) / (4 / 7))
    return layers.EinsumDense("bik,iko->bo", (3,))(hats) + layers.Dense(3, "silu")(x)


@own
class Sinc(layers.Layer):
    """Band-pass filters whose kernels are computed from two frequencies each."""

    def build(self, input_shape: Any) -> None:
        self.low = self.add_weight(shape=(4,), initializer="zeros", name="low")
        self.width = self.add_weight(shape=(4,), initializer="ones", name="width")

    def call(self, inputs: Any) -> Any:
        t = (ops.arange(31, dtype="float32") - 15.0)[:, None] + 1e-3
        low = 0.05 + ops.abs(self.low) / 8
        high = low + ops.abs(self.width) / 8
        kernel = (ops.sin(6.2832 * high * t) - ops.sin(6.2832 * low * t)) / (3.1416 * t)
        window = 0.54 + 0.46 * ops.cos(3.1416 * t / 15)
        return ops.conv(inputs, (kernel * window)[:, None], strides=4, padding="same")


@spec("filter_bank", (128, 1))
def _filter_bank(x: Any) -> Any:
    h = ops.log(1.0 + ops.abs(Sinc()(x)))
    h = layers.SeparableConv1D(6, 5, padding="same", activation="relu")(h)
    return layers.Dense(3)(layers.GRU(5)(h))


@spec("conv_lstm_classifier", (4, 8, 8, 1))
def _conv_lstm(x: Any) -> Any:
    h = layers.Bidirectional(layers.ConvLSTM2D(2, 3, padding="same"))(x)
    h = layers.MaxPooling2D()(layers.BatchNormalization()(h))
    return layers.Dense(3, "softmax")(layers.Dropout(0.3)(layers.Flatten()(h)))


@spec("long_causal_network", (64, 3))
def _long(x: Any) -> Any:
    h = layers.Conv1D(6, 1)(x)
    for rate in (1, 2, 4, 8, 16):
        step = layers.Conv1D(6, 3, padding="causal", dilation_rate=rate)(h)
        step = layers.SpatialDropout1D(0.2)(layers.ReLU()(layers.BatchNormalization()(step)))
        h = layers.ReLU()(layers.Add()([h, layers.Conv1D(6, 1)(step)]))
    return {"next": layers.Dense(3)(h[:, -1]), "class": layers.Dense(4, "softmax")(h[:, -1])}


@spec("one_net_for_all_sizes", (12, 12, 2), (6, 6, 2))
def _sizes(large: Any, small: Any) -> Any:
    first, second = layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(3, 2)
    pooled = [layers.GlobalMaxPooling2D()(second(first(image))) for image in (large, small)]
    return layers.Average()(pooled), layers.Dense(2)(layers.Maximum()(pooled))


def _adapted() -> Any:
    random = np.random.default_rng(4)
    rows = random.normal(3.0, 2.0, (50, 4)).astype("float32")
    forward, backward = layers.Normalization(), layers.Normalization(axis=None, invert=True)
    forward.adapt(rows)
    backward.adapt(rows)
    inputs = keras.Input((4,))
    return keras.Model(inputs, backward(layers.Dense(4, "relu")(forward(inputs))))


MODELS["adapted"] = _adapted


@own
class Multitask(keras.Model):
    """A subclassed model of lists and dictionaries of layers, with keyword arguments."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.trunk = [layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(6, "relu")]
        self.heads = {"age": layers.Dense(1), "kind": layers.Dense(3, "softmax")}

    def call(self, inputs: Any, training: bool = False, scale: float = 1.0) -> Any:
        h = ops.concatenate([inputs["a"], inputs["b"] * scale], axis=-1)
        for part in self.trunk:
            h = part(h)
        return {name: head(h) for name, head in self.heads.items()}


def _multitask() -> Any:
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((3,), name="b")}
    return keras.Model(inputs, Multitask(name="tasks")(inputs, scale=0.5))


MODELS["subclassed_multitask"] = _multitask


@spec("sorted_features", (9,))
def _sorted(x: Any) -> Any:
    order = ops.argsort(x, axis=-1)
    ranks = ops.cast(ops.argsort(order, axis=-1), "float32")
    middle = ops.median(x, axis=-1, keepdims=True)
    return layers.Dense(3)(ops.sort(x, axis=-1)), ranks, middle, order


@spec("updated_slices", (6, 4))
def _updated(x: Any) -> Any:
    h = layers.Dense(4)(x)
    return ops.slice_update(h, (0, 1, 0), h[:, :2] * 2.0)
