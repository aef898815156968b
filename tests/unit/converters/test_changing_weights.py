"""Layers around others whose weights they set before they call them: weight normalization."""

import keras
import pytest
from converted import randomize, worst_error
from keras import layers, ops


def length(x):
    return ops.sqrt(ops.sum(ops.square(x)))


@keras.saving.register_keras_serializable("changing")
class Assigned(layers.Wrapper):
    """Assigns the first weight of a layer, brought to a length of 1, at every call."""

    def build(self, shape):
        super().build(shape)
        self.direction = self.add_weight(shape=self.layer.weights[0].shape, name="direction")

    def call(self, x):
        self.layer.weights[0].assign(self.direction / length(self.direction))
        return self.layer(x)

    def compute_output_shape(self, shape):
        return self.layer.compute_output_shape(shape)


@keras.saving.register_keras_serializable("changing")
class OfTheState(Assigned):
    """Assigns the kernel that a recurrent layer's state is multiplied with."""

    def build(self, shape):
        super().build(shape)
        self.direction = self.add_weight(shape=self.layer.weights[1].shape, name="state_direction")

    def call(self, x):
        self.layer.weights[1].assign(self.direction / length(self.direction))
        return self.layer(x)


@keras.saving.register_keras_serializable("changing")
class Replaced(Assigned):
    """Puts a tensor in the place of a layer's kernel."""

    def call(self, x):
        self.layer._kernel = self.direction / length(self.direction)
        return self.layer(x)


@keras.saving.register_keras_serializable("changing")
class AttentionOf(layers.Layer):
    """An attention whose query projection has another layer's kernel."""

    def build(self, shape):
        self.attention = layers.MultiHeadAttention(2, 3)
        self.attention.build(shape, shape)
        self.kernel = self.add_weight(shape=(shape[-1], 2, 3), name="kernel")

    def call(self, x):
        self.attention.weights[0].assign(ops.tanh(self.kernel))
        return self.attention(x, x)

    def compute_output_shape(self, shape):
        return shape


WRAPPED = {
    "assigned_dense": lambda: Assigned(layers.Dense(3)),
    "replaced_dense": lambda: Replaced(layers.Dense(3)),
    "replaced_convolution": lambda: Replaced(layers.Conv1D(3, 2)),
    "assigned_convolution": lambda: Assigned(layers.Conv1D(3, 2)),
    "assigned_lstm": lambda: Assigned(layers.LSTM(3)),
    "assigned_gru": lambda: Assigned(layers.GRU(3, return_sequences=True)),
    "state_of_lstm": lambda: OfTheState(layers.LSTM(3, return_sequences=True)),
    "state_of_simple_rnn": lambda: OfTheState(layers.SimpleRNN(3, go_backwards=True)),
    "assigned_both_ways": lambda: Assigned(layers.Bidirectional(layers.LSTM(3))),
    "assigned_normalization": lambda: Assigned(layers.LayerNormalization()),
    "attention": AttentionOf,
}


def model_of(name):
    inputs = keras.Input((5, 4), name="x")
    hidden = layers.Dense(4, "tanh")(inputs)
    return randomize(keras.Model(inputs, WRAPPED[name]()(hidden)))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", WRAPPED)
def test_a_weight_that_the_model_sets_is_the_one_in_the_file(name, format_name, batch, tmp_path):
    model = model_of(name)
    assert worst_error(model, tmp_path, format_name, batch=batch) < 1e-5
