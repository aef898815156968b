"""Convolutional network for images: depthwise-separable residual blocks."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from littoral.errors import InputError


@dataclass(frozen=True)
class Config:
    """Sizes of a CNN.

    Attributes:
        shape: Shape of one sample, (height, width, channels).
        classes: Number of classes.
        input_name: Name of the input.
        width: Channels of the first stage; each stage doubles them.
        depth: Number of stages; each halves height and width.
        dropout: Share of the pooled features left out in training.
    """

    shape: tuple[int, ...] = (28, 28, 1)
    classes: int = 10
    input_name: str = "image"
    width: int = 32
    depth: int = 2
    dropout: float = 0.2


def build(config: Config) -> keras.Model:
    """Build the model: a strided convolution, then a residual block a stage, pooling and a head.

    Args:
        config: Sizes.

    Returns:
        float32 [batch, height, width, channels] in 0..1 -> ``scores`` float32 [batch, classes].

    Raises:
        InputError: Samples that are not images, or images too small for the depth.
    """
    if len(config.shape) != 3 or min(config.shape[:2]) < 2**config.depth:
        raise InputError(
            f"cnn of depth {config.depth} takes images of at least {2**config.depth} pixels a side "
            f"as [height, width, channels], not samples of shape {list(config.shape)}"
        )
    image = keras.Input(config.shape, name=config.input_name)
    x = _convolution(image, config.width, 3, strides=2, name="stem")
    for stage in range(1, config.depth + 1):
        filters = config.width * 2 ** (stage - 1)
        if stage > 1:
            x = _separable(x, filters, strides=2, name=f"stage{stage}_down")
        x = _residual(x, filters, name=f"stage{stage}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    scores = layers.Dense(config.classes, activation="softmax", dtype="float32", name="scores")(x)
    return keras.Model(image, scores, name="cnn")


def _residual(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    shortcut = x
    x = _separable(x, filters, strides=1, name=f"{name}_a")
    x = _separable(x, filters, strides=1, name=f"{name}_b", activate=False)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _separable(
    x: keras.KerasTensor, filters: int, strides: int, name: str, activate: bool = True
) -> keras.KerasTensor:
    x = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_depthwise_norm")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    return _convolution(x, filters, 1, strides=1, name=name, activate=activate)


def _convolution(
    x: keras.KerasTensor, filters: int, size: int, strides: int, name: str, activate: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters, size, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x
