import json
import os
import subprocess
import sys

import keras
import littoral_models
import numpy as np
import pytest
from littoral.errors import InputError
from littoral_models import families

BUDGET = 300_000

VARIANTS = [
    ("mlp", {}),
    ("mlp", {"shape": (4,), "classes": 3, "width": 8, "depth": 1, "normalization": "layer"}),
    ("mlp", {"shape": (4,), "classes": 3, "width": 8, "depth": 4, "normalization": "none"}),
    ("cnn", {}),
    ("cnn", {"shape": (33, 20, 3), "classes": 2, "width": 8, "depth": 3}),
    ("rnn", {}),
    ("rnn", {"cell": "gru", "depth": 2, "bidirectional": True, "width": 16}),
    ("rnn", {"shape": (7, 3), "classes": 2, "cell": "lstm", "bidirectional": True, "width": 4}),
    ("transformer", {}),
    ("transformer", {"patch": 2, "heads": 2, "width": 32, "depth": 1}),
    ("transformer", {"shape": (28, 28, 1), "patch": 7, "width": 16, "classes": 10}),
]


def samples(model, count=3):
    (source,) = model.inputs
    draw = np.random.default_rng(0)
    shape = (count, *source.shape[1:])
    if source.dtype == "int32":
        return draw.integers(0, 250, shape).astype("int32")
    return draw.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("family", "config"), VARIANTS)
def test_a_family_gives_probabilities_within_the_budget(family, config):
    model = littoral_models.build(family, **config)
    scores = model.predict(samples(model), verbose=0)
    classes = config.get("classes", families.plugins.load(families, family).Config().classes)
    assert scores.shape == (3, classes)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert model.output_names == ["scores"]
    assert model.count_params() <= BUDGET


@pytest.mark.parametrize(("family", "config"), VARIANTS)
def test_a_model_is_made_of_keras_layers_alone(family, config):
    model = littoral_models.build(family, **config)
    modules = {type(layer).__module__.partition(".")[0] for layer in model._flatten_layers()}
    assert modules == {"keras"}


@pytest.mark.parametrize("family", families.names())
def test_width_and_depth_make_a_model_larger(family):
    small, wide, deep = (
        littoral_models.build(family, width=width, depth=depth).count_params()
        for width, depth in ((8, 1), (16, 1), (8, 2))
    )
    assert wide > small
    assert deep > small


def test_inputs_are_called_what_they_are():
    found = {name: families.build(name).inputs[0].name for name in families.names()}
    assert found == {
        "mlp": "features",
        "cnn": "image",
        "rnn": "sequence",
        "transformer": "tokens",
    }


@pytest.mark.parametrize(("family", "shape"), [("mlp", (5,)), ("rnn", (9, 5))])
def test_features_are_standardized_by_what_is_no_padding(family, shape):
    model = littoral_models.build(family, shape=shape)
    x = np.random.default_rng(3).normal(7, 3, size=(200, *shape)).astype("float32")
    x[..., 2] = 4
    families.adapt(model, np.pad(x, ((0, 0), (0, 6), (0, 0))) if x.ndim > 2 else x)
    until = keras.Model(model.input, model.get_layer("standardize").output)
    rows = until.predict(x, verbose=0).reshape(-1, 5)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=0), [1, 1, 0, 1, 1], atol=1e-5)


@pytest.mark.parametrize("config", [{"cell": "lstm"}, {"cell": "gru", "bidirectional": True}])
def test_padding_does_not_change_what_a_sequence_means(config):
    short = littoral_models.build("rnn", shape=(5, 13), **config)
    long = littoral_models.build("rnn", shape=(12, 13), **config)
    long.set_weights(short.get_weights())
    x = np.random.default_rng(1).normal(size=(4, 5, 13)).astype("float32")
    padded = np.pad(x, ((0, 0), (0, 7), (0, 0)))
    np.testing.assert_allclose(
        long.predict(padded, verbose=0), short.predict(x, verbose=0), atol=1e-6
    )


def test_the_image_transformer_cuts_patches_as_numpy_does():
    model = littoral_models.build("transformer", shape=(8, 12, 2), patch=4, width=8, heads=2)
    cut = keras.Model(model.input, model.get_layer("patches").output)
    image = np.random.default_rng(2).normal(size=(1, 8, 12, 2)).astype("float32")
    blocks = [image[0, r : r + 4, c : c + 4].ravel() for r in (0, 4) for c in (0, 4, 8)]
    np.testing.assert_array_equal(cut.predict(image, verbose=0)[0], np.stack(blocks))


@pytest.mark.parametrize(
    ("family", "config", "words"),
    [
        ("perceptron", {}, "unknown family 'perceptron'"),
        ("mlp", {"widht": 3}, "no setting widht"),
        ("mlp", {"width": 0}, "at least 1"),
        ("mlp", {"depth": 1.5}, "whole number"),
        ("mlp", {"shape": (3, 4)}, "rows of features"),
        ("mlp", {"normalization": "group"}, "choose from batch"),
        ("cnn", {"shape": (28, 28)}, "[height, width, channels]"),
        ("cnn", {"shape": (4, 4, 1)}, "at least 8 pixels"),
        ("rnn", {"shape": (28, 28, 1)}, "sequences"),
        ("rnn", {"cell": "rnn"}, "choose from lstm, gru"),
        ("transformer", {"width": 30}, "multiple of 4 heads"),
        ("transformer", {"shape": (27, 28, 1)}, "4x4 patches"),
        ("transformer", {"shape": (63,)}, "groups of 4"),
    ],
)
def test_settings_that_do_not_fit_are_explained(family, config, words):
    with pytest.raises(InputError) as caught:
        littoral_models.build(family, **config)
    assert words in str(caught.value)


OTHER_BACKEND = """
import json, sys
sys.modules["tensorflow"] = None  # importing it fails, as where it is not installed
import numpy as np
import keras, littoral_models
from littoral_models import checkpoint, data, families, keras_file, recipes, training
found = {"backend": keras.backend.backend()}
for name, path in json.loads(sys.argv[1]).items():
    x = np.load(path + ".npy")
    found[name] = np.asarray(keras.models.load_model(path).predict(x, verbose=0)).tolist()
trained = training.train(
    recipes.Recipe("mlp", "mlp", "letter", {"width": 64}, epochs=3)
)
found["accuracy"] = trained.accuracy
print(json.dumps(found))
"""


@pytest.mark.slow
def test_every_family_runs_without_tensorflow(tmp_path):
    """JAX stands for all other backends; TensorFlow cannot be imported in that process."""
    paths, expected = {}, {}
    for name in families.names():
        model = littoral_models.build(name)
        x = samples(model, 2)
        paths[name] = str(tmp_path / f"{name}.keras")
        model.save(paths[name])
        np.save(paths[name] + ".npy", x)
        expected[name] = model.predict(x, verbose=0)
    done = subprocess.run(
        [sys.executable, "-c", OTHER_BACKEND, json.dumps(paths)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found.pop("backend") == "jax"
    assert found.pop("accuracy") > 0.8
    for name, scores in expected.items():
        np.testing.assert_allclose(found[name], scores, atol=1e-5, err_msg=name)
