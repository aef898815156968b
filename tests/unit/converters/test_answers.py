"""What Keras is asked, and that asking it leaves a model as it was."""

import keras
import numpy as np
import pytest
from converted import randomize
from keras import layers, ops
from littoral import ConversionError
from littoral_converters.answers import KERAS_BATCH, keras_outputs
from littoral_converters.calibration import Dataset
from littoral_converters.clean_state import clean_state
from littoral_converters.signature import signature_of

SAMPLES = 2 * KERAS_BATCH + 3


def samples_of(*shape):
    return np.random.default_rng(0).normal(size=(SAMPLES, *shape)).astype("float32")


class Counted(layers.SimpleRNNCell):
    """Counts how often Python is asked for a step."""

    calls = 0

    def call(self, *given, **options):
        Counted.calls += 1
        return super().call(*given, **options)


def test_a_recurrence_is_not_asked_for_every_step():
    inputs = keras.Input((50, 3), name="x")
    model = randomize(keras.Model(inputs, layers.RNN(Counted(4))(inputs)))
    x = samples_of(50, 3)
    Counted.calls = 0
    (said,) = keras_outputs(model, signature_of(model), Dataset({"x": x})).values()
    assert Counted.calls < 10
    np.testing.assert_allclose(said, model.predict(x, verbose=0), atol=1e-6)


class Counting(layers.Layer):
    """Adds how often it was called, which it keeps."""

    def build(self, _):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        now = ops.minimum(self.count + 1, 1)
        self.count.assign(now)
        return x + now


def test_what_a_call_assigns_is_taken_back():
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, Counting()(inputs))
    model.layers[-1].count.assign(0.0)
    x = samples_of(3)
    with clean_state(model):
        (said,) = keras_outputs(model, signature_of(model), Dataset({"x": x})).values()
    assert float(model.layers[-1].count) == 0.0
    np.testing.assert_allclose(said, x + 1, atol=1e-6)


class Asking(layers.Layer):
    """Decides in Python by a number, which a graph does not have."""

    def call(self, x):
        return x * 2 if float(ops.sum(x)) < 1e9 else x


def test_a_model_that_python_decides_for_is_asked_as_it_is():
    inputs = keras.Input((3,), name="x")
    x = samples_of(3)
    layer = Asking()
    model = keras.Model(inputs, layers.Identity()(inputs))
    model.call = lambda given, training=None: layer(given)
    (said,) = keras_outputs(model, signature_of(model), Dataset({"x": x})).values()
    np.testing.assert_array_equal(said, x * 2)


def test_what_keras_fails_for_is_told_without_tensorflows_own_names():
    inputs = keras.Input((2,), dtype="int32", name="x")
    model = keras.Model(inputs, layers.Embedding(3, 2, name="words")(inputs))
    words = (
        r"^model '\w+' fails in Keras itself, in layer 'words' \(Embedding\): "
        r"indices\[0,1\] = 5 is not in \[0, 3\); give data"
    )
    with pytest.raises(ConversionError, match=words):
        keras_outputs(model, signature_of(model), Dataset({"x": np.array([[0, 5]], "int32")}))
