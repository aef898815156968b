"""What a card adds to a run: preprocessing in front, labels with scores behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import preprocess
from littoral.card import Card, CardTensor
from littoral.errors import InputError
from littoral.tensors import TensorSpec


@dataclass(frozen=True)
class Prediction:
    """One class of a classifier's answer.

    Attributes:
        label: The class's name, its number where the card has no names.
        score: What the model gives it, as the model gives it: a probability after a softmax.
        index: Its place in the model's output.
    """

    label: str
    score: float
    index: int


def prepare(card: Card | None, specs: tuple[TensorSpec, ...], raw: Any) -> list[NDArray[Any]]:
    """Raw data to one sample per input, by the card's steps.

    Args:
        card: The model's card.
        specs: The model's inputs.
        raw: What the first step takes; for several inputs a dict by input name.

    Returns:
        Arrays without batch axis, in the order of the specs.

    Raises:
        InputError: No card, no steps, or data that the steps refuse.
    """
    described = [_described(card, spec, place) for place, spec in enumerate(specs)]
    if not any(tensor.preprocessing for tensor in described):
        raise InputError(
            "the model's card names no preprocessing, so only arrays can go in: "
            "use Model.run, or an .npz or .npy file at the command line"
        )
    values = _by_input(raw, specs)
    return [
        _shaped(preprocess.apply(tensor.preprocessing, value), spec)
        for tensor, value, spec in zip(described, values, specs, strict=True)
    ]


def rank(scores: NDArray[Any], labels: tuple[str, ...], top: int | None = None) -> list[Prediction]:
    """The classes of one sample, best first.

    Args:
        scores: ``[classes]``.
        labels: Their names; numbers stand in where the count is another.
        top: How many to return, None for all.

    Raises:
        InputError: More than one axis: not one score a class.
    """
    if scores.ndim != 1:
        raise InputError(
            f"the model's answer has shape {list(scores.shape)}, not one score a class: use run"
        )
    named = len(labels) == len(scores)
    order = np.argsort(-scores, kind="stable")[:top]
    return [Prediction(labels[i] if named else str(i), float(scores[i]), int(i)) for i in order]


def _by_input(raw: Any, specs: tuple[TensorSpec, ...]) -> list[Any]:
    if len(specs) == 1:
        return [raw]
    if not isinstance(raw, Mapping) or set(raw) != {spec.name for spec in specs}:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"the model has several inputs: expected a dict with {names}")
    return [raw[spec.name] for spec in specs]


def _described(card: Card | None, spec: TensorSpec, place: int) -> CardTensor:
    tensors = card.inputs if card is not None else ()
    for tensor in tensors:
        if tensor.name == spec.name:
            return tensor
    if place < len(tensors):
        return tensors[place]
    return CardTensor(spec.name, spec.shape)


def _shaped(sample: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """A picture of one channel also fits a model that has no channel axis, and the reverse."""
    wanted = spec.shape[1:]
    if None not in wanted and sample.shape != wanted:
        sizes = [size for size in sample.shape if size != 1]
        if sizes == [size for size in wanted if size != 1]:
            return sample.reshape([size for size in wanted if size is not None])
    return sample
