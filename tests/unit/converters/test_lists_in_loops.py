"""Loops of TensorFlow's own that keep lists, of more steps than are written out, any batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import file_outputs, keras_outputs
from littoral_converters import convert
from test_long_loops import LONG, Calls


def steps_of(x):
    return tf.transpose(x, (1, 0, 2))


def scanned(x):
    return tf.scan(lambda before, now: tf.tanh(0.5 * before + now), steps_of(x))


def mapped(x):
    return tf.map_fn(tf.nn.softmax, steps_of(x))


def recurrent(x):
    """A cell of a person's own, whose array says no shape."""
    x = steps_of(x)
    weights = tf.constant(np.random.default_rng(0).normal(size=(3, 3)).astype("float32"))

    def turn(at, state, kept):
        state = tf.tanh(state @ weights + x[at])
        return at + 1, state, kept.write(at, state)

    begun = 0, tf.zeros_like(x[0]), tf.TensorArray(tf.float32, tf.shape(x)[0])
    return tf.while_loop(lambda at, *_: at < tf.shape(x)[0], turn, begun)[2].stack()


def looked_back(x):
    """Each row from two that were set before it, as in a table of a shortest path."""
    x = steps_of(x)
    kept = tf.TensorArray(tf.float32, tf.shape(x)[0], clear_after_read=False)
    kept = kept.write(0, x[0]).write(1, x[1])

    def turn(at, kept):
        return at + 1, kept.write(at, x[at] + 0.5 * (kept.read(at - 1) - kept.read(at - 2)))

    return tf.while_loop(lambda at, _: at < tf.shape(x)[0], turn, (2, kept))[1].stack()


def left_early(x):
    """What no turn has come to is zeros."""
    x = steps_of(x)
    kept = tf.TensorArray(tf.float32, tf.shape(x)[0], element_shape=x.shape[1:])

    def turn(at, total, kept):
        return at + 1, total + 0.25, kept.write(at, total + x[at])

    begun = 0, tf.zeros_like(x[0]), kept
    return tf.while_loop(lambda _, total, __: total[0, 0] < 4, turn, begun)[2].stack()


FUNCTIONS = {each.__name__: each for each in (scanned, mapped, recurrent, looked_back, left_early)}


@keras.saving.register_keras_serializable("lists_in_loops")
class Listed(Calls):
    """One of the functions above as a layer."""

    def call(self, x):
        return steps_of(FUNCTIONS[self.function](x))

    def compute_output_shape(self, shape):
        return shape


def assert_agrees(function, folder, batch, steps, count=LONG):
    inputs = keras.Input((steps, 3), name="x")
    model = keras.Model(inputs, Listed(function)(inputs))
    (variant,) = convert(model, folder, formats=("tflite",), batch=batch)
    data = {"x": np.random.default_rng(0).normal(size=(3, count, 3)).astype("float32")}
    (want,), (got,) = keras_outputs(model, data), file_outputs(variant.path, data)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * np.abs(want).max())


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_long_lists_go_through_tflite(function, batch, tmp_path):
    assert_agrees(function, tmp_path, batch, LONG)


@pytest.mark.parametrize("count", [80, 7])
@pytest.mark.parametrize("function", ["scanned", "recurrent", "looked_back"])
def test_lists_of_an_open_length_go_through_tflite(function, count, tmp_path):
    assert_agrees(function, tmp_path, None, None, count)


def test_a_short_scan_of_any_batch_goes_through_tflite(tmp_path):
    assert_agrees("scanned", tmp_path, None, 5, 5)
