"""Slices of every kind, in one model each: the ellipsis, new axes, steps back, dropped axes."""

import keras
import numpy as np
import pytest
from converted import file_outputs, keras_outputs
from keras import ops
from littoral_converters import convert


def of_vectors(x):
    x = x[:, :, 0, 0]
    yield from (x[:, ::2, ...], x[..., ::-1], x[:, 3:0:-1], x[:, 1, None], x[:, None, ..., 1:3])
    yield from (x[..., None, :, None], x[..., None, 2], x[:, ..., 1:])


def of_sequences(x):
    x = x[..., 0]
    yield from (x[:, ::2, ...], x[:, ..., ::2], x[:, 0, ..., None], x[:, None, ..., 1])
    yield from (x[:, :, None, ..., ::2], x[:, -2::-1, ..., -1], x[:, :, ..., :])


def of_pictures(x):
    yield from (x[:, ::2, ...], x[:, ..., ::2, 0], x[..., None], x[..., None, 0])
    yield from (x[:, 0, ..., None], x[:, None, ..., 1], x[:, ::-1, :, ::-2], x[:, :, :, :, ...])


def of_masks(x):
    mask = x[:, :, :, 0] > 0
    yield from (ops.cast(part, "float32") for part in (mask[..., None], mask[:, None, :, ::2]))
    yield from (ops.cast(ops.triu(mask, 1), "float32"), ops.cast(mask[:, ..., None, 0], "float32"))


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("shape", [(6, 4, 5), (None, 4, None)])
@pytest.mark.parametrize("cut", [of_vectors, of_sequences, of_pictures, of_masks])
def test_slices_agree_with_keras(cut, shape, format_name, tmp_path):
    inputs = keras.Input(shape, name="x")
    model = keras.Model(inputs, list(cut(ops.tanh(inputs))))
    random = np.random.default_rng(0)
    samples = random.normal(size=(8, 6, 4, 5)).astype("float32")
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), representative_data=samples, recommend=False
    )
    for length in {6, shape[0] or 9}:
        data = {"x": random.normal(size=(1, length, 4, 5)).astype("float32")}
        wanted, got = keras_outputs(model, data), file_outputs(variant.path, data)
        for of_keras, of_file in zip(wanted, got, strict=True):
            np.testing.assert_allclose(of_file, of_keras, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(("shape", "batch"), [((4, 3), 1), ((4, 3), None), ((None, 3), None)])
def test_nothing_of_an_axis_agrees_with_keras(shape, batch, format_name, tmp_path):
    x = keras.Input(shape, name="x")
    parts = [ops.concatenate([x[..., :0], x], -1), x + ops.sum(x[:, :, :0], 2, keepdims=True)]
    model = keras.Model(x, [*parts, x + ops.sum(x[:, :0, 1:], axis=(1, 2), keepdims=True)])
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    data = {"x": np.random.default_rng(0).normal(size=(3, 4, 3)).astype("float32")}
    got, wanted = file_outputs(variant.path, data), keras_outputs(model, data)
    for own, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-6)
