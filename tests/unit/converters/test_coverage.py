"""Every layer of Keras, and what people build of layers, in both formats, as float32 and int8."""

import application_models
import keras
import numpy as np
import pytest
import tensorflow as tf
from architecture_models import MODELS
from converted import feeds, file_outputs, keras_outputs, randomize
from coverage_run import ROOT, WITHOUT_MODEL, check, classes_in, classes_of_keras
from keras import layers
from littoral.errors import ConversionError
from littoral_converters import convert

FORMATS = ("tflite", "onnx")
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

ARCHITECTURES = ("mobilenet", "mobilenet_v2")
"""The quickest of the whole architectures; `make coverage` has every one."""


def failures(rows):
    return [(row.format, row.scheme, row.error, row.refusal) for row in rows if not row.passed]


@pytest.mark.parametrize("name", QUICK)
def test_lowered_layers_convert(name):
    assert not failures(check(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*MODELS, *ARCHITECTURES} - {*QUICK}))
def test_every_model_converts(name):
    rows = check(name)
    assert len(rows) == 4
    assert not failures(rows)


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


def test_layers_that_keras_quantized_to_float8_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((16,)), layers.Dense(32, name="wide")])
    model.quantize("float8", filters=["wide"])
    with pytest.raises(ConversionError, match=r"layer 'wide' \(Dense\).*before quantize"):
        convert(model, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_class_of_keras_layers_has_a_model_or_a_reason():
    covered = {kind for make in MODELS.values() for kind in classes_in(make())}
    assert not set(classes_of_keras()) - covered - set(WITHOUT_MODEL)
    assert set(WITHOUT_MODEL) <= set(dir(layers))


def test_every_family_of_keras_applications_has_a_model():
    modules = {
        name
        for name in dir(keras.applications)
        if hasattr(getattr(keras.applications, name), "preprocess_input")
    }
    # resnet50 is an older name of resnet.
    assert modules - {"imagenet_utils", "resnet50"} == set(application_models.SMALLEST)


def test_the_readme_shows_every_class_and_architecture():
    table = (ROOT / "README.md").read_text().partition("<!-- coverage -->")[2]
    shown = {line.split("|")[1].split(",")[0].strip() for line in table.splitlines() if "|" in line}
    assert {name for name, _ in application_models.SMALLEST.values()} <= shown
    assert set(classes_of_keras()) <= shown
