"""From what a person has (a photo, a recording, a line of a table, a text) to a model's input.

The steps are those of the model's card. Each is a file in `littoral.steps`; NumPy does the work, so
that a board needs nothing else, and the arithmetic is written down exactly enough to be done again
in another language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import plugins, steps
from littoral.errors import InputError


def apply(preprocessing: Sequence[Mapping[str, Any]], raw: Any) -> NDArray[Any]:
    """Run a card's steps one after the other.

    Args:
        preprocessing: Steps as the card holds them: mappings whose ``"step"`` names a file in
            `littoral.steps`. None at all turns the data into an array and leaves it as it is.
        raw: What the first step takes: a path, bytes, an array, a text; see the step.

    Returns:
        One sample, without a batch axis.

    Raises:
        InputError: An unknown step, a step that lacks a setting, or data that it cannot take.
        EngineNotInstalled: A step needs a package that is missing; the message names the extra.
    """
    value = raw
    for step in preprocessing:
        module = plugins.load(steps, str(step.get("step")))
        try:
            value = module.apply(step, value)
        except KeyError as error:
            raise InputError(
                f"the card's step {step.get('step')!r} lacks the setting {error}: "
                "the model was written by another version"
            ) from error
    return np.asarray(value)
