"""Multilayer perceptron for tables: normalized features, dense layers, dropout."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers
from littoral.errors import InputError

from littoral_models.families import standardize


@dataclass(frozen=True)
class Config:
    """Sizes of an MLP.

    Attributes:
        shape: Shape of one sample, (features,).
        classes: Number of classes.
        input_name: Name of the input.
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        dropout: Share of units left out in training.
        normalization: After each hidden layer: ``"batch"``, ``"layer"`` or ``"none"``.
    """

    shape: tuple[int, ...] = (16,)
    classes: int = 26
    input_name: str = "features"
    width: int = 256
    depth: int = 2
    dropout: float = 0.1
    normalization: str = "batch"


_NORMALIZATIONS = {
    "batch": layers.BatchNormalization,
    "layer": layers.LayerNormalization,
    "none": layers.Identity,
}


def build(config: Config) -> keras.Model:
    """Build the model.

    The first layer standardizes the features by the training data, so that a device feeds raw ones.
    A batch normalization stands between the product and the activation, where a converter can fold
    it into the product.

    Args:
        config: Sizes.

    Returns:
        float32 [batch, features] -> ``scores`` float32 [batch, classes].

    Raises:
        InputError: Samples that are not rows of features, or an unknown normalization.
    """
    if len(config.shape) != 1:
        raise InputError(f"mlp takes rows of features, not samples of shape {list(config.shape)}")
    if config.normalization not in _NORMALIZATIONS:
        raise InputError(
            f"mlp: unknown normalization {config.normalization!r}: "
            f"choose from {', '.join(_NORMALIZATIONS)}"
        )
    features = keras.Input(config.shape, name=config.input_name)
    x = standardize()(features)
    for block in range(1, config.depth + 1):
        plain = config.normalization == "none"
        x = layers.Dense(config.width, use_bias=plain, name=f"dense_{block}")(x)
        x = _NORMALIZATIONS[config.normalization](name=f"normalize_{block}")(x)
        x = layers.ReLU(name=f"relu_{block}")(x)
        x = layers.Dropout(config.dropout, name=f"dropout_{block}")(x)
    scores = layers.Dense(config.classes, activation="softmax", dtype="float32", name="scores")(x)
    return keras.Model(features, scores, name="mlp")
