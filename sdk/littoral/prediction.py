"""What a card adds to a run: preprocessing in front, labels with scores behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        score: What the model gives it, as the model gives it: a probability after a softmax, and
            where the card says that the model gives logits.
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
    tensors = card.inputs if card is not None else ()
    described = [card_tensor(tensors, spec, place) for place, spec in enumerate(specs)]
    if not any(tensor.preprocessing for tensor in described):
        raise InputError(
            "the model's card names no preprocessing, so only arrays can go in: "
            "use Model.run, or an .npz or .npy file at the command line"
        )
    for tensor in described:
        preprocess.parsed(tensor.preprocessing)
    values = _by_input(raw, specs, described)
    return [
        _shaped(preprocess.apply(tensor.preprocessing, value), spec)
        for tensor, value, spec in zip(described, values, specs, strict=True)
    ]


def classes(
    card: Card | None,
    specs: tuple[TensorSpec, ...],
    results: Mapping[str, NDArray[Any]],
    top: int | None = None,
) -> list[Prediction]:
    """The classes of one sample's results, best first, of the output that has labels.

    Args:
        card: The model's card.
        specs: The model's outputs.
        results: One sample's values by output name.
        top: How many to return, None for all.

    Raises:
        InputError: The output has more than one axis: not one score a class.
    """
    name, tensor = labelled(card, specs)
    return rank(results[name], tensor.labels, top, tensor.activation)


def labelled(card: Card | None, specs: tuple[TensorSpec, ...]) -> tuple[str, CardTensor]:
    """The output that has labels, else the first.

    Args:
        card: The model's card.
        specs: The model's outputs.

    Returns:
        Its name in the file, and what the card says of it.
    """
    tensors = card.outputs if card is not None else ()
    described = [(spec.name, card_tensor(tensors, spec, i)) for i, spec in enumerate(specs)]
    return next((pair for pair in described if pair[1].labels), described[0])


def rank(
    scores: NDArray[Any],
    labels: tuple[str, ...],
    top: int | None = None,
    activation: str | None = None,
) -> list[Prediction]:
    """The classes of one sample, best first.

    Args:
        scores: ``[classes]``, or a single value for the second of two labels.
        labels: Their names; numbers stand in where the count is another.
        top: How many to return, None for all.
        activation: ``"logits"`` turns the scores into probabilities: by a softmax, or by a sigmoid
            where a single value stands for two labels. None leaves them as they are.

    Raises:
        InputError: More than one axis: not one score a class; or an unknown activation.
    """
    if scores.ndim != 1:
        raise InputError(
            f"the model's answer has shape {list(scores.shape)}, not one score a class: use run"
        )
    if activation not in (None, "logits"):
        raise InputError(f"the card's activation {activation!r} is unknown: use run")
    if len(scores) == 1 and len(labels) == 2:
        zero = 0.0 if activation == "logits" else 1 - float(scores[0])
        scores = np.array([zero, float(scores[0])])
    if activation == "logits":
        powers = np.exp(np.asarray(scores, np.float64) - scores.max())
        scores = powers / powers.sum()
    named = len(labels) == len(scores)
    order = np.argsort(-scores, kind="stable")[:top]
    return [Prediction(labels[i] if named else str(i), float(scores[i]), int(i)) for i in order]


def _by_input(
    raw: Any, specs: tuple[TensorSpec, ...], described: Sequence[CardTensor]
) -> list[Any]:
    """What goes to each input: its entry of a dict, or the row of a table that all share."""
    if len(specs) == 1:
        return [raw]
    if isinstance(raw, Mapping) and set(raw) == {spec.name for spec in specs}:
        return [raw[spec.name] for spec in specs]
    if isinstance(raw, Mapping) and all(
        tensor.preprocessing and tensor.preprocessing[0].get("step") == "tabular"
        for tensor in described
    ):
        return [raw] * len(specs)
    names = ", ".join(spec.name for spec in specs)
    raise InputError(f"the model has several inputs: expected a dict with {names}")


def card_tensor(tensors: Sequence[CardTensor], spec: TensorSpec, place: int) -> CardTensor:
    """What a card says of an input or output: by its name, else by its place."""
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
