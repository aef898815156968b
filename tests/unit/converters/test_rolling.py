"""Values moved around an axis by a shift, or of a size, that only an input tells."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import layers
from littoral_converters import convert

RANDOM = np.random.default_rng(0)


class ToItsPeak(layers.Layer):
    """Moves every signal by the lag at which all together are largest, as autocorrelations do."""

    def call(self, x):
        lag = keras.ops.argmax(keras.ops.sum(x, axis=(0, 2)))
        return keras.ops.roll(x, (-lag, lag), axis=(1, -1))


@pytest.mark.parametrize("length", [6, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_shift_that_is_computed(format_name, length, tmp_path):
    inputs = keras.Input((length, 4), name="x")
    model = keras.Model(inputs, ToItsPeak(name="y")(inputs), name="rolled")
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=None)
    for count in (1, 3):
        x = RANDOM.normal(size=(count, length or 9, 4)).astype("float32")
        np.testing.assert_array_equal(raw_outputs(variant.path, x)["y"], model(x))


@pytest.mark.parametrize("shift", [3, 7, -9])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_shift_by_more_than_an_open_length(format_name, shift, tmp_path):
    inputs = keras.Input((None, 4), name="x")
    model = keras.Model(inputs, keras.ops.roll(inputs, shift, axis=1), name="rolled")
    (variant,) = convert(model, tmp_path, formats=(format_name,))
    for length in (1, 2, 5, 12):
        x = RANDOM.normal(size=(1, length, 4)).astype("float32")
        (got,) = raw_outputs(variant.path, x).values()
        np.testing.assert_array_equal(got, np.roll(x, shift, axis=1))
