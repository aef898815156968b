"""More models for `layer_models`: what people bring, over pictures."""

from __future__ import annotations

from typing import Any

from idiom_models import MODELS
from keras import layers, ops
from layer_models import spec

__all__ = ["MODELS"]

IMAGE = (12, 12, 3)


def conv(x: Any, filters: int, size: int = 3, **options: Any) -> Any:
    """Convolution, normalization, ReLU."""
    x = layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


@spec("u_net", (16, 16, 3))
def _u_net(x: Any) -> Any:
    top = conv(x, 4)
    middle = conv(layers.MaxPooling2D()(top), 6)
    bottom = conv(layers.MaxPooling2D()(middle), 8)
    up = layers.Concatenate()([layers.UpSampling2D()(bottom), middle])
    up = layers.Conv2DTranspose(4, 2, strides=2)(conv(up, 6))
    return layers.Conv2D(2, 1, activation="softmax")(conv(layers.Concatenate()([up, top]), 4))


@spec("feature_pyramid", (16, 16, 3))
def _pyramid(x: Any) -> Any:
    low = conv(x, 6, strides=2)
    high = layers.Conv2D(6, 1)(conv(low, 8, strides=2))
    merged = layers.Add()([layers.UpSampling2D(interpolation="bilinear")(high), low])
    return {"coarse": layers.Conv2D(3, 1)(high), "fine": layers.Conv2D(3, 1)(merged)}


@spec("depthwise_stack", IMAGE)
def _depthwise(x: Any) -> Any:
    for filters, strides in ((6, 1), (8, 2), (10, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = conv(layers.ReLU(6.0)(layers.BatchNormalization()(x)), filters, 1)
    return layers.Dense(4, "softmax")(layers.GlobalAveragePooling2D()(x))


@spec("inverted_residual", IMAGE)
def _inverted(x: Any) -> Any:
    h = layers.Activation("hard_silu")(layers.BatchNormalization()(layers.Conv2D(12, 1)(x)))
    h = layers.DepthwiseConv2D(5, padding="same")(h)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(h)
    gate = layers.Conv2D(12, 1, activation="hard_sigmoid")(
        layers.Conv2D(4, 1, activation="relu")(gate)
    )
    return layers.Add()([x, layers.Conv2D(3, 1)(layers.Multiply()([h, gate]))])


@spec("swish_squeeze_excite", IMAGE)
def _swish(x: Any) -> Any:
    h = layers.Conv2D(8, 3, activation="swish")(x)
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(h))
    gate = layers.Dense(8, "sigmoid")(layers.Dense(2, "swish")(gate))
    return layers.GlobalMaxPooling2D()(h * gate)


@spec("dense_block", IMAGE)
def _dense_block(x: Any) -> Any:
    for _ in range(3):
        x = layers.Concatenate()([x, conv(x, 4)])
    return layers.AveragePooling2D(2)(conv(x, 6, 1))


@spec("inception_block", IMAGE)
def _inception(x: Any) -> Any:
    pooled = conv(layers.AveragePooling2D(3, 1, "same")(x), 3, 1)
    tall = layers.Conv2D(3, (1, 5), padding="same")(layers.Conv2D(3, (5, 1), padding="same")(x))
    return layers.Concatenate()([conv(x, 3, 1), conv(conv(x, 3, 1), 4), pooled, tall])


@spec("shuffled_channels", (8, 8, 4))
def _shuffled(x: Any) -> Any:
    h = layers.Conv2D(8, 1, groups=2)(x)
    h = layers.Reshape((8, 8, 2, 4))(h)
    h = layers.Reshape((8, 8, 8))(layers.Permute((1, 2, 4, 3))(h))
    return layers.DepthwiseConv2D(3)(h)


@spec("convolution_with_attention", (8, 8, 4))
def _conv_attention(x: Any) -> Any:
    cells = layers.Reshape((64, 4))(x)
    cells = cells + layers.MultiHeadAttention(2, 4)(cells, cells)
    return layers.Conv2D(3, 3)(layers.Reshape((8, 8, 4))(cells))


@spec("spatial_attention", IMAGE)
def _spatial(x: Any) -> Any:
    maps = ops.concatenate([ops.mean(x, -1, keepdims=True), ops.max(x, -1, keepdims=True)], -1)
    return x * layers.Conv2D(1, 5, padding="same", activation="sigmoid")(maps)


@spec("pixel_shuffle", (6, 6, 4))
def _pixel_shuffle(x: Any) -> Any:
    h = layers.Conv2D(12, 3, padding="same")(x)
    h = ops.reshape(h, (-1, 6, 6, 2, 2, 3))
    return ops.reshape(ops.transpose(h, (0, 1, 3, 2, 4, 5)), (-1, 12, 12, 3))


@spec("dilated_stack", IMAGE)
def _dilated(x: Any) -> Any:
    parts = [layers.Conv2D(4, 3, padding="same", dilation_rate=rate)(x) for rate in (1, 2, 4)]
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    parts.append(layers.UpSampling2D(12)(layers.Conv2D(4, 1)(pooled)))
    return layers.Conv2D(3, 1)(layers.Concatenate()(parts))
