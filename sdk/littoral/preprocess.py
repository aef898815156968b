"""From what a person has (a photo, a recording, a line of a table, a text) to a model's input.

The steps are those of the model's card. Each is a file in `littoral.steps`; NumPy does the work, so
that a board needs nothing else, and the arithmetic is written down exactly enough to be done again
in another language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import __version__, plugins, steps
from littoral.errors import InputError
from littoral.steps import _settings

Parsed = list[tuple[ModuleType, Any]]

_MOST_KNOWN = 16
_known: dict[int, tuple[tuple[Mapping[str, Any], ...], Parsed]] = {}
"""What a card's tuple of steps, kept alive here, was found to say: checking words takes long."""


def apply(preprocessing: Sequence[Mapping[str, Any]], raw: Any) -> NDArray[Any]:
    """Run a card's steps one after the other.

    Args:
        preprocessing: Steps as the card holds them: mappings whose ``"step"`` names a file in
            `littoral.steps`. None at all turns the data into an array and leaves it as it is.
        raw: What the first step takes: a path, bytes, an array, a text; see the step.

    Returns:
        One sample, without a batch axis.

    Raises:
        InputError: An unknown step or setting, or data that a step cannot take.
        EngineNotInstalled: A step needs a package that is missing; the message names the extra.
    """
    value = raw
    for module, settings in parsed(preprocessing):
        value = module.apply(settings, value)
    return np.asarray(value)


def parsed(preprocessing: Sequence[Mapping[str, Any]]) -> Parsed:
    """Check steps before any data is touched.

    Args:
        preprocessing: Steps as the card holds them.

    Returns:
        Each step's module and its `Settings`.

    Raises:
        InputError: A step or setting that this version of littoral does not know, that is missing
            or of no use; the message names both.
    """
    known = _known.get(id(preprocessing))
    if known is not None and known[0] is preprocessing:
        return known[1]
    found = [_parsed(step) for step in preprocessing]
    if isinstance(preprocessing, tuple):
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[id(preprocessing)] = (preprocessing, found)
    return found


def _parsed(step: Mapping[str, Any]) -> tuple[ModuleType, Any]:
    name = step.get("step") if isinstance(step, Mapping) else None
    known = plugins.names(steps)
    if name not in known:
        raise InputError(
            f"littoral {__version__} knows no step {name!r}, only {', '.join(known)}: was the "
            "model written by a newer version?"
        )
    module = plugins.load(steps, name)
    return module, _settings.read(module.Settings, step)
