"""Model families. One file each, which is its own registration.

A family's module offers the same parts:

    Config                    a frozen dataclass: shape, classes, input_name, width, depth, ...
    build(config)             the functional model, made of plain Keras layers

Plain layers only, so that a saved model loads wherever Keras is, without this package.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

import keras
import numpy as np
from littoral import plugins
from littoral.errors import InputError
from numpy.typing import NDArray


def names() -> tuple[str, ...]:
    """Names of the families."""
    return plugins.names(sys.modules[__name__])


def build(family: str, **config: Any) -> keras.Model:
    """Build an untrained model of a family.

    Args:
        family: Its name.
        **config: Fields of its `Config`; the others keep their defaults.

    Returns:
        The model: one input named by ``input_name``, one output ``"scores"`` of probabilities.

    Raises:
        InputError: Unknown family or field, or a value that the family cannot take.
    """
    module = plugins.load(sys.modules[__name__], family)
    known = {field.name for field in fields(module.Config)}
    unknown = sorted(set(config) - known)
    if unknown:
        raise InputError(
            f"{family} has no setting {', '.join(unknown)}: choose from {', '.join(sorted(known))}"
        )
    for name in ("width", "depth", "classes"):
        value = config.get(name, 1)
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{family}: {name} must be a whole number of at least 1, not {value}")
    model: keras.Model = module.build(module.Config(**config))
    return model


def standardize() -> keras.Layer:
    """A layer that brings features to mean 0 and variance 1 by the statistics that `adapt` gives.

    A frozen batch normalization: converters fold it into the next product, it hands masks on, and
    it runs on every backend. `keras.layers.Normalization` asks for TensorFlow on all of them
    (Keras 3.15).
    """
    return keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-7, trainable=False, name="standardize"
    )


def adapt(model: keras.Model, x: NDArray[Any]) -> None:
    """Give a model's `standardize` layer the statistics of the training samples.

    Args:
        model: Of any family; one without such a layer stays as it is.
        x: Training samples [n, ..., features]. Steps of zeros in sequences are padding and do not
            count; a feature that never changes is only centred.
    """
    found = [layer for layer in model.layers if layer.name == "standardize"]
    rows = x.reshape(-1, x.shape[-1])
    if x.ndim > 2:
        rows = rows[rows.any(axis=1)]
    for layer in found:
        variance = rows.var(axis=0, dtype=np.float64)
        layer.moving_mean.assign(rows.mean(axis=0, dtype=np.float64))
        layer.moving_variance.assign(np.where(variance > 0, variance, 1.0))
