"""Two models with the same inputs and outputs, under other names or in another order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Any

import numpy as np

from littoral import samples
from littoral.arguments import real_dtype
from littoral.errors import InputError
from littoral.model import Model
from littoral.samples import Sample
from littoral.tensors import TensorSpec, shown

_MOST_PAIRINGS = 5
"""Inputs whose every order is tried; beyond it the file's own order counts."""


def pair_inputs(
    a: Sequence[TensorSpec], b: Sequence[TensorSpec], names: tuple[str, str]
) -> tuple[int, ...]:
    """Which input of the first model feeds each input of the second.

    Args:
        a: The first model's inputs.
        b: The second's.
        names: What a message calls the two.

    Returns:
        For each of `b` an index into `a`: by name where the names are the same, else the first
        order in which shapes and dtypes fit, the given one before any other.

    Raises:
        InputError: No order fits; the message says what both take.
    """
    places = {spec.name: index for index, spec in enumerate(a)}
    candidates: list[tuple[int, ...]] = []
    if len(a) == len(b) and set(places) == {spec.name for spec in b}:
        candidates = [tuple(places[spec.name] for spec in b)]
    elif len(a) == len(b):
        every = permutations(range(len(a))) if len(a) <= _MOST_PAIRINGS else [tuple(range(len(a)))]
        candidates = list(every)
    for order in candidates:
        if all(_fits(a[index], spec) for index, spec in zip(order, b, strict=True)):
            return order
    raise InputError(
        f"{names[0]} and {names[1]} cannot be compared: the first takes {_shown(a)}, "
        f"the second {_shown(b)}"
    )


def pair_outputs(a: Iterable[str], b: Iterable[str]) -> list[tuple[str, str]]:
    """Which outputs of two models belong together.

    Args:
        a: Names of the first model's outputs, in its order.
        b: Those of the second.

    Returns:
        Pairs in the order of `a`: by name, then what is left over by order where it is as many in
        both. TensorFlow numbers what a model returns as a list (``output_0``, ``output_1``), and a
        .tflite holds that in any order: such names go by their numbers.
    """
    names, others = list(a), list(b)
    pairs = {name: name for name in names if name in others}
    left = [name for name in names if name not in pairs]
    right = [name for name in others if name not in pairs]
    if len(left) == len(right):
        pairs |= zip(_by_number(left), _by_number(right), strict=True)
    return [(name, pairs[name]) for name in names if name in pairs]


def _by_number(names: list[str]) -> list[str]:
    """Names that differ in nothing but their numbers from 0 on, by these; others as given."""
    parts = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    found = {(part[1], int(part[2])): name for part, name in zip(parts, names, strict=True) if part}
    stem = next(iter(found), ("", 0))[0]
    order = [found.get((stem, number)) for number in range(len(names))]
    return [name for name in order if name is not None] if all(order) else names


def _fits(a: TensorSpec, b: TensorSpec) -> bool:
    """Whether the same samples can go into both; how many at once does not matter."""
    kinds = _kinds(a) & _kinds(b)
    return (
        bool(kinds)
        and len(a.shape) == len(b.shape)
        and all(
            None in (one, other) or one == other
            for one, other in zip(a.shape[1:], b.shape[1:], strict=True)
        )
    )


def _kinds(spec: TensorSpec) -> set[str]:
    """What its samples may be; integers of scale 1 stand for themselves, and take numbers too."""
    kind: str = "O" if spec.dtype == "str" else np.dtype(real_dtype(spec)).kind
    own = {"i" if kind == "u" else kind}
    return own | {"i"} if spec.scale == 1 and not spec.zero_point else own


def _shown(specs: Sequence[TensorSpec]) -> str:
    return " and ".join(f"{spec.name} {real_dtype(spec)} {shown(spec.shape)}" for spec in specs)


def renamed(batch: Sample, models: Sequence[Model], order: Sequence[int]) -> Sample:
    """A batch for the first model as the second takes it.

    Args:
        batch: Samples by input name, or those of the only input.
        models: The two models.
        order: As `pair_inputs` found it.
    """
    if not isinstance(batch, dict):
        return batch
    a, b = models
    return {
        spec.name: batch[a.inputs[index].name] for index, spec in zip(order, b.inputs, strict=True)
    }


def for_both(batches: Sequence[Sample], models: Sequence[Model], order: Sequence[int]) -> Any:
    """Samples in a form that both models take.

    Args:
        batches: For the first model.
        models: The two models.
        order: As `pair_inputs` found it.

    Returns:
        As `Model.run` takes them, at most `littoral.samples.MAX_SAMPLES` batches; None where no
        form suits both.
    """
    first = batches[: samples.MAX_SAMPLES]
    specs = models[0].inputs
    names = [spec.name for spec in specs]
    columns = [
        np.concatenate(
            [np.atleast_1d(one[name] if isinstance(one, dict) else one) for one in first]
        )
        for name in names
    ]
    if len(columns) == 1:
        return columns[0] if specs[0].shape else columns[0][0]
    if set(names) == {spec.name for spec in models[1].inputs}:
        return dict(zip(names, columns, strict=True))
    return columns if tuple(order) == tuple(range(len(order))) else None
