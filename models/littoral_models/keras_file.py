"""The .keras file and the card inside it."""

from __future__ import annotations

import io
import os
import platform
import tempfile
import zipfile
from pathlib import Path

import keras
import littoral
import numpy as np
from littoral.card import KEY, Card, CardTensor
from littoral.engines._native import version_of
from littoral.errors import InputError
from littoral.files import make_folder, write_atomically

from littoral_models.data import Dataset
from littoral_models.recipes import Recipe

CARD_MEMBER = f"{KEY}.json"
"""The card's name in the zip archive that a .keras file is; Keras ignores members of others."""


def destination(path: str | os.PathLike[str]) -> Path:
    """Check where a model is to be written, before hours of training.

    Raises:
        InputError: Not a .keras name, or a folder that cannot be written to.
    """
    target = Path(path)
    if target.suffix != ".keras":
        raise InputError(f"{target} must end in .keras: that is the format a model is saved in")
    if target.is_dir():
        raise InputError(f"{target} is a folder: give the name of a file")
    make_folder(target.parent)
    return target


def card_of(model: keras.Model, recipe: Recipe, dataset: Dataset, accuracy: float) -> Card:
    """The card of a model that was just trained.

    Args:
        model: One input, one output.
        recipe: What it was trained by.
        dataset: What it was trained on.
        accuracy: On the test samples.
    """
    (source,), (scores,) = model.inputs, model.outputs
    return Card(
        name=recipe.name,
        family=recipe.family,
        task="classification",
        inputs=(CardTensor(source.name, tuple(source.shape), source.dtype, dataset.preprocessing),),
        outputs=(
            CardTensor(
                model.output_names[0], tuple(scores.shape), scores.dtype, labels=dataset.labels
            ),
        ),
        format="keras",
        versions={
            "littoral": littoral.__version__,
            "keras": keras.__version__,
            keras.backend.backend(): version_of(keras.backend.backend()) or "unknown",
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        data={**dataset.card, "test_accuracy": f"{accuracy:.4f}"},
    )


def save(model: keras.Model, path: Path, card: Card) -> Path:
    """Write a model with its card, whole or not at all.

    Args:
        model: The model; Keras saves it without its optimizer.
        path: The .keras file.
        card: What the model is.

    Returns:
        The path.

    Raises:
        InputError: The disk is full or the folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "model.keras"
        keras.saving.save_model(_without_optimizer(model), plain)
        content = io.BytesIO(plain.read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(CARD_MEMBER, card.to_json())
    return write_atomically(path, content.getvalue())


def _without_optimizer(model: keras.Model) -> keras.Model:
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    return plain
