"""Transformer encoder for tokens or image patches: pre-norm blocks, mean pooling, a head."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers
from littoral.errors import InputError


@dataclass(frozen=True)
class Config:
    """Sizes of a Transformer.

    Attributes:
        shape: Shape of one sample: (length,) of int32 tokens or (height, width, channels).
        classes: Number of classes.
        input_name: Name of the input.
        vocabulary: Number of different tokens, 0 (padding) included.
        embedding: Features of each token.
        patch: Side of an image patch in pixels, or number of neighbouring tokens that share a
            position: attention's cost falls with its square.
        width: Features of each position.
        depth: Number of encoder blocks.
        heads: Attention heads; they share the width.
        expansion: Width of a block's MLP as a multiple of `width`.
        dropout: Share left out in training after attention, MLP and pooling.
    """

    shape: tuple[int, ...] = (64,)
    classes: int = 30
    input_name: str = "tokens"
    vocabulary: int = 257
    embedding: int = 32
    patch: int = 4
    width: int = 64
    depth: int = 2
    heads: int = 4
    expansion: int = 2
    dropout: float = 0.1


def build(config: Config) -> keras.Model:
    """Build the model.

    Tokens are padded at the end with 0. Padding is a token with an embedding of its own rather than
    a mask: the length is fixed, so the model learns to pass over it, and neither attention nor
    pooling carries a mask, whose large negative numbers would take an int8 tensor's whole range.

    Args:
        config: Sizes.

    Returns:
        int32 [batch, length] or float32 [batch, height, width, channels] -> ``scores`` float32
        [batch, classes].

    Raises:
        InputError: Samples that are neither, patches that do not tile the image, or a width that
            the heads do not divide.
    """
    if config.width % config.heads:
        raise InputError(
            f"transformer: width {config.width} is not a multiple of {config.heads} heads"
        )
    source, x = _tokens(config) if len(config.shape) == 1 else _patches(config)
    x = _positioned(x, config)
    for number in range(1, config.depth + 1):
        x = _block(x, config, f"block{number}")
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    scores = layers.Dense(config.classes, activation="softmax", dtype="float32", name="scores")(x)
    return keras.Model(source, scores, name="transformer")


def _tokens(config: Config) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    (length,) = config.shape
    if length % config.patch:
        raise InputError(
            f"transformer: {length} tokens do not divide into groups of {config.patch}"
        )
    tokens = keras.Input(config.shape, dtype="int32", name=config.input_name)
    x = layers.Embedding(config.vocabulary, config.embedding, name="embedding")(tokens)
    grouped = (length // config.patch, config.patch * config.embedding)
    return tokens, layers.Reshape(grouped, name="patches")(x)


def _patches(config: Config) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    side = config.patch
    if len(config.shape) != 3 or any(size % side for size in config.shape[:2]):
        raise InputError(
            f"transformer takes tokens [length] or images that {side}x{side} patches tile, "
            f"not samples of shape {list(config.shape)}"
        )
    height, width, channels = config.shape
    rows, columns = height // side, width // side
    image = keras.Input(config.shape, name=config.input_name)
    x = layers.Reshape((rows, side, columns, side * channels), name="cut")(image)
    x = layers.Permute((1, 3, 2, 4), name="gather")(x)
    return image, layers.Reshape((rows * columns, side * side * channels), name="patches")(x)


def _positioned(x: keras.KerasTensor, config: Config) -> keras.KerasTensor:
    """Project to the width and add what each position has learned.

    The bias of one product, over positions and features, is the learned position: a plain layer
    and one addition of a constant on the device.
    """
    return layers.EinsumDense(
        "bti,io->bto",
        output_shape=(x.shape[1], config.width),
        bias_axes="to",
        bias_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name="position",
    )(x)


def _block(x: keras.KerasTensor, config: Config, name: str) -> keras.KerasTensor:
    """One pre-norm encoder block: x + attention(norm(x)), then x + mlp(norm(x))."""
    hidden = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm_1")(x)
    hidden = layers.MultiHeadAttention(
        config.heads, config.width // config.heads, name=f"{name}_attention"
    )(hidden, hidden)
    hidden = layers.Dropout(config.dropout, name=f"{name}_dropout_1")(hidden)
    x = layers.Add(name=f"{name}_add_1")([x, hidden])
    hidden = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm_2")(x)
    wide = config.width * config.expansion
    hidden = layers.Dense(wide, activation="gelu", name=f"{name}_expand")(hidden)
    hidden = layers.Dense(config.width, name=f"{name}_contract")(hidden)
    hidden = layers.Dropout(config.dropout, name=f"{name}_dropout_2")(hidden)
    return layers.Add(name=f"{name}_add_2")([x, hidden])
