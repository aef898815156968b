"""What is made of numbers that become infinite, or none, within a model."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import ops
from littoral_converters import convert


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_infinities_are_told_and_replaced_as_in_keras(format_name, batch, tmp_path):
    x = keras.Input((4,), name="x")
    far, none = 1 / ops.relu(x) - 1 / ops.relu(2 - x), 1 / ops.relu(x) - 1 / ops.relu(x)
    told = {name: getattr(ops, name)(far) for name in ("isinf", "isfinite", "isposinf", "isneginf")}
    told = {name: ops.cast(each, "float32") for name, each in told.items()}
    replaced = ops.nan_to_num(ops.concatenate([far, none], 1), nan=5.0, posinf=3.0, neginf=-3.0)
    model = keras.Model(x, {**told, "replaced": replaced})
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    data = np.array([[-1.0, 0.5, 1.5, 4.0]], "float32")
    got, wanted = raw_outputs(variant.path, data), model(data)
    for name, own in wanted.items():
        np.testing.assert_allclose(got[name], own, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_infinities_of_a_model_are_compared_as_in_keras(format_name, batch, tmp_path):
    x = keras.Input((4,), name="x")
    far, masked = 1 / ops.relu(x), ops.where(x > 1, x, -np.inf)
    found = {
        "equal": ops.equal(far, np.inf),
        "not_equal": ops.not_equal(far, np.inf),
        "less": far < np.inf,
        "greater": masked > -np.inf,
        "masked": ops.isneginf(masked),
        "either": ops.isinf(masked),
        "any": ops.equal(ops.max(masked, -1, keepdims=True), -np.inf),
    }
    model = keras.Model(x, {name: ops.cast(each, "float32") for name, each in found.items()})
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    data = np.array([[-1.0, 0.5, 0.7, -4.0]], "float32")
    for values in (data, data + 1):
        got, wanted = raw_outputs(variant.path, values), model(values)
        for name, own in wanted.items():
            np.testing.assert_array_equal(got[name], own, err_msg=name)
