import dataclasses
import json
import zipfile

import keras
import numpy as np
import pytest
from littoral.card import Card
from littoral.errors import InputError
from littoral.integrity import read_card
from littoral_models import backend, checkpoint, recipes, training
from littoral_models.data import Dataset
from littoral_models.recipes import Recipe

TINY = Recipe(
    "tiny",
    "mlp",
    "none",
    {"width": 8, "depth": 1, "normalization": "none"},
    epochs=4,
    batch_size=16,
    learning_rate=0.03,
    patience=0,
)


def blobs(count=400, classes=3, seed=0):
    """Points around the corners of a simplex: a problem that a dense layer solves."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, classes, count)
    x = (5 * np.eye(classes)[y] + draw.normal(size=(count, classes))).astype("float32")
    half = count // 2
    return Dataset(
        name="blobs",
        x_train=x[:half],
        y_train=y[:half],
        x_test=x[half:],
        y_test=y[half:],
        labels=tuple("abc"[:classes]),
        preprocessing=({"step": "tabular", "columns": list("uvw")},),
        card={"name": "blobs", "licence": "none"},
        input_name="point",
    )


def weights(trained):
    return np.concatenate([w.ravel() for w in trained.model.get_weights()])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "deep" / "model.keras"
    return training.train(TINY, dataset=blobs(), out=out)


def test_accuracy_is_the_share_that_numpy_counts(trained):
    scores = trained.model.predict(trained.data.x_test, verbose=0)
    assert trained.accuracy == pytest.approx(np.mean(scores.argmax(1) == trained.data.y_test))
    assert trained.accuracy > 0.9
    assert len(trained.history) == TINY.epochs


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    samples = blobs()
    first, again, other = (
        weights(training.train(TINY, dataset=samples, seed=seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert np.abs(first - other).max() > 0.01


class Interrupted(Exception):
    pass


@pytest.mark.slow
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SAVE_EVERY_SECONDS", 0)
    samples = blobs()
    straight = training.train(TINY, dataset=samples, out=tmp_path / "straight.keras")
    end_of_epoch = checkpoint.Checkpoint.on_epoch_end

    def interrupt(self, epoch, logs=None):
        end_of_epoch(self, epoch, logs)
        if epoch == 2:
            raise Interrupted

    monkeypatch.setattr(checkpoint.Checkpoint, "on_epoch_end", interrupt)
    with pytest.raises(Interrupted):
        training.train(TINY, dataset=samples, out=tmp_path / "cut.keras")
    monkeypatch.setattr(checkpoint.Checkpoint, "on_epoch_end", end_of_epoch)
    assert [path.name for path in tmp_path.glob("cut*")] == ["cut.checkpoint"]
    resumed = training.train(TINY, dataset=samples, out=tmp_path / "cut.keras", resume=True)
    np.testing.assert_allclose(weights(resumed), weights(straight), atol=1e-6)
    assert [h["val_loss"] for h in resumed.history] == pytest.approx(
        [h["val_loss"] for h in straight.history], abs=1e-5
    )
    assert not (tmp_path / "cut.checkpoint").exists()


@pytest.mark.slow
def test_a_checkpoint_of_another_training_or_a_damaged_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SAVE_EVERY_SECONDS", 0)
    monkeypatch.setattr(checkpoint.Checkpoint, "discard", lambda self: None)
    out = tmp_path / "m.keras"
    training.train(TINY, dataset=blobs(), out=out, epochs=1)
    with pytest.raises(InputError, match="other settings"):
        training.train(TINY, dataset=blobs(), out=out, width=8, resume=True)
    (tmp_path / "m.checkpoint").write_bytes(b"PK\x03\x04 junk")
    with pytest.raises(InputError, match="cannot be read"):
        training.train(TINY, dataset=blobs(), out=out, resume=True)


@pytest.mark.slow
def test_training_stops_early_with_the_best_weights():
    samples = blobs()
    stopped = training.train(
        dataclasses.replace(TINY, epochs=50, learning_rate=0.2, patience=2), dataset=samples
    )
    values = [(h["val_accuracy"], -h["val_loss"]) for h in stopped.history]
    best = values.index(max(values))
    assert len(values) == best + 1 + 2 < 50
    order = np.random.default_rng(1).permutation(len(samples.x_train))[: len(samples.x_train) // 10]
    scores = stopped.model.predict(samples.x_train[order], verbose=0)
    right = np.mean(scores.argmax(1) == samples.y_train[order])
    assert right == pytest.approx(values[best][0])
    picked = scores[np.arange(len(order)), samples.y_train[order]]
    assert np.mean(-np.log(picked + 1e-7)) == pytest.approx(-values[best][1], abs=1e-3)


def test_the_file_loads_in_keras_and_says_what_it_is(trained):
    out, samples = trained.path, trained.data
    loaded = keras.models.load_model(out)
    np.testing.assert_allclose(
        loaded.predict(samples.x_test, verbose=0),
        trained.model.predict(samples.x_test, verbose=0),
        atol=1e-6,
    )
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        fields = json.loads(archive.read("littoral_card.json"))
    assert fields["schema"] == 1
    assert fields["inputs"][0]["name"] == "point"
    assert fields["inputs"][0]["shape"] == [None, 3]
    assert fields["inputs"][0]["preprocessing"] == [{"step": "tabular", "columns": ["u", "v", "w"]}]
    assert fields["outputs"][0]["name"] == "scores"
    assert fields["outputs"][0]["labels"] == ["a", "b", "c"]
    assert fields["data"]["licence"] == "none"
    assert float(fields["data"]["test_accuracy"]) == pytest.approx(trained.accuracy, abs=1e-4)
    assert fields["versions"]["keras"] == keras.__version__
    card = read_card(out.read_bytes())
    assert isinstance(card, Card)
    assert (card.name, card.family, card.format) == ("tiny", "mlp", "keras")
    assert [path.name for path in out.parent.iterdir()] == ["model.keras"]


@pytest.mark.slow
def test_on_an_accelerator_training_is_mixed_and_the_result_is_float32(monkeypatch, tmp_path):
    """The CPU plays the accelerator: precision follows the policy, not the device."""
    seen = []
    fit = training._fit

    def spy(model, *arguments):
        seen.append(model.get_layer("dense_1").compute_dtype)
        return fit(model, *arguments)

    monkeypatch.setattr(backend, "accelerators", lambda: ["gpu:0"])
    monkeypatch.setattr(training, "_fit", spy)
    out = tmp_path / "mixed.keras"
    trained = training.train(TINY, dataset=blobs(), out=out)
    assert seen == ["float16"]
    assert keras.config.dtype_policy().name == "float32"
    loaded = keras.models.load_model(out)
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    assert trained.accuracy > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": -1}, "batch_size must be at least 1"),
        ({"seed": -1}, "seed must lie in"),
        ({"width": 0}, "at least 1"),
        ({"cell": "gru"}, "no setting cell"),
        ({"out": "model.h5"}, "must end in .keras"),
        ({"out": "/proc/nowhere/model.keras"}, "cannot write"),
    ],
)
def test_settings_that_cannot_be(options, words):
    with pytest.raises(InputError) as caught:
        training.train(TINY, dataset=blobs(), **options)
    assert words in str(caught.value)


def test_a_folder_in_the_file_s_place(tmp_path):
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        training.train(TINY, dataset=blobs(), out=tmp_path / "model.keras")


def test_data_of_another_kind_than_the_recipe_s():
    with pytest.raises(InputError, match=r"\[height, width, channels\]"):
        training.train(dataclasses.replace(TINY, family="cnn", config={}), dataset=blobs())
    with pytest.raises(InputError, match="train an mlp"):
        training.train(dataclasses.replace(TINY, family="transformer", config={}), dataset=blobs())


@pytest.mark.slow
def test_a_transformer_s_vocabulary_grows_with_the_tokens():
    draw = np.random.default_rng(0)
    tokens = draw.integers(0, 1000, (40, 4)).astype("int32")
    tokens[0, 0] = 999
    samples = dataclasses.replace(blobs(80), x_train=tokens, x_test=tokens)
    recipe = dataclasses.replace(
        TINY, family="transformer", config={"width": 4, "heads": 1, "depth": 1}, epochs=1
    )
    trained = training.train(recipe, dataset=samples)
    assert trained.model.get_layer("embedding").input_dim == 1000


def test_recipes_by_name():
    assert set(recipes.RECIPES) == {"mlp", "cnn", "lstm", "gru", "transformer"}
    assert recipes.find("rnn") == recipes.RECIPES["lstm"]
    assert recipes.find("cnn", full=True).epochs > recipes.find("cnn").epochs
    with pytest.raises(InputError, match="unknown recipe 'quantum': choose from mlp, cnn"):
        recipes.find("quantum")


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_fast_variant_is_less_work_on_the_same_model(name):
    usual, fast = recipes.find(name), recipes.find(name, fast=True)
    assert fast.config == usual.config
    assert fast.epochs < usual.epochs


def test_half_of_the_images_are_mirrored_and_another_half_the_next_time():
    images = np.random.default_rng(0).random((400, 5, 6, 2)).astype("float32")
    mirrored = np.stack([np.fliplr(image) for image in images])
    found = [training._mirrored(images.copy(), (1, epoch)) for epoch in (0, 1)]
    turned = [(x == mirrored).all(axis=(1, 2, 3)) for x in found]
    for x, was_turned in zip(found, turned, strict=True):
        np.testing.assert_array_equal(x[~was_turned], images[~was_turned])
        assert 150 < was_turned.sum() < 250
    assert (turned[0] != turned[1]).any()


FLOORS = {"mlp": 0.955, "cnn": 0.88, "lstm": 0.97, "gru": 0.97, "transformer": 0.93}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOORS)
def test_a_recipe_reaches_its_floor(name):
    assert training.train(name, seed=0).accuracy >= FLOORS[name]
