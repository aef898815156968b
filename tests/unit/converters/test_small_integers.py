"""Integers of few bits through layers and operations: Keras's answer, wrapped around like there."""

import keras
import numpy as np
import pytest
from converted import worst_error
from keras import layers, ops


def turned(x):
    return ops.flip(x, 1)


LAYERS = {
    "zero_padding": lambda x: layers.ZeroPadding2D(1)(x),
    "max_pooling": lambda x: layers.MaxPooling2D(2)(x),
    "max_pooling_that_overlaps": lambda x: layers.MaxPooling2D(3, 2, padding="same")(x),
    "largest": lambda x: layers.GlobalMaxPooling2D()(x),
    "mean": lambda x: layers.GlobalAveragePooling2D()(x),
    "upsampling": lambda x: layers.UpSampling2D(2)(x),
    "merged": lambda x: layers.Add()([x, layers.Maximum()([x, turned(x)])]),
    "differences": lambda x: layers.Subtract()([layers.Multiply()([x, x]), turned(x)]),
}

OPERATIONS = {
    "arithmetic": lambda x: x * 3 + turned(x) - 7,
    "one_more_for_each_channel": lambda x: x + ops.array([3, 2], x.dtype),
    "one_more_for_each_row": lambda x: x + ops.array([[[1]], [[2]], [[3]], [[4]], [[5]]], x.dtype),
    "extremes": lambda x: ops.stack([ops.max(x, 1), ops.min(x, 1)], -1),
    "limits": lambda x: ops.clip(ops.maximum(x, turned(x)), 2, 90),
    "sums": lambda x: ops.concatenate([ops.sum(x, 1), ops.prod(x[:, :1], 1)], -1),
    "running": lambda x: ops.cumsum(x, 1),
    "division": lambda x: x // 3 + x % 5,
    "choice": lambda x: ops.where(x < turned(x), x, x * 2),
    "size": lambda x: ops.abs(x) + ops.sign(x) + ops.square(x),
    "bits": lambda x: ops.bitwise_xor(ops.bitwise_not(x), ops.left_shift(x, 1)),
    "order": lambda x: ops.sort(x, 1),
    "place": lambda x: ops.argmax(x, 1),
    "relu": ops.relu,
    "border": lambda x: ops.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]], constant_values=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
@pytest.mark.parametrize("name", {**LAYERS, **OPERATIONS})
def test_integers_agree_with_keras(name, dtype, format_name, tmp_path):
    inputs = keras.Input((5, 4, 2), dtype=dtype, name="x")
    outputs = ops.cast({**LAYERS, **OPERATIONS}[name](inputs), "float32")
    limits = np.iinfo(dtype) if dtype != "int32" else np.iinfo("int16")
    random = np.random.default_rng(0)
    data = {"x": random.integers(limits.min, limits.max + 1, (4, 5, 4, 2)).astype(dtype)}
    model = keras.Model(inputs, outputs)
    assert worst_error(model, tmp_path, format_name, data=data) < 1e-6


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "build",
    [
        lambda x: layers.Embedding(2, 3)(x),
        lambda x: ops.trunc(ops.cast(x, "float32")),
        lambda x: ops.where(ops.cast(x, "float32") < 0, 1.0, ops.cast(x, "float32")),
    ],
)
def test_truths_as_numbers_agree_with_keras(build, format_name, tmp_path):
    inputs = keras.Input((5,), dtype="bool", name="x")
    model = keras.Model(inputs, build(inputs))
    assert worst_error(model, tmp_path, format_name) < 1e-6
