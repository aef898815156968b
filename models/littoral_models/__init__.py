"""Model families, recipes, data and training. Runs on any Keras backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from littoral_models.training import Trained

__all__ = ["build", "train"]


def build(family: str, **config: Any) -> keras.Model:
    """Build an untrained model of a family.

    Args:
        family: ``"mlp"``, ``"cnn"``, ``"rnn"`` or ``"transformer"``.
        **config: Fields of the family's `Config`, for example ``width=32``.

    Returns:
        The functional model; its output is named ``"scores"`` and holds probabilities.

    Raises:
        InputError: No such family, no such field, or a value that the family cannot take.
    """
    from littoral_models import families

    return families.build(family, **config)


def train(recipe: str, **options: Any) -> Trained:
    """Train a recipe; see `littoral_models.training.train`.

    Args:
        recipe: ``"mlp"``, ``"cnn"``, ``"lstm"``, ``"gru"`` or ``"transformer"``.
        **options: Keyword arguments of `littoral_models.training.train`.

    Returns:
        The trained model with its figures.
    """
    from littoral_models import training

    return training.train(recipe, **options)
