"""Recurrences of any cells and loops of `keras.ops`, over more steps than are written out."""

import keras
import littoral
import numpy as np
import onnx
import pytest
import tensorflow as tf
from converted import feeds, file_outputs, keras_outputs, randomize, worst_error
from keras import layers, ops
from littoral_converters import convert

LONG = 72
LIMITS = {"float32": 1e-5, "static_int8": 0.1}
WAYS = pytest.mark.parametrize("batch", [1, None])
FORMATS = pytest.mark.parametrize("format_name", ["tflite", "onnx"])


@keras.saving.register_keras_serializable("long_loops")
class Pair(layers.Layer):
    """A cell with nested states, whose output is none of them."""

    state_size = (3, (3, 3))
    output_size = 6

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, 3)), [ops.zeros((batch_size, 3))] * 2]

    def call(self, inputs, states):
        fast, (slow, slower) = states
        new = ops.tanh(inputs @ self.kernel + fast * 0.5 + slower)
        slow = slow * 0.5 + new
        return ops.concatenate([new * slow, slow], -1), [new, [slow, slower * 0.5 + slow]]


@keras.saving.register_keras_serializable("long_loops")
class Calls(layers.Layer):
    """One of the functions below as a layer."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def get_config(self):
        return {**super().get_config(), "function": self.function}

    def call(self, x):
        return FUNCTIONS[self.function](x)


def scanned_backwards(x):
    def step(carry, now):
        fast, slow = carry
        return (fast * 0.5 + now, slow + fast * 0.1), (ops.tanh(fast + now), slow)

    steps = ops.moveaxis(x, 1, 0)
    begun = (ops.zeros_like(x[:, 0]), ops.ones_like(x[:, 0]))
    (fast, _), results = ops.scan(step, begun, steps, reverse=True)
    return fast, *[ops.moveaxis(each, 0, 1) for each in results]


def mapped(x):
    steps = ops.moveaxis(x, 1, 0)
    return ops.moveaxis(ops.map(lambda now: ops.tanh(now) * ops.max(now, -1, True), steps), 0, 1)


def counted(x):
    def turn(at, total):
        return ops.tanh(total * 0.5 + ops.take(x, at, axis=1))

    return ops.fori_loop(0, ops.shape(x)[1], turn, ops.zeros_like(x[:, 0]))


def while_any(x):
    def turn(at, total):
        return at + 1, ops.tanh(total * 0.5 + ops.take(x, at, axis=1))

    begun = (0, ops.zeros_like(x[:, 0]))
    return ops.while_loop(lambda at, _: at < ops.shape(x)[1], turn, begun)[1]


FUNCTIONS = {each.__name__: each for each in (scanned_backwards, mapped, counted, while_any)}


def stacked_cells(x):
    cells = [layers.GRUCell(3), layers.LSTMCell(2)]
    return keras.tree.flatten(
        layers.RNN(cells, return_sequences=True, return_state=True, go_backwards=True)(x)
    )


def own_cell(x):
    layer = layers.RNN(Pair(), return_state=True)
    every = layers.Bidirectional(layers.RNN(Pair(), return_sequences=True))(x)
    return [*keras.tree.flatten(layer(x)), every]


def convolutions(x):
    pictures = layers.Reshape((-1, 4, 1))(x)
    h = layers.ConvLSTM1D(2, 2, padding="same", return_sequences=True)(pictures)
    h = layers.Reshape((-1, 2, 2, 2))(h)
    return layers.ConvLSTM2D(2, 2, return_state=True)(h)


RECURRENCES = [stacked_cells, own_cell, convolutions]


def model_of(build, steps=LONG):
    inputs = keras.Input((steps, 4), name="x")
    build = Calls(build.__name__) if build.__name__ in FUNCTIONS else build
    return randomize(keras.Model(inputs, build(inputs)))


def assert_agree(path, model, data):
    wanted = keras_outputs(model, data, in_graph=True)
    for want, got in zip(wanted, file_outputs(path, data), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.slow
@WAYS
@FORMATS
@pytest.mark.parametrize("build", [*RECURRENCES, *FUNCTIONS.values()])
def test_one_file_takes_every_length(build, format_name, batch, tmp_path):
    model = model_of(build, None)
    random = np.random.default_rng(0)
    samples = random.normal(size=(16, 12, 4)).astype("float32")
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), representative_data=samples, batch=batch
    )
    for length in (80, 3, 70):
        data = {"x": random.normal(size=(batch or 3, length, 4)).astype("float32")}
        assert_agree(variant.path, model, data)


@pytest.mark.slow
@WAYS
@FORMATS
@pytest.mark.parametrize("scheme", LIMITS)
@pytest.mark.parametrize("build", RECURRENCES)
def test_more_steps_than_are_written_out_agree(build, scheme, format_name, batch, tmp_path):
    model = model_of(build)
    data = feeds(model, batch or 4, seed=0)
    error = worst_error(model, tmp_path, format_name, scheme, data, in_graph=True, batch=batch)
    assert error < LIMITS[scheme]


@WAYS
@FORMATS
@pytest.mark.parametrize("shows_zeros", [False, True])
def test_a_mask_skips_steps_of_any_cell(shows_zeros, format_name, batch, tmp_path):
    inputs = keras.Input((LONG, 4), name="x")
    mask = keras.Input((LONG,), dtype="bool", name="mask")
    options = {"return_sequences": True, "zero_output_for_mask": shows_zeros}
    stacked = layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)], **options)
    ways = [stacked, layers.RNN(Pair(), **options), layers.RNN(Pair(), return_state=True)]
    outputs = keras.tree.flatten([way(inputs, mask=mask) for way in ways])
    model = randomize(keras.Model([inputs, mask], outputs))
    assert worst_error(model, tmp_path, format_name, in_graph=True, batch=batch) < 1e-5


@FORMATS
def test_a_long_loop_stays_one_and_the_card_says_so(format_name, tmp_path):
    sizes = []
    for steps in (100, 400):
        model = model_of(stacked_cells, steps)
        (variant,) = convert(model, tmp_path, formats=(format_name,))
        with littoral.load(variant.path) as file:
            assert file.card.lowering.endswith(f": loop, {steps} steps")
        sizes.append(variant.size_bytes)
    assert sizes[1] < 1.1 * sizes[0]


def test_a_loop_that_was_asked_for_is_one_however_short(tmp_path):
    inputs = keras.Input((6, 4), name="x")
    model = randomize(keras.Model(inputs, stacked_cells(inputs)))
    assert worst_error(model, tmp_path, "onnx", lowering="loop") < 1e-5
    (file,) = tmp_path.glob("*.onnx")
    assert [node.op_type for node in onnx.load(file).graph.node].count("Loop") == 1


@keras.saving.register_keras_serializable("long_loops")
class Until(layers.Layer):
    """Turns in TensorFlow's own words, over all steps or left some of them early."""

    def __init__(self, left_out, **options):
        super().__init__(**options)
        self.left_out = left_out

    def get_config(self):
        return {**super().get_config(), "left_out": self.left_out}

    def compute_output_shape(self, shape):
        return [shape, shape]

    def call(self, x):
        steps = x.shape[1] or tf.shape(x)[1]
        inputs = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(x, [1, 0, 2]))
        filled = tf.TensorArray(tf.float32, steps, element_shape=x[:, 0].shape)
        unused = tf.TensorArray(tf.float32, steps, element_shape=x[:, 0].shape)

        def turn(at, total, filled, unused):
            total = tf.tanh(total + inputs.read(at))
            return at + 1, total, filled.write(at, total), unused.write(at, total)

        begun = (0, tf.zeros_like(x[:, 0]), filled, unused)
        _, _, filled, _ = tf.while_loop(lambda at, *_: at < steps - self.left_out, turn, begun)
        scanned = tf.scan(lambda a, b: tf.tanh(a * 0.5 + b), tf.transpose(x, [1, 0, 2]))
        return [tf.transpose(each, [1, 0, 2]) for each in (filled.stack(), scanned)]


@WAYS
@pytest.mark.parametrize("left_out", [0, 5])
@pytest.mark.parametrize("steps", [LONG, None])
def test_lists_of_tensorflow_agree_in_onnx(steps, left_out, batch, tmp_path):
    inputs = keras.Input((steps, 4), name="x")
    model = keras.Model(inputs, Until(left_out)(inputs))
    random = np.random.default_rng(0)
    samples = random.normal(size=(16, LONG, 4)).astype("float32")
    (variant,) = convert(
        model, tmp_path, formats=("onnx",), representative_data=samples, batch=batch
    )
    data = {"x": samples[: batch or 3]}
    assert_agree(variant.path, model, data)
