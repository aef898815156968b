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
from littoral import plugins
from littoral.errors import InputError


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
