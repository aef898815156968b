"""A model that was made on another backend converts from memory and from its file."""

import os
import subprocess
import sys
from pathlib import Path

import littoral
import numpy as np
import pytest
from littoral_converters import convert
from littoral_models import data

TRAINED = Path(__file__).parents[2] / "golden" / "trained"

MAKE = """
import sys
import keras, numpy as np
from keras import layers
from littoral_converters import convert

assert keras.backend.backend() == "jax"
inputs = keras.Input((6, 4), name="steps")
h = layers.Bidirectional(layers.GRU(4, return_sequences=True))(inputs)
h = h + layers.MultiHeadAttention(2, 4)(h, h)
model = keras.Model(inputs, layers.Dense(3, "softmax", name="scores")(layers.Flatten()(h)))
model.compile("adam", "sparse_categorical_crossentropy")
random = np.random.default_rng(0)
data = random.normal(size=(32, 6, 4)).astype("float32")
model.fit(data, random.integers(0, 3, 32), verbose=0)
np.savez(sys.argv[1] + "/seen.npz", steps=data, scores=np.asarray(model(data)))
model.save(sys.argv[1] + "/model.keras")
convert(model, sys.argv[1] + "/memory")
"""


@pytest.mark.slow
def test_a_model_trained_on_jax_converts(tmp_path):
    subprocess.run(
        [sys.executable, "-c", MAKE, str(tmp_path)],
        check=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    with np.load(tmp_path / "seen.npz") as seen:
        steps, scores = seen["steps"], seen["scores"]
    paths = [variant.path for variant in convert(tmp_path / "model.keras", tmp_path / "file")]
    paths += sorted((tmp_path / "memory").iterdir())
    assert len(paths) == 4
    for path in paths:
        with littoral.load(path) as file:
            assert [spec.name for spec in (*file.inputs, *file.outputs)] == ["steps", "scores"]
            np.testing.assert_allclose(file.run(steps), scores, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jax_gru", "torch_lstm"])
def test_a_model_trained_on_a_gpu_says_what_it_said_there(name, tmp_path):
    spoken = data.load("spoken_digits")
    with np.load(TRAINED / "scores.npz") as scores:
        said = scores[name]
    digits, truth = spoken.x_test[: len(said)].astype("float32"), spoken.y_test[: len(said)]
    assert (said.argmax(axis=-1) == truth).mean() >= 0.97
    variants = convert(
        TRAINED / f"{name}.keras",
        tmp_path,
        schemes=("float32", "static_int8"),
        representative_data=spoken.x_train[:200].astype("float32"),
        recommend=False,
    )
    assert len(variants) == 4
    for variant in variants:
        with littoral.load(variant.path) as model:
            scores = model.run(digits)
        if variant.scheme == "float32":
            np.testing.assert_allclose(scores, said, atol=1e-5)
        assert (scores.argmax(axis=-1) != said.argmax(axis=-1)).mean() <= 0.01


@pytest.mark.slow
def test_names_that_only_jax_takes_are_kept_outside_and_mended_inside(tmp_path):
    path = tmp_path / "spaces.keras"
    code = (
        "import keras, sys\n"
        "inputs = keras.Input((12,), name='my input: x')\n"
        "hidden = keras.layers.Dense(16, 'relu', name='größe (1)')(inputs)\n"
        "outputs = keras.layers.Dense(4, 'softmax', name='scores [%]')(hidden)\n"
        "keras.Model(inputs, outputs, name='_my model').save(sys.argv[1])\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)
    for variant in convert(path, tmp_path / "out", recommend=False):
        with littoral.load(variant.path) as model:
            assert [spec.name for spec in model.inputs] == ["my input: x"]
            assert [spec.name for spec in model.outputs] == ["scores [%]"]
