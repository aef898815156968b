"""The largest values of a model that leaves their order open, in the raw engines."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from littoral_converters import convert
from onnxruntime import InferenceSession


def answers(path, data):
    """A file's outputs by name, from its own engine."""
    if path.suffix == ".tflite":
        return Interpreter(model_path=str(path)).get_signature_runner()(x=data)
    session = InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": data}), strict=True))


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_what_may_come_in_any_order_comes_largest_first(format_name, batch, tmp_path):
    inputs = keras.Input((40,), name="x")
    values, places = ops.top_k(inputs, 5, sorted=False)
    model = keras.Model(inputs, {"values": values, "places": places})
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    data = np.random.default_rng(0).normal(size=(batch or 3, 40)).astype("float32")
    got, keras_own = answers(variant.path, data), model(data)
    np.testing.assert_array_equal(got["values"], -np.sort(-np.asarray(keras_own["values"])))
    np.testing.assert_array_equal(np.take_along_axis(data, got["places"], 1), got["values"])
    assert (np.sort(got["places"]) == np.sort(keras_own["places"])).all()
