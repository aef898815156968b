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
    _make_loud(model, LOUD, SILENCED_BY, 5000)
    return model


def common_scores_model():
    """Two such places, and scores that all are about 20: their differences decide."""
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input((32,), name="features")
    for index, units in enumerate((256, 256, 128, 256, 128)):
        x = layers.Dense(units, activation="relu", name=f"h{index}")(x)
    model = keras.Model(inputs, layers.Dense(10, name="scores")(x), name="common")
    for layer in model.layers[1:]:
        weights, bias = layer.get_weights()
        layer.set_weights([1.4 * weights, bias + 20 * (layer.name == "scores")])
    _make_loud(model, "h1", "h2", 300)
    _make_loud(model, "h3", "h4", 300)
    return model


def _make_loud(model, name, silenced_by, times):
    loud, after = model.get_layer(name), model.get_layer(silenced_by)
    weights, bias = loud.get_weights()
    weights[:, :8] *= times
    loud.set_weights([weights, bias])
    weights, bias = after.get_weights()
    weights[:8] /= times
    after.set_weights([weights, bias])


def clear_samples(model, count=1000):
    """Samples that the model decides clearly, with its decisions as labels."""
    x = np.random.default_rng(1).standard_normal((3 * count, 32)).astype("float32")
    scores = np.asarray(model(x))
    ranked = np.sort(scores, axis=1)
    clear = np.argsort(ranked[:, -2] - ranked[:, -1])[:count]
    return {"x": x[clear], "y": scores[clear].argmax(1)}


def typical_samples(count=128):
    return np.random.default_rng(0).standard_normal((count, 32)).astype("float32")
