"""A classifier that 8-bit integers ruin in one place: eight channels are 5000 times as loud.

What the quiet channels say is below one step of an 8-bit scale that holds the loud ones. The next
layer divides them again, so the float model is an ordinary one.
"""

import keras
import numpy as np
from keras import layers

LOUD, SILENCED_BY = "loud", "after"
UNITS = 512


def outlier_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32,), name="features")
    x = layers.Dense(UNITS, activation="relu", name="before")(inputs)
    x = layers.Dense(UNITS, activation="relu", name=LOUD)(x)
    x = layers.Dense(256, activation="relu", name=SILENCED_BY)(x)
    model = keras.Model(inputs, layers.Dense(10, name="scores")(x), name="outlier")
    for layer in model.layers[1:]:
        weights, bias = layer.get_weights()
        layer.set_weights([1.4 * weights, bias])
    loud, after = model.get_layer(LOUD), model.get_layer(SILENCED_BY)
    weights, bias = loud.get_weights()
    weights[:, :8] *= 5000
    loud.set_weights([weights, bias])
    weights, bias = after.get_weights()
    weights[:8] /= 5000
    after.set_weights([weights, bias])
    return model


def clear_samples(model, count=1000):
    """Samples that the model decides clearly, with its decisions as labels."""
    x = np.random.default_rng(1).standard_normal((3 * count, 32)).astype("float32")
    scores = np.asarray(model(x))
    ranked = np.sort(scores, axis=1)
    clear = np.argsort(ranked[:, -2] - ranked[:, -1])[:count]
    return {"x": x[clear], "y": scores[clear].argmax(1)}


def typical_samples(count=128):
    return np.random.default_rng(0).standard_normal((count, 32)).astype("float32")
