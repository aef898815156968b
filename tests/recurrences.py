"""Recurrent layers and sequences with gaps, for the tests of their lowerings."""

import keras
import numpy as np
from converted import randomize
from keras import layers

STEPS, FEATURES = 7, 3


def recurrent_model(make, masked=False):
    inputs = keras.Input((STEPS, FEATURES), name="sequence")
    x = layers.Masking()(inputs) if masked else inputs
    return randomize(keras.Model(inputs, make()(x)))


def ragged():
    """Sequences with steps that do not count: at the end, in the middle, at the start, all."""
    x = np.random.default_rng(0).normal(size=(5, STEPS, FEATURES)).astype("float32")
    x[1, 4:] = 0
    x[2, 2:4] = 0
    x[3, :3] = 0
    x[4] = 0
    return {"sequence": x}


CELLS = {
    "lstm": lambda **kw: layers.LSTM(5, **kw),
    "gru": lambda **kw: layers.GRU(5, **kw),
    "gru_reset_before": lambda **kw: layers.GRU(5, reset_after=False, **kw),
    "simple": lambda **kw: layers.SimpleRNN(5, **kw),
}
