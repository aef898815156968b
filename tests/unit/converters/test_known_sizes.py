"""Sizes that a layer reads off a tensor by TensorFlow's functions, and complex numbers moved."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import worst_error
from keras import layers, ops
from littoral_converters.operators import substitute


class Filtered(layers.Layer):
    """A long filter along time by way of the spectrum, which asks for the number of steps."""

    def build(self, shape):
        self.response = self.add_weight(shape=(4, 8), name="response")

    def call(self, x):
        steps = tf.shape(x)[1]
        spectrum = tf.signal.rfft(tf.transpose(x, [0, 2, 1]), [2 * steps])
        response = tf.signal.rfft(self.response[:, :steps], [2 * steps])
        product = tf.expand_dims(spectrum, -2) * response
        filtered = tf.signal.irfft(product, [2 * steps])[..., :steps]
        return tf.transpose(tf.reshape(filtered, [-1, 12, steps]), [0, 2, 1])


class Turned(layers.Layer):
    """Rows of a spectrum moved by a tuple of shifts, weighted, and moved back."""

    def call(self, x):
        spectrum = tf.signal.fft2d(tf.cast(x, tf.complex64))
        moved = ops.roll(spectrum, (2,), axis=(1,)) * tf.constant([1, 2, 0, 0, 3], tf.complex64)
        return tf.math.real(tf.signal.ifft2d(ops.roll(moved, (-2,), axis=(1,))))


class Moved(layers.Layer):
    """Rows and columns moved, both at once."""

    def call(self, x):
        return ops.roll(x, (2, -7), axis=(1, -1))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("layer", "shape"), [(Filtered, (8, 3)), (Turned, (6, 5)), (Moved, (6, 5))]
)
def test_what_is_read_of_a_shape_is_known_at_any_batch(layer, shape, format_name, batch, tmp_path):
    inputs = keras.Input(shape, name="x")
    hidden = layers.Conv1D(shape[-1], 2, padding="same")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layer()(hidden)))
    assert worst_error(model, tmp_path, format_name, batch=batch) < 1e-5


def test_a_size_that_another_size_tells_is_known():
    @tf.function(autograph=False)
    def doubled(x):
        padded = tf.pad(x, [[0, 0], [0, 2 * tf.shape(x)[1]]])
        return tf.reshape(padded, [-1, tf.shape(padded)[-1] // 3, tf.shape(padded)[1:2][0] // 4])

    graph_def = doubled.get_concrete_function(tf.TensorSpec((None, 4))).graph.as_graph_def()
    made = substitute(graph_def, "onnx")
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(made, name="")
    (end,) = [each for each in graph.get_operations() if each.type == "Reshape"]
    assert end.outputs[0].shape.as_list() == [None, 4, 3]
    reads = [each for each in graph.get_operations() if each.type == "StridedSlice"]
    assert not any(each.inputs[0].op.type == "Shape" for each in reads)
    x = np.arange(8, dtype="float32").reshape(2, 4)
    with tf.compat.v1.Session(graph=graph) as session:
        got = session.run(end.outputs[0], {"x:0": x})
    np.testing.assert_array_equal(got, doubled(tf.constant(x)))
