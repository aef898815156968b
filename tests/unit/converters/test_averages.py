"""Weighted averages, and layers with weights behind them, which ask for the shape."""

import keras
import pytest
from converted import worst_error
from keras import layers, ops

WEIGHTS = (0.5, 2.0, 1.0, 0.25)


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_weighted_average_keeps_its_shape(format_name, batch, tmp_path):
    inputs = keras.Input((4, 6), name="x")
    rows = ops.average(inputs, 1, ops.convert_to_tensor(WEIGHTS))
    columns = ops.average(inputs, -1, ops.exp(ops.arange(6, dtype="float32") / 6))
    each = ops.average(inputs, 1, ops.exp(inputs))
    outputs = [layers.Dense(3)(part) for part in (rows, columns, each, ops.average(inputs, 2))]
    assert worst_error(keras.Model(inputs, outputs), tmp_path, format_name, batch=batch) < 1e-5
