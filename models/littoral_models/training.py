"""Training: one loop for every recipe, from data to a .keras file that knows what it is."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from littoral.errors import InputError
from littoral.progress import Progress
from numpy.typing import NDArray

from littoral_models import backend, data, families, keras_file, recipes
from littoral_models.checkpoint import Checkpoint
from littoral_models.data import Dataset
from littoral_models.recipes import Recipe

VALIDATION_SHARE = 0.1
"""Share of the training samples that choose the best epoch; test samples never do."""

MOST_VALIDATION = 1000
"""Validation samples at most: more would take longer than they tell apart epochs better."""

EVALUATION_BATCH = 500
"""Divides the embedded sets' validation and test parts: the backend compiles for one size only."""

_WARMUP_SHARE = 0.2


@dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        model: The model, float32, with the best weights.
        recipe: What it was trained by.
        data: What it was trained on.
        path: Where it was saved, None when it was not.
        accuracy: Share of the test samples it classifies right.
        history: Loss, accuracy, validation loss and accuracy of each epoch.
        seconds: Wall time of the training, without saving.
    """

    model: keras.Model
    recipe: Recipe
    data: Dataset
    path: Path | None
    accuracy: float
    history: tuple[Mapping[str, float], ...]
    seconds: float


def train(
    recipe: str | Recipe,
    *,
    out: str | os.PathLike[str] | None = None,
    dataset: str | os.PathLike[str] | Dataset | None = None,
    fast: bool = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 1,
    resume: bool = False,
    **config: Any,
) -> Trained:
    """Train a recipe.

    The same seed, data and backend give the same weights on the same machine.

    Args:
        recipe: A recipe or its name.
        out: The .keras file to write, None to write none.
        dataset: A set, its name, ``"full"`` for the whole of the recipe's own, or the path of
            people's own data; None for the recipe's.
        fast: Take the recipe's fast variant.
        epochs: Instead of the recipe's.
        batch_size: Instead of the recipe's.
        seed: Of the weights, the shuffling and the dropout.
        resume: Go on from ``OUT.checkpoint`` of a training that was interrupted.
        **config: Fields of the family's `Config` instead of the recipe's.

    Returns:
        The model and its figures.

    Raises:
        InputError: Unknown recipe or setting, data that do not fit, or a place that cannot be
            written to.
    """
    started = time.monotonic()
    if isinstance(recipe, str):
        recipe = recipes.find(recipe, fast=fast, full=dataset == "full")
    recipe = _adjusted(recipe, epochs, batch_size, config)
    samples = dataset if isinstance(dataset, Dataset) else _load(recipe, dataset)
    recipe, samples = _fitted(recipe, samples)
    path = None if out is None else keras_file.destination(out)
    if not 0 <= seed < 2**32:
        raise InputError(f"seed must lie in 0..{2**32 - 1}, not {seed}")
    keras.utils.set_random_seed(seed)
    with backend.accelerated():
        model = _build(recipe, samples)
        history = _fit(model, recipe, samples, seed, path, resume)
    if backend.accelerators():
        model = _in_float32(model, recipe, samples)
    accuracy = evaluate(model, samples.x_test, samples.y_test)
    seconds = time.monotonic() - started
    if path is not None:
        keras_file.save(model, path, keras_file.card_of(model, recipe, samples, accuracy))
    return Trained(model, recipe, samples, path, accuracy, history, seconds)


def evaluate(model: keras.Model, x: NDArray[Any], y: NDArray[np.int64]) -> float:
    """Share of the samples whose highest score is their class.

    Args:
        model: Scores [n, classes].
        x: Samples [n, ...].
        y: Class numbers [n].
    """
    if not model.compiled:
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    figures = model.evaluate(x, y, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True)
    return float(figures["accuracy"])


def _adjusted(
    recipe: Recipe, epochs: int | None, batch_size: int | None, config: Mapping[str, Any]
) -> Recipe:
    changes: dict[str, Any] = {"config": {**recipe.config, **config}}
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None:
            if value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
            changes[name] = value
    return dataclasses.replace(recipe, **changes)


def _load(recipe: Recipe, name: str | os.PathLike[str] | None) -> Dataset:
    if name is None or name == "full":
        return data.load(recipe.data, full=name == "full")
    return data.load(name)


def _fitted(recipe: Recipe, samples: Dataset) -> tuple[Recipe, Dataset]:
    """Give the samples the dtype that the recipe's model takes, and the model their tokens."""
    x_train, x_test = samples.x_train, samples.x_test
    if not (recipe.family == "transformer" and x_train.ndim == 2):
        floats = x_train.astype(np.float32, copy=False), x_test.astype(np.float32, copy=False)
        return recipe, dataclasses.replace(samples, x_train=floats[0], x_test=floats[1])
    least, most = (int(f([f(x_train), f(x_test)])) for f in (np.min, np.max))
    if x_train.dtype.kind == "f" or least < 0:
        raise InputError(
            f"{recipe.name} takes rows of tokens, whole numbers from 0, or images; {samples.name} "
            f"holds {x_train.dtype} from {x_train.min():g}: train an mlp on rows of features"
        )
    config = {"vocabulary": max(257, most + 1), **recipe.config}
    return dataclasses.replace(recipe, config=config), samples


def _build(recipe: Recipe, samples: Dataset) -> keras.Model:
    model = families.build(
        recipe.family,
        shape=samples.sample_shape,
        classes=len(samples.labels),
        input_name=samples.input_name,
        **recipe.config,
    )
    families.adapt(model, samples.x_train)
    return model


def _fit(
    model: keras.Model,
    recipe: Recipe,
    samples: Dataset,
    seed: int,
    path: Path | None,
    resume: bool,
) -> tuple[Mapping[str, float], ...]:
    order = np.random.default_rng(seed).permutation(len(samples.x_train))
    held_out = min(MOST_VALIDATION, max(1, round(VALIDATION_SHARE * len(order))))
    validation, training = order[:held_out], order[held_out:]
    if not len(training):
        raise InputError(f"{samples.name}: {len(order)} training samples are too few")
    per_epoch = min(recipe.samples or len(training), len(training))
    steps = max(1, per_epoch // recipe.batch_size)
    _compile(model, recipe, steps * recipe.epochs)
    checkpoint = Checkpoint(path and path.with_suffix(".checkpoint"), recipe.patience)
    if not resume:
        checkpoint.discard()
    checkpoint.resume(model, f"{recipe} {samples.name} {samples.sample_shape} {seed}")
    with Progress(f"train {recipe.name}", recipe.epochs) as progress:
        while checkpoint.epoch < recipe.epochs and not checkpoint.is_exhausted:
            epoch = checkpoint.epoch
            rows = _drawn(training, steps * recipe.batch_size, (seed, epoch))
            x = samples.x_train[rows]
            model.fit(
                _mirrored(x, (seed, epoch)) if recipe.mirror else x,
                samples.y_train[rows],
                batch_size=recipe.batch_size,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                validation_data=(samples.x_train[validation], samples.y_train[validation]),
                validation_batch_size=EVALUATION_BATCH,
                callbacks=[checkpoint],
                verbose=0,
            )
            figures = checkpoint.history[-1]
            progress.step(
                f"accuracy {figures['accuracy']:.4f} validation {figures['val_accuracy']:.4f}"
            )
    checkpoint.restore_best()
    checkpoint.discard()
    return tuple(checkpoint.history)


def _compile(model: keras.Model, recipe: Recipe, steps: int) -> None:
    warmup = max(1, round(_WARMUP_SHARE * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 25,
        max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    # Variables that first appear in the first step would make TensorFlow trace it twice.
    model.optimizer.build(model.trainable_variables)


def _drawn(rows: NDArray[np.int64], count: int, seed: tuple[int, int]) -> NDArray[np.int64]:
    """The epoch's rows in its order.

    Both depend on the epoch alone, so a resumed training sees the same ones. `count` is a whole
    number of batches: a last smaller one would make the backend compile the step a second time.
    """
    return np.random.default_rng(seed).permutation(rows)[:count]


def _mirrored(images: NDArray[Any], seed: tuple[int, int]) -> NDArray[Any]:
    """Half of the images, [n, height, width, channels], left to right reversed; in place."""
    half = np.random.default_rng(seed).random(len(images)) < 0.5
    images[half] = images[half, :, ::-1]
    return images


def _in_float32(model: keras.Model, recipe: Recipe, samples: Dataset) -> keras.Model:
    """The same weights in a model without mixed precision, as devices run it."""
    plain = _build(recipe, samples)
    plain.set_weights(model.get_weights())
    return plain
