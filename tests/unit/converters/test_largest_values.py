"""The largest values of a model that leaves their order open, in the raw engines."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import ops
from littoral_converters import convert


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_what_may_come_in_any_order_comes_largest_first(format_name, batch, tmp_path):
    inputs = keras.Input((40,), name="x")
    values, places = ops.top_k(inputs, 5, sorted=False)
    model = keras.Model(inputs, {"values": values, "places": places})
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    data = np.random.default_rng(0).normal(size=(batch or 3, 40)).astype("float32")
    got, keras_own = raw_outputs(variant.path, data), model(data)
    np.testing.assert_array_equal(got["values"], -np.sort(-np.asarray(keras_own["values"])))
    np.testing.assert_array_equal(np.take_along_axis(data, got["places"], 1), got["values"])
    assert (np.sort(got["places"]) == np.sort(keras_own["places"])).all()
