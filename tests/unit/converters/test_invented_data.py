"""Models that come without data, and fail in Keras on the first that is invented for them."""

import keras
import numpy as np
import pytest
from converted import file_outputs, keras_outputs
from keras import layers, ops
from littoral.errors import ConversionError
from littoral_converters import convert, debug

own = keras.saving.register_keras_serializable("littoral_tests")


@own
class Placed(layers.Layer):
    """Adds one of ten positions to each step."""

    def build(self, shape):
        self.table = self.add_weight(shape=(10, shape[-1]), name="table")

    def call(self, x):
        return x + self.table[: ops.shape(x)[1]]


def few_positions():
    words = keras.Input((None,), dtype="int32", name="words")
    return keras.Model(words, layers.Dense(3)(Placed()(layers.Embedding(20, 4)(words))))


def deep_pictures():
    x = image = keras.Input((None, None, 2), name="image")
    for _ in range(4):
        x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def categories_as_floats():
    kinds = keras.Input((3,), name="kinds")
    return keras.Model(kinds, layers.Dense(2)(layers.Embedding(9, 4)(kinds)))


GIVEN = {
    few_positions: np.arange(9, dtype="int32")[None],
    deep_pictures: np.random.default_rng(0).normal(size=(1, 50, 60, 2)).astype("float32"),
    categories_as_floats: np.array([[0, 3, 8]], "float32"),
}


@pytest.mark.parametrize("build", GIVEN)
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_other_data_is_invented_where_the_first_does_not_suit(build, format_name, tmp_path):
    model, given = build(), GIVEN[build]
    (variant,) = convert(model, tmp_path, formats=(format_name,))
    (wanted,) = keras_outputs(model, {model.inputs[0].name: given})
    (got,) = file_outputs(variant.path, given)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_data_that_is_given_is_not_replaced(tmp_path):
    with pytest.raises(ConversionError, match="fails in Keras itself"):
        convert(few_positions(), tmp_path, representative_data=np.zeros((2, 12), "int32"))


def test_a_file_is_debugged_on_what_suits_its_model(tmp_path):
    model = deep_pictures()
    model.save(tmp_path / "deep.keras")
    (variant,) = convert(model, tmp_path, formats=("onnx",))
    drift = debug(tmp_path / "deep.keras", variant.path)
    assert drift.samples == 16
    assert drift.worst[0].snr_db > 80
    assert drift.first_wrong is None
