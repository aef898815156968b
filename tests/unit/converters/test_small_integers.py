"""Integers of few bits through layers and operations: Keras's answer, wrapped around like there."""

import keras
import numpy as np
import pytest
from converted import worst_error
from keras import layers, ops
from littoral_converters.proof.batches import _overflow


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
    "bands": lambda x: ops.tril(ops.transpose(x, (0, 3, 1, 2))),
    "cross": lambda x: ops.cross(ops.swapaxes(x, 1, 3)[..., :3], ops.swapaxes(x, 1, 3)[..., 2:]),
    "relu": ops.relu,
    "update": lambda x: ops.slice_update(x, (0, 1, 0, 0), x[:, :2]),
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


LONG_ONES = {
    "left_shift": lambda x: ops.left_shift(x, ops.cast(7, "int64")),
    "left_shift_of_each": lambda x: ops.left_shift(x, ops.abs(turned(x) % 5)),
    "place": lambda x: ops.stack([ops.argmax(x, 1), ops.argmin(x, 1)], 1),
    "pieces": lambda x: ops.split(x, [1, 3], axis=1)[1],
    "halves": lambda x: ops.split(x, 2, axis=-1)[1],
    "rows": lambda x: ops.unstack(x, axis=2)[3],
    "cross": lambda x: ops.cross(x[:, :3] % 1000, x[:, 2:] % 999, axis=1),
    "product": lambda x: ops.tensordot(x, ops.cast([[1, 2, -3], [5, 0, 7]], "int64"), axes=1),
    "bits": lambda x: ops.bitwise_or(*_places(x)) - ops.bitwise_xor(*_places(x)),
    "quotient": lambda x: ops.stack([x // 7, x // -3, x // (turned(x) % 1000 + 1)], 1),
    "quotient_of_both": lambda x: ops.stack([x // (turned(x) * 2 + 1), x // 5], 1),
    "power": lambda x: ops.stack([(x % 1000 - 500) ** 5, x**1, ops.square(x % 999) ** 2], 1),
    "bits_in_both": lambda x: ops.right_shift(ops.bitwise_and(*_places(x)), ops.cast(1, "int64")),
}


def _places(x):
    """Long integers that fit into short ones."""
    return [ops.cast(place(x, 1) + 3, "int64") for place in (ops.argmax, ops.argmin)]


@pytest.mark.parametrize(
    ("name", "format_name"),
    [(name, format_name) for name in LONG_ONES for format_name in ("tflite", "onnx")],
)
def test_long_integers_agree_with_keras(name, format_name, tmp_path):
    assert _error_of_long_ones(LONG_ONES[name], format_name, tmp_path) < 1e-6


@pytest.mark.parametrize("bits", [0, 1, 40])
def test_long_integers_are_shifted_downwards(bits, tmp_path):
    def shifted(x):
        return ops.right_shift(x, ops.cast(bits, "int64"))

    assert _error_of_long_ones(shifted, "onnx", tmp_path) < 1e-6


def _error_of_long_ones(build, format_name, folder):
    inputs = keras.Input((5, 4, 2), dtype="int64", name="x")
    random = np.random.default_rng(0)
    data = {"x": random.integers(-(2**45), 2**45, (4, 5, 4, 2))}
    model = keras.Model(inputs, build(inputs))
    return worst_error(model, folder, format_name, data=data)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_bytes_pass_what_keras_asks_a_graph(format_name, tmp_path):
    inputs = keras.Input((5,), dtype="uint8", name="x")
    model = keras.Model(inputs, ops.cast(ops.isin(inputs, np.array([0, 3], "uint8")), "float32"))
    assert worst_error(model, tmp_path, format_name) < 1e-6


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


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integers_are_asked_for_what_only_floats_are(dtype, format_name, batch, tmp_path):
    inputs = keras.Input((5,), dtype=dtype, name="x")
    x = ops.cast(inputs, "float32")
    holes = ops.logical_or(ops.isnan(inputs), ops.isinf(inputs))
    model = keras.Model(inputs, ops.where(holes, 7.0, ops.where(ops.isfinite(inputs), x, 9.0)))
    assert worst_error(model, tmp_path, format_name, batch=batch) < 1e-6


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32"])
def test_integers_are_resized_to_the_nearest(dtype, format_name, batch, tmp_path):
    inputs = keras.Input((6, 5, 2), dtype=dtype, name="x")
    model = keras.Model(inputs, ops.image.resize(inputs, (4, 9), interpolation="nearest"))
    limits = np.iinfo(dtype)
    random = np.random.default_rng(0)
    data = {"x": random.integers(limits.min, limits.max, (3, 6, 5, 2), endpoint=True, dtype=dtype)}
    assert worst_error(model, tmp_path, format_name, data=data, batch=batch) == 0


WITHOUT_A_SIGN = {
    "arithmetic": lambda x: ops.stack([x * 3 + turned(x), x // 3, x % 5], -1),
    "extremes": lambda x: ops.stack([ops.max(x, 1), ops.sum(x, 1), ops.maximum(x, 9)[:, 0]], 1),
    "moves": lambda x: ops.tile(ops.roll(ops.transpose(x, (0, 2, 1)), 1, 1), (1, 2, 1)),
    "places": lambda x: ops.concatenate([ops.take(x, [2, 0], 1), turned(x)], 1),
    "choice": lambda x: ops.where(x > turned(x), x, 7),
}


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", WITHOUT_A_SIGN)
def test_long_integers_without_a_sign_agree_with_keras(name, format_name, tmp_path):
    inputs = keras.Input((5, 4), dtype="uint32", name="x")
    data = {"x": np.random.default_rng(0).integers(0, 2**32, (4, 5, 4)).astype("uint32")}
    model = keras.Model(inputs, WITHOUT_A_SIGN[name](inputs))
    assert worst_error(model, tmp_path, format_name, data=data) == 0


def test_what_does_not_fit_into_bytes_is_named_as_the_cause():
    # What a CPU makes of 300 as a byte, 44 or 255, depends on how many are cast at a time.
    scores, bytes_ = np.float32([1, 2]), np.uint8([255, 7])
    cut, wrapped = {"a": scores, "b": bytes_}, {"a": scores, "b": np.uint8([44, 7])}
    assert _overflow(cut, wrapped).startswith("numbers that do not fit into uint8 are cast to it")
    assert not _overflow(cut, {**cut, "b": np.uint8([254, 8])})
    assert not _overflow(cut, {**wrapped, "a": scores + 100})
