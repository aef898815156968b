"""What a person says of a model that its file does not: how inputs are made, what outputs mean.

labels.txt       a label a line, in the order of the output's last axis
labels.json      the same as a list, or lists by output name
steps.json       a step, or a list of steps; for several inputs, those by input name
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from littoral import preprocess
from littoral.card import Card, CardTensor
from littoral.errors import InputError
from littoral.inputs import text_in
from littoral.scoring import are_logits
from littoral.tensors import TensorSpec
from numpy.typing import NDArray

Labels: TypeAlias = str | os.PathLike[str] | Sequence[str] | Mapping[str, Sequence[str]]
Step: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = str | os.PathLike[str] | Step | Sequence[Step] | Mapping[str, Sequence[Step]]

_FIRST = ""
"""Stands for the first input or output where no name is given."""

_SAMPLES: dict[str, Any] = {
    "image": np.zeros((8, 8, 3), np.uint8),
    "bytes": "",
    "vocabulary": "",
}
"""What each of these first steps can be tried on; what the others give depends on the data."""


@dataclasses.dataclass(frozen=True)
class Description:
    """Labels and preprocessing that stand before those of the model's own card.

    Attributes:
        labels: By output name, ``""`` for the first.
        preprocessing: By input name, ``""`` for the first.
    """

    labels: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    preprocessing: Mapping[str, tuple[Step, ...]] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.labels or self.preprocessing)


NOTHING = Description()


def read(labels: Labels | None, preprocessing: Steps | None) -> Description:
    """Read and check what was given, before anything heavy is imported.

    Args:
        labels: Class names of the first output or by output name, or a .txt or .json file of them.
        preprocessing: Steps of the first input or by input name, or a .json file of them; see
            `littoral.steps`.

    Raises:
        InputError: A file cannot be read, is not what it should be, or names an unknown step or
            setting.
    """
    return Description(
        {} if labels is None else _labels(labels),
        {} if preprocessing is None else _steps(preprocessing),
    )


def described(
    card: Card,
    description: Description,
    inputs: Sequence[TensorSpec],
    output_names: Sequence[str],
) -> Card:
    """A card with what was said put into it.

    Args:
        card: What the model's file says of itself.
        description: What stands before that.
        inputs: The model's inputs.
        output_names: The model's outputs.

    Raises:
        InputError: No such input or output, or steps that make another shape than the input's.
    """
    if not description:
        return card
    steps = {tensor.name: tensor.preprocessing for tensor in card.inputs}
    steps |= _by_name(description.preprocessing, [spec.name for spec in inputs], "input")
    labels = {tensor.name: tensor.labels for tensor in card.outputs}
    labels |= _by_name(description.labels, output_names, "output")
    for spec in inputs:
        _check_shape(steps.get(spec.name, ()), spec)
    return dataclasses.replace(
        card,
        inputs=_with_steps(inputs, steps),
        outputs=tuple(CardTensor(n, (None,), labels=labels.get(n, ())) for n in output_names),
    )


def completed(
    card: Card, inputs: Sequence[TensorSpec], outputs: Mapping[str, tuple[int | None, ...]]
) -> Card:
    """A card with every input and output of the model, in its order, with names and shapes.

    Args:
        card: What is known so far.
        inputs: The model's inputs.
        outputs: Shape by output name, without the batch axis.
    """
    steps = {tensor.name: tensor.preprocessing for tensor in card.inputs}
    known = {tensor.name: tensor for tensor in card.outputs}
    return dataclasses.replace(
        card,
        inputs=_with_steps(inputs, steps),
        outputs=tuple(
            dataclasses.replace(
                known.get(name, CardTensor(name, ())), shape=(None, *shape), dtype="float32"
            )
            for name, shape in outputs.items()
        ),
    )


def _with_steps(
    inputs: Sequence[TensorSpec], steps: Mapping[str, tuple[Step, ...]]
) -> tuple[CardTensor, ...]:
    """Inputs as a card lists them."""
    return tuple(
        CardTensor(s.name, s.shape, s.dtype, preprocessing=steps.get(s.name, ())) for s in inputs
    )


def with_activation(card: Card, reference: Mapping[str, NDArray[Any]]) -> Card:
    """A card that says which outputs with labels are logits: those with values beyond 0 to 1.

    Args:
        card: With every output.
        reference: Keras's outputs by name.
    """
    outputs = []
    for tensor in card.outputs:
        values = reference.get(tensor.name, np.zeros(0))
        is_open = tensor.labels and tensor.activation is None and values.dtype.kind == "f"
        if is_open and are_logits(values):
            tensor = dataclasses.replace(tensor, activation="logits")
        outputs.append(tensor)
    return dataclasses.replace(card, outputs=tuple(outputs))


def check_labels(description: Description, outputs: Mapping[str, tuple[int | None, ...]]) -> None:
    """Refuse labels that are more or fewer than an output's values.

    Args:
        description: What was said.
        outputs: Shape by output name, without the batch axis.

    Raises:
        InputError: Another number of labels; one value may stand for two.
    """
    for name, labels in _by_name(description.labels, list(outputs), "output").items():
        values = outputs[name][-1] if outputs[name] else 1
        if values != len(labels) and (values, len(labels)) != (1, 2):
            raise InputError(f"output {name!r} has {values} values, came {len(labels)} labels")


def _labels(given: Labels) -> dict[str, tuple[str, ...]]:
    where = "labels"
    if isinstance(given, (str, os.PathLike)):
        where, path = str(given), Path(given)
        text = text_in(path, "utf-8-sig")
        given = _json(path, text) if path.suffix.lower() == ".json" else text.splitlines()
    by_name = given if isinstance(given, Mapping) else {_FIRST: given}
    found = {}
    for name, entries in by_name.items():
        is_list = isinstance(entries, Sequence) and not isinstance(entries, str)
        if not is_list or not entries or not all(isinstance(entry, str) for entry in entries):
            raise InputError(f"{where}: expected texts, a label each, or lists of them by output")
        names = tuple(entry.strip() for entry in entries)
        if not all(names):
            raise InputError(f"{where}: label {names.index('') + 1} is empty")
        found[str(name)] = names
    return found


def _steps(given: Any) -> dict[str, tuple[Step, ...]]:
    where = "preprocessing"
    if isinstance(given, (str, os.PathLike)):
        where = str(given)
        given = _json(Path(given), text_in(Path(given), "utf-8-sig"))
    if isinstance(given, Mapping) and "step" in given:
        given = [given]
    by_name = given if isinstance(given, Mapping) else {_FIRST: given}
    found: dict[str, tuple[Step, ...]] = {}
    for name, steps in by_name.items():
        steps = [steps] if isinstance(steps, Mapping) else steps
        if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
            raise InputError(f"{where}: expected a list of steps, or such lists by input")
        try:
            preprocess.parsed(steps)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        found[str(name)] = tuple(dict(step) for step in steps)
    return found


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from error


def _by_name(given: Mapping[str, Any], names: Sequence[str], kind: str) -> dict[str, Any]:
    """What was given for the first, or by name, under the names that there are."""
    found = {names[0] if name == _FIRST else name: value for name, value in given.items()}
    for name in found:
        if name not in names:
            raise InputError(f"the model has no {kind} {name!r}, only {', '.join(names)}")
    return found


def _check_shape(steps: Sequence[Step], spec: TensorSpec) -> None:
    if not steps or steps[0].get("step") not in _SAMPLES:
        return
    made = preprocess.apply(steps, _SAMPLES[str(steps[0]["step"])]).shape
    wanted = spec.shape[1:]
    sizes = [size for size in made if size != 1]
    if sizes == [size for size in wanted if size != 1]:
        return
    fits = len(made) == len(wanted) and all(
        size in (None, got) for size, got in zip(wanted, made, strict=True)
    )
    if not fits:
        shape = ["any" if size is None else size for size in wanted]
        raise InputError(f"the steps make {list(made)}, input {spec.name!r} takes {shape}")
