"""More models for `layer_models`: image augmentation (still at inference) and whole idioms."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from layer_models import IMAGE, MODELS, SEQUENCE, VECTOR, encoder, layer, spec

for _name in (  # noqa: SIM905 - a list would take 30 lines
    "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix MixUp "
    "RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast "
    "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue "
    "RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation "
    "RandomSharpness RandomShear RandomTranslation RandomZoom Solarization"
).split():
    _options = {
        "RandomBrightness": {"factor": 0.1},
        "RandomColorDegeneration": {"factor": 0.1},
        "RandomContrast": {"factor": 0.1},
        "RandomHue": {"factor": 0.1},
        "RandomPosterization": {"factor": 4},
        "RandomRotation": {"factor": 0.1},
        "RandomSaturation": {"factor": 0.1},
        "RandomSharpness": {"factor": 0.1},
        "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
        "RandomZoom": {"height_factor": 0.1},
    }.get(_name, {})
    layer(f"augment_{_name.lower()}", (6, 7, 3))(
        lambda n=_name, o=_options: getattr(layers, n)(**o)
    )


@spec("two_outputs", VECTOR)
def _two_outputs(x: Any) -> Any:
    return {"b": layers.Dense(3, name="late")(x), "a": layers.Dense(2, name="early")(x)}


@spec("two_inputs_two_outputs", VECTOR, SEQUENCE)
def _two_inputs_two_outputs(a: Any, b: Any) -> Any:
    return [layers.Dense(3)(a), layers.GRU(4)(b), layers.Dense(3)(a)]


@spec("shared_layer", VECTOR, VECTOR)
def _shared(a: Any, b: Any) -> Any:
    dense = layers.Dense(4, "tanh")
    return layers.Subtract()([dense(a), dense(b)])


@spec("nested_models", SEQUENCE)
def _nested(x: Any) -> Any:
    inner = keras.Sequential([layers.LSTM(4, return_sequences=True), layers.LayerNormalization()])
    inputs = keras.Input(SEQUENCE)
    block = keras.Model(inputs, inner(inputs) + layers.Dense(4)(inputs))
    return layers.Dense(2)(block(x))


@spec("residual_network", IMAGE)
def _residual(x: Any) -> Any:
    h = layers.Conv2D(4, 3, padding="same")(x)
    h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.Conv2D(4, 3, padding="same")(h)
    return layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(layers.ReLU()(x + h)))


@spec("squeeze_and_excite", IMAGE)
def _squeeze(x: Any) -> Any:
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Conv2D(4, 1, activation="sigmoid")(
        layers.Conv2D(2, 1, activation="relu")(weights)
    )
    return layers.Multiply()([x, weights])


@spec("autoencoder", (8, 8, 3))
def _autoencoder(x: Any) -> Any:
    h = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(h)
    return layers.Conv2D(3, 1, activation="sigmoid")(layers.Concatenate()([x, h]))


@spec("operations_of_shapes", SEQUENCE)
def _shapes(x: Any) -> Any:
    a, b = ops.split(ops.transpose(x, (0, 2, 1)), 2, axis=1)
    pieces = ops.stack([ops.flip(a, 1), ops.roll(b, 1, axis=2)], axis=1)
    padded = ops.pad(pieces, [[0, 0], [0, 0], [1, 0], [0, 2]])
    return ops.squeeze(ops.expand_dims(ops.repeat(padded, 2, axis=2)[:, 0], 1), 1)


@spec("operations_of_numbers", SEQUENCE)
def _numbers(x: Any) -> Any:
    y = ops.where(x > 0, ops.log1p(ops.abs(x)), ops.sin(x) * ops.cos(x))
    y = ops.clip(y, -0.8, 0.8) + ops.sqrt(ops.square(x) + 1.0) - ops.floor(x)
    return ops.concatenate([ops.cumsum(y, axis=1), ops.sign(x), ops.expm1(x), ops.erf(x)], axis=-1)


@spec("operations_of_reductions", SEQUENCE)
def _reductions(x: Any) -> Any:
    parts = [ops.mean(x, 1), ops.max(x, 1), ops.min(x, 1), ops.var(x, 1), ops.std(x, 1)]
    parts += [ops.logsumexp(x, 1), ops.prod(x, 1), ops.norm(x, axis=1), ops.sum(x, 1)]
    return ops.stack(parts, axis=1)


@spec("operations_of_products", SEQUENCE, (6, 5))
def _products(a: Any, b: Any) -> Any:
    return ops.einsum("bij,bjk->bik", a, b) + ops.matmul(a, b)


@spec("operations_of_choice", SEQUENCE)
def _choice(x: Any) -> Any:
    best = ops.argmax(x, axis=-1)
    values, _ = ops.top_k(x, 3)
    picked = ops.take(x, [0, 2, 4], axis=2)
    return ops.one_hot(best, 6), values, ops.take_along_axis(x, best[..., None], axis=2), picked


@spec("operations_of_images", (8, 8, 4))
def _images(x: Any) -> Any:
    resized = ops.image.resize(x, (6, 5), interpolation="bicubic", antialias=True)
    pooled = ops.average_pool(ops.max_pool(x, 2), 2, padding="same")
    return resized, pooled, ops.image.rgb_to_grayscale(x[..., :3])


@spec("operations_of_convolution", (8, 8, 4))
def _convolution(x: Any) -> Any:
    kernel = ops.reshape(ops.arange(72, dtype="float32") / 72 - 0.5, (3, 3, 4, 2))
    return ops.conv(x, kernel, strides=2, padding="same")


@spec("operations_of_spectra", (256,))
def _spectra(x: Any) -> Any:
    real, imaginary = ops.stft(x, 64, 32, 64)
    return ops.sqrt(real * real + imaginary * imaginary), ops.rfft(x)[0]


@spec("vision_transformer", (8, 8, 3))
def _vision(x: Any) -> Any:
    patches = layers.Reshape((4, 6))(layers.Conv2D(6, 4, strides=4)(x))
    patches = patches + layers.Embedding(4, 6)(ops.arange(4))
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(encoder(patches)))


@keras.saving.register_keras_serializable("littoral_tests")
class Gate(layers.Layer):
    """A layer of a person's own."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * ops.sigmoid(inputs * self.scale)


@keras.saving.register_keras_serializable("littoral_tests")
class Subclassed(keras.Model):
    """A model that is no graph of layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.last = layers.LSTM(4, return_sequences=True), layers.Dense(2)
        self.gate = Gate()

    def call(self, inputs: Any) -> Any:
        return self.last(self.gate(self.first(inputs)))


layer("own_layer", SEQUENCE)(lambda: Gate())
layer("subclassed_model_inside", SEQUENCE)(lambda: Subclassed())


def _sequential() -> Any:
    return keras.Sequential(
        [keras.Input(IMAGE), layers.Conv2D(3, 3, activation="relu"), layers.Flatten()]
    )


MODELS["sequential"] = _sequential
