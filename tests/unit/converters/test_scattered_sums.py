"""`ops.scatter` of values that share a place, as the messages of a graph's edges do."""

import keras
import numpy as np
import pytest
from converted import file_outputs
from keras import layers, ops
from littoral_converters import convert


class Received(layers.Layer):
    """The sum of what each of five nodes of every graph is sent."""

    def call(self, x, places):
        count = ops.shape(x)[0]
        own = ops.reshape(places + 5 * ops.arange(count)[:, None], (-1, 1))
        sums = ops.scatter(own, ops.reshape(x, (-1, 3)), (5 * count, 3))
        return ops.reshape(sums, (-1, 5, 3))


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("batch", [1, None])
def test_values_that_share_a_place_are_added_up(batch, format_name, tmp_path):
    x, places = keras.Input((9, 3), name="x"), keras.Input((9,), dtype="int32", name="places")
    model = keras.Model([x, places], Received()(x, places))
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    random = np.random.default_rng(0)
    count = batch or 3
    data = {
        "x": random.normal(size=(count, 9, 3)).astype("float32"),
        "places": random.integers(0, 5, (count, 9)).astype("int32"),
    }
    wanted = np.zeros((count, 5, 3), "float32")
    for graph in range(count):
        np.add.at(wanted[graph], data["places"][graph], data["x"][graph])
    (got,) = file_outputs(variant.path, data)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
