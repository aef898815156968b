"""`ops.associative_scan`, and what ends while a model is traced."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import file_outputs, worst_error
from keras import layers, ops
from littoral.errors import ConversionError
from littoral_converters import convert

FORMATS = ("tflite", "onnx")


def recurrence(x):
    """h = a h + b, as state space models have it."""
    a, b = ops.sigmoid(x), ops.tanh(x)

    def after(first, second):
        return first[0] * second[0], second[0] * first[1] + second[1]

    return ops.associative_scan(after, (a, b), axis=1)[1]


SCANS = {
    "recurrence": recurrence,
    "sums": lambda x: ops.associative_scan(ops.add, x, axis=-1),
    "largest_so_far": lambda x: ops.associative_scan(ops.maximum, x, axis=1, reverse=True),
    "matrices": lambda x: ops.associative_scan(
        ops.matmul, ops.tanh(x[..., None] * x[:, :, None]) / 2, axis=1
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("length", [1, 7, 8])
@pytest.mark.parametrize("name", SCANS)
def test_a_scan_agrees_with_keras(name, length, format_name, tmp_path):
    inputs = keras.Input((length, 3), name="x")
    model = keras.Model(inputs, SCANS[name](inputs))
    assert worst_error(model, tmp_path, format_name) < 1e-5


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", SCANS)
def test_a_scan_of_an_open_length_agrees_with_keras_at_every_length(name, format_name, tmp_path):
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, SCANS[name](inputs))
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=None)
    random = np.random.default_rng(0)
    for samples, length in ((1, 1), (2, 7), (3, 8), (1, 33)):
        x = random.normal(size=(samples, length, 3)).astype("float32")
        wanted, (got,) = np.asarray(model(x)), file_outputs(variant.path, {"x": x})
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


class Unsettled(layers.Layer):
    """A layer whose output has one axis or two."""

    def call(self, inputs):
        total = tf.reduce_sum(inputs)
        return tf.cond(total > 0, lambda: inputs, lambda: tf.reduce_sum(inputs, -1))

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_has_no_known_shape_is_refused_in_one_line(format_name, tmp_path):
    inputs = keras.Input((None,), name="x")
    model = keras.Model(inputs, Unsettled(name="odd")(inputs))
    words = r"number of axes of output 'odd'.*Reshape"
    with pytest.raises(ConversionError, match=words) as raised:
        convert(model, tmp_path, formats=(format_name,))
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())
