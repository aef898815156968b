"""Small networks over 28x28 pictures, one of each kind, trained for seconds, to race files of.

Sequences see a picture as 28 steps of 28 values.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from littoral_models.data import fashion_mnist

CLASSES = 10
SIDE = 28
EPOCHS = {"mlp": 4, "cnn": 5, "lstm": 5, "bilstm": 4, "gru": 5, "transformer": 5}


def _mlp(x):
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    return layers.Dense(128, activation="relu")(x)


def _cnn(x):
    x = layers.Reshape((SIDE, SIDE, 1))(x)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.MaxPooling2D()(layers.Conv2D(32, 3, padding="same", activation="relu")(x))
    x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x)))
    return layers.GlobalAveragePooling2D()(layers.Conv2D(64, 1, activation="relu")(x))


def _lstm(x):
    return layers.LSTM(64)(layers.LSTM(64, return_sequences=True)(x))


def _bilstm(x):
    return layers.Bidirectional(layers.LSTM(32))(x)


def _gru(x):
    return layers.GRU(64)(x)


def _transformer(x):
    width = 64
    x = layers.Dense(width)(x)
    places = layers.Embedding(SIDE, width)(keras.ops.arange(SIDE))
    x = x + places
    for _ in range(2):
        normal = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, width // 4)(normal, normal)
        inner = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dense(width)(inner)
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))


BODIES = {
    "mlp": _mlp,
    "cnn": _cnn,
    "lstm": _lstm,
    "bilstm": _bilstm,
    "gru": _gru,
    "transformer": _transformer,
}


def pictures():
    """The embedded Fashion-MNIST as float32 (n, 28, 28) with labels: training, then test."""
    data = fashion_mnist.load(full=False)
    return (
        data.x_train[..., 0],
        data.y_train,
        data.x_test[..., 0],
        data.y_test,
    )


def train(name: str, epochs: int | None = None):
    """Train a network.

    Args:
        name: One of `BODIES`.
        epochs: Passes over the training pictures; None for enough to be worth quantizing.

    Returns:
        The model, with probabilities of the classes as its output.
    """
    keras.utils.set_random_seed(7)
    inputs = keras.Input((SIDE, SIDE), name="picture")
    scores = layers.Dense(CLASSES, activation="softmax", name="scores")(BODIES[name](inputs))
    model = keras.Model(inputs, scores, name=name)
    x, y, *_ = pictures()
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=256, epochs=epochs or EPOCHS[name], verbose=0)
    return model


def accuracy(scores, labels) -> float:
    """Share of rows whose largest score is the label's."""
    return float(np.mean(np.argmax(scores, -1) == labels))
