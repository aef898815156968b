"""Recipes: a family, the data it learns from, and the settings that were found to work."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from littoral.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """How to train a model.

    Attributes:
        name: What ``littoral train`` calls it.
        family: The family that builds the model.
        data: The data set to learn from when none is given.
        config: Fields of the family's `Config`.
        epochs: Passes over the training data, at most.
        batch_size: Samples a step.
        learning_rate: The highest; it rises over the first part and falls along a cosine.
        weight_decay: Decoupled weight decay of AdamW (Loshchilov and Hutter, 2019).
        patience: Epochs without a better validation accuracy before training stops.
        samples: Samples drawn for each epoch, None for all.
        mirror: Mirror half of an epoch's images, another half in each.
        fast: What ``--fast`` changes: fields of this class.
        full: What ``--data full`` changes.
    """

    name: str
    family: str
    data: str
    config: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    patience: int = 8
    samples: int | None = None
    mirror: bool = False
    fast: Mapping[str, Any] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)


_RECIPES = (
    Recipe(
        name="mlp",
        family="mlp",
        data="letter",
        config={"width": 256, "depth": 2},
        epochs=14,
        fast={"epochs": 4},
    ),
    Recipe(
        name="cnn",
        family="cnn",
        data="fashion_mnist",
        config={"width": 64, "depth": 2},
        epochs=4,
        batch_size=80,
        learning_rate=4e-3,
        fast={"epochs": 1, "batch_size": 64, "samples": 12_800},
        full={
            "config": {"width": 96, "depth": 2, "dropout": 0.3},
            "epochs": 16,
            "batch_size": 128,
            "weight_decay": 0.05,
            "mirror": True,
        },
    ),
    Recipe(
        name="lstm",
        family="rnn",
        data="spoken_digits",
        config={"cell": "lstm", "width": 64},
        epochs=12,
        batch_size=64,
        fast={"epochs": 3, "batch_size": 32, "learning_rate": 5e-3},
    ),
    Recipe(
        name="gru",
        family="rnn",
        data="spoken_digits",
        config={"cell": "gru", "width": 64},
        epochs=12,
        batch_size=64,
        fast={"epochs": 3, "batch_size": 32, "learning_rate": 5e-3},
    ),
    Recipe(
        name="transformer",
        family="transformer",
        data="udhr",
        config={"width": 64, "depth": 2, "heads": 2, "patch": 2, "dropout": 0.0},
        epochs=7,
        batch_size=32,
        learning_rate=2e-3,
        samples=3200,
        fast={"epochs": 1, "samples": 2048, "batch_size": 16},
    ),
)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}
ALIASES = {"rnn": "lstm"}


def find(name: str, *, fast: bool = False, full: bool = False) -> Recipe:
    """A recipe by name.

    Args:
        name: Its name; ``"rnn"`` means ``"lstm"``.
        fast: Take the shorter training that gives a sensible model in seconds.
        full: Take the longer training that a larger data set is worth.

    Raises:
        InputError: No such recipe.
    """
    known = ALIASES.get(name, name)
    if known not in RECIPES:
        raise InputError(f"unknown recipe {name!r}: choose from {', '.join([*RECIPES, *ALIASES])}")
    recipe = RECIPES[known]
    changes = {**(recipe.full if full else {}), **(recipe.fast if fast else {})}
    return dataclasses.replace(recipe, **changes)
