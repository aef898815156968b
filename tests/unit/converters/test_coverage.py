"""Every layer of Keras, and what people build of layers, in both formats, as float32 and int8."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from converted import feeds, file_outputs, keras_outputs, randomize
from idiom_models import MODELS
from keras import layers
from littoral.errors import ConversionError
from littoral_converters import convert
from littoral_converters.lowering import every_layer

FORMATS = ("tflite", "onnx")
LIMITS = {"float32": 1e-4, "static_int8": 0.1}
QUICK = (
    "conv2d_groups",
    "conv2d_transpose_dilated",
    "max_pool3d",
    "resizing_up_lanczos3",
    "stft_log",
    "discretization_int",
    "lstm",
    "encoder",
)
"""One model for each lowering that a layer family has."""

WITHOUT_MODEL = {
    "Equalization": "Keras itself fails to build it in a functional model",
    "FlaxLayer": "needs a Flax module",
    "HashedCrossing": "refused: strings",
    "Hashing": "refused: strings",
    "InputSpec": "no layer",
    "JaxLayer": "needs a JAX function",
    "Layer": "the base of all",
    "MaxNumBoundingBoxes": "prepares training labels",
    "Pipeline": "a list of preprocessing layers, run before a model",
    "StringLookup": "refused: strings",
    "TFSMLayer": "a SavedModel, not layers",
    "TextVectorization": "refused: strings",
    "TorchModuleWrapper": "needs PyTorch",
    "Wrapper": "the base of wrappers",
}


def errors_of(name, folder):
    """Largest error over the output's range by format and scheme, all files made in one call."""
    model = randomize(MODELS[name]())
    data = feeds(model, 1, seed=0)
    wanted = keras_outputs(model, data)
    variants = convert(
        model,
        folder,
        formats=FORMATS,
        schemes=tuple(LIMITS),
        representative_data=feeds(model, 32, seed=2),
    )
    errors = {}
    for variant in variants:
        got = file_outputs(variant.path, data)
        assert [values.shape for values in got] == [values.shape for values in wanted]
        errors[variant.format, variant.scheme] = max(
            float(np.abs(w.astype("f8") - g).max() / (1e-6 + np.abs(w).max()))
            for w, g in zip(wanted, got, strict=True)
        )
    return errors


def check(name, folder):
    for (format_name, scheme), error in errors_of(name, folder).items():
        assert error < LIMITS[scheme], (name, format_name, scheme, error)


@pytest.mark.parametrize("name", QUICK)
def test_lowered_layers_convert(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(MODELS) - set(QUICK)))
def test_every_model_converts(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["max_pool3d", "conv2d_groups", "stft_log", "integer_lookup"])
def test_lowered_layers_take_any_batch(name, tmp_path):
    model = randomize(MODELS[name]())
    data = feeds(model, 3, seed=0)
    for variant in convert(model, tmp_path, batch=None):
        for got, wanted in zip(
            file_outputs(variant.path, data), keras_outputs(model, data), strict=True
        ):
            np.testing.assert_allclose(got, wanted, atol=1e-4 * np.abs(wanted).max())


class Unspeakable(layers.Layer):
    """A layer of an operator that neither format has."""

    def call(self, inputs):
        return tf.linalg.svd(inputs, compute_uv=False)


class Untraceable(layers.Layer):
    """A layer that works on any batch but one."""

    def call(self, inputs):
        if inputs.shape[0] == 1:
            raise ValueError("no single sample")
        return inputs


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("layer", "dtype", "words"),
    [
        (Unspeakable(name="odd"), "float32", r"layer 'odd' \(Unspeakable\): .*Svd.*without it"),
        (Untraceable(name="shy"), "float32", r"layer 'shy' \(Untraceable\).*no single sample"),
        (layers.Hashing(4, name="hash"), "int32", r"layer 'hash' \(Hashing\).*strings.*before"),
        (layers.StringLookup(vocabulary=["a"]), "string", r"input 'x' .*strings.*before"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_layer(layer, dtype, words, format_name, tmp_path):
    inputs = keras.Input((4, 4), dtype=dtype, name="x")
    model = keras.Model(inputs, layer(inputs))
    with pytest.raises(ConversionError, match=words) as raised:
        convert(model, tmp_path, formats=(format_name,))
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_class_of_keras_layers_has_a_model_or_a_reason():
    covered = set()
    for make in MODELS.values():
        model = make()
        covered |= {kind for part in every_layer(model) for kind in type(part).__mro__[:1]}
        covered |= {type(cell) for part in every_layer(model) for cell in _cells(part)}
    missing = [
        name
        for name, kind in inspect.getmembers(layers, inspect.isclass)
        if kind not in covered and name not in WITHOUT_MODEL
    ]
    assert not missing
    assert set(WITHOUT_MODEL) <= set(dir(layers))


def _cells(part):
    cell = getattr(part, "cell", None)
    return [] if cell is None else [cell, *getattr(cell, "cells", [])]
