"""Saved Lambda layers: their code is loaded with the names that it had where it was written."""

import importlib
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import file_outputs
from keras import layers, ops
from littoral.errors import ConversionError
from littoral_converters import convert

K = tf.keras.backend
TWICE = 2.0

USUAL = {
    "ops": lambda x: ops.sum(x, axis=-1, keepdims=True),
    "keras": lambda x: keras.ops.square(x),
    "tensorflow": lambda x: tf.nn.softplus(x) * np.float32(0.5),
    "backend": lambda x: K.l2_normalize(x, axis=-1),
    "defaults": lambda x, at=2, scale=0.5: x[:, at:] * scale,
    "inner": lambda x: ops.stack([ops.tanh(x[:, at]) for at in range(4)], axis=-1),
}


def saved(function, path):
    """A model with a Lambda layer, and the file that Keras wrote of it."""
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Lambda(function, name="nameless")(inputs))
    model.save(path)
    return model


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".keras") for name in USUAL), ("defaults", ".h5")]
)
def test_a_saved_lambda_has_the_names_that_everybody_uses(name, suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    model = saved(USUAL[name], path)
    data = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    (variant,) = convert(path, tmp_path, formats=("onnx",), allow_unsafe=True, recommend=False)
    (got,) = file_outputs(variant.path, {"x": data})
    np.testing.assert_allclose(got, np.asarray(model(data)), rtol=1e-5, atol=1e-6)


def test_a_saved_lambda_has_the_names_of_its_own_module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "bending.py").write_text(
        "def bent(x):\n    return x * x\nbend = lambda x: bent(x)\n"
    )
    path = tmp_path / "net.keras"
    try:
        model = saved(importlib.import_module("bending").bend, path)
    finally:
        sys.modules.pop("bending", None)
    options = {"formats": ("onnx",), "allow_unsafe": True, "recommend": False}
    with pytest.raises(ConversionError, match=r"'bent' is not defined, .*--import FILE\.py"):
        convert(path, tmp_path, **options)
    (variant,) = convert(path, tmp_path, modules=[tmp_path / "bending.py"], **options)
    data = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    (got,) = file_outputs(variant.path, {"x": data})
    np.testing.assert_allclose(got, np.asarray(model(data)), rtol=1e-6)


def test_a_name_that_a_lambda_misses_when_it_is_called_is_told(tmp_path):
    inputs = keras.Input((4,), name="x")
    shaped = layers.Lambda(lambda x: x * TWICE, output_shape=(4,), name="nameless")
    keras.Model(inputs, shaped(inputs)).save(tmp_path / "net.keras")
    with pytest.raises(ConversionError, match=r"'nameless' .*'TWICE' is not defined; .*--import"):
        convert(tmp_path / "net.keras", tmp_path, formats=("onnx",), allow_unsafe=True)


@keras.saving.register_keras_serializable("littoral_tests")
class Scaled(layers.Layer):
    """A layer that takes none of what Keras says to every layer."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def call(self, x):
        return x * self.scale


def test_a_layer_that_keras_cannot_make_anew_is_named_with_its_reason(tmp_path):
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, Scaled(3.0)(inputs))
    model.save(tmp_path / "net.keras")
    words = r"Scaled cannot be made .*unexpected keyword argument.*\*\*kwargs.*from memory"
    with pytest.raises(ConversionError, match=words):
        convert(tmp_path / "net.keras", tmp_path, formats=("onnx",))
    assert convert(model, tmp_path, formats=("onnx",))[0].verification.passed
