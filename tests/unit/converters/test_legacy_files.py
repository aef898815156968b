"""Files that another Keras wrote: Keras 2's .h5, held against its own numbers, and newer ones."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import littoral
import numpy as np
import packages
import pytest
from keras import layers, ops
from littoral.errors import ConversionError, FormatError
from littoral_converters import convert

SCRIPT = Path(__file__).with_name("keras_2_files.py")
KERAS_2 = "tf_keras==2.21.0"
MODELS = ("vision", "sequences", "films", "translation", "attention", "nested", "chains", "halves")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A folder of files that Keras 2 wrote, and of what it answers."""
    folder = tmp_path_factory.mktemp("keras_2")
    environment = {**os.environ, "PYTHONPATH": str(packages.installed(KERAS_2))}
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_what_keras_2_wrote_says_what_keras_2_said(name, old, tmp_path):
    with np.load(old / f"{name}.npz") as arrays:
        wanted = [arrays[key] for key in arrays.files if key.startswith("output_")]
        data = [arrays[key] for key in arrays.files if not key.startswith("output_")]
    before = (old / f"{name}.h5").read_bytes()
    for variant in convert(old / f"{name}.h5", tmp_path, recommend=False):
        with littoral.load(variant.path) as file:
            results = file.run(data if len(data) > 1 else data[0])
        results = list(results.values()) if isinstance(results, dict) else [results]
        for got, want in zip(results, wanted, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())
    assert (old / f"{name}.h5").read_bytes() == before


@pytest.mark.filterwarnings("ignore:.*HDF5")
@pytest.mark.parametrize("is_list", [True, False])
def test_a_chain_of_the_first_keras_2_tells_its_input_in_its_first_layer(is_list, tmp_path):
    dense = {"name": "first", "trainable": True, "units": 3, "activation": "tanh", "use_bias": True}
    chain = [
        {"class_name": "Dense", "config": {**dense, "batch_input_shape": [None, 4]}},
        {"class_name": "Dense", "config": {**dense, "name": "second"}},
    ]
    config = {"class_name": "Sequential", "config": chain if is_list else {"layers": chain}}
    model = keras.Sequential([keras.Input((4,))] + [layers.Dense(3, "tanh") for _ in range(2)])
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.1.6"
    data = np.random.default_rng(0).normal(size=(1, 4)).astype("float32")
    (variant,) = convert(tmp_path / "model.h5", tmp_path, formats=("onnx",))
    with littoral.load(variant.path) as file:
        assert [spec.name for spec in file.inputs] == ["first_input"]
        np.testing.assert_allclose(file.run(data), model(data), atol=1e-5)


REFUSED = [
    ("layers.keras", r"written by Keras 2\.21\.0.*save it as \.h5"),
    ("function.h5", "is a TFOpLambda, which only Keras 2 has.*SavedModel"),
    ("axes.h5", r"several axes \[1, 2\], which Keras 3 does not read"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_what_only_keras_2_reads_is_refused_with_a_way_out(name, words, old, tmp_path):
    with pytest.raises(ConversionError, match=words):
        convert(old / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_keras_3s_own_legacy_file_keeps_its_functions(tmp_path):
    x = keras.Input((6, 4), name="x")
    seen = layers.Activation("hard_sigmoid")(layers.Attention()([layers.Dense(4)(x), x]))
    model = keras.Model(x, seen)
    model.save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.weights-and-all")
    data = np.random.default_rng(0).normal(size=(1, 6, 4)).astype("float32")
    (variant,) = convert(tmp_path / "model.weights-and-all", tmp_path, formats=("onnx",))
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), model(data), atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_operations_between_the_layers_of_a_legacy_file_are_no_layers(tmp_path):
    words = keras.Input((6,), dtype="int32", name="words")
    told = layers.Embedding(9, 4, mask_zero=True)(words)
    heard = layers.LSTM(4, return_sequences=True)(told) + told
    scores = ops.softmax(ops.einsum("bik,bjk->bij", heard, heard), axis=1)
    model = keras.Model(words, layers.Dot(1)([scores, heard]))
    model.save(tmp_path / "model.h5")
    data = np.int32([[3, 1, 4, 1, 0, 0]])
    (variant,) = convert(tmp_path / "model.h5", tmp_path, formats=("onnx",))
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), model(data), atol=1e-5)


def test_weights_alone_are_no_model(tmp_path):
    keras.Sequential([keras.Input((4,)), layers.Dense(2)]).save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(FormatError, match=r"weights alone.*load_weights"):
        convert(tmp_path / "a.weights.h5", tmp_path / "out")


def test_a_file_of_a_newer_keras_says_so_if_it_does_not_load(tmp_path):
    keras.Sequential([keras.Input((4,)), layers.Dense(2)]).save(tmp_path / "here.keras")
    with (
        zipfile.ZipFile(tmp_path / "here.keras") as here,
        zipfile.ZipFile(tmp_path / "newer.keras", "w") as newer,
    ):
        for name in here.namelist():
            content = here.read(name).replace(b'"units": 2', b'"units": 2, "shiny": true')
            content = content.replace(keras.__version__.encode(), b"3.99.0")
            newer.writestr(name, content)
    with pytest.raises(FormatError, match=r"Keras 3\.99\.0, which is newer.*--upgrade keras"):
        convert(tmp_path / "newer.keras", tmp_path / "out")
