"""Data that is in order, but will not calibrate or prove well: said with figures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral_converters.calibration import Dataset

MOST_OUTSIDE = 0.05
"""Share of evaluation values that may lie outside of the calibrated range: an int8 scheme clips
them. Two samples of one distribution, a few hundred values each, leave below 1%."""

MOST_SHIFT = 3.0
"""How many of its deviations the mean may move, and how many times the deviation may change."""


class DataWarning(UserWarning):
    """Data that can be used, but hardly as it was meant."""


def warn_of(doubt: str) -> None:
    """Warn of one doubt, in the name of who called the function that found it."""
    warnings.warn(doubt, DataWarning, stacklevel=3)


def doubts(representative: Dataset | None, evaluation: Dataset | None) -> tuple[str, ...]:
    """What is doubtful about the data.

    Args:
        representative: Checked data; None for none.
        evaluation: What the files are measured on, where it was given; None for none.

    Returns:
        One line each: what, in which input, the figures, what to do.
    """
    found = []
    if evaluation is not None and len(evaluation) == 1:
        found.append(
            "evaluation data has 1 sample: an accuracy or error measured on it says little; give a "
            "few hundred"
        )
    if representative is None:
        return tuple(found)
    if len(representative) == 1:
        found.append(
            "representative data has 1 sample: ranges calibrated on it fit that one alone; give a "
            "few hundred typical inputs"
        )
    for name, values in representative.inputs.items():
        found += _about(name, values, len(representative))
        if evaluation is not None:
            found += _far(name, values, evaluation.inputs[name])
    return tuple(found)


def doubts_of_outputs(
    outputs: Mapping[str, NDArray[Any]], inputs: Mapping[str, NDArray[Any]]
) -> tuple[str, ...]:
    """What is doubtful about Keras's own answers.

    Args:
        outputs: By name, samples along the first axis.
        inputs: What they answer, likewise.

    Returns:
        One line for each output where none of them depends on the sample. Whole numbers do not
        count: classes may well be the same.
    """
    if all(map(_is_same, inputs.values())):
        return ()
    same = tuple(
        f"output {name!r} is the same for all {len(values)} samples: the comparison says little"
        for name, values in outputs.items()
        if len(values) > 1 and values.dtype.kind == "f" and values.size and _is_same(values)
    )
    return same if len(same) == len(outputs) else ()


def _is_same(values: NDArray[Any]) -> bool:
    """Whether every sample is the same."""
    return bool((values == values[:1]).all())


def _about(name: str, values: NDArray[Any], samples: int) -> Iterator[str]:
    """One input by itself."""
    low, high = values.min(), values.max()
    if low == high:
        yield (
            f"representative data: input {name} is constant, {low:g} in all of its {values.size:,} "
            "values: no range can be calibrated on it; give typical inputs"
        )
    elif samples > 1 and _is_same(values):
        yield (
            f"representative data: all {samples} samples of input {name} are the same; give "
            "different ones"
        )


def _far(name: str, values: NDArray[Any], evaluated: NDArray[Any]) -> Iterator[str]:
    """One input against what the files are measured on; numbers of words have no distance."""
    if values.dtype.kind != "f" and values.dtype != np.uint8:
        return
    here, there = _Range(values), _Range(evaluated)
    outside = float(np.mean((evaluated < here.low) | (evaluated > here.high)))
    shift = abs(there.mean - here.mean)
    is_far = (
        outside > MOST_OUTSIDE
        or shift > MOST_SHIFT * max(here.deviation, there.deviation)
        or here.deviation > MOST_SHIFT * there.deviation
    )
    if is_far and here.low < here.high:
        yield (
            f"representative data is far from the evaluation data: input {name} is {here} where "
            f"the evaluation data is {there}, {outside:.1%} of it outside; give data that went "
            "through the same preprocessing"
        )


class _Range:
    """Where the values of an array lie."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.low, self.high = float(values.min()), float(values.max())
        self.mean, self.deviation = float(values.mean()), float(np.float64(values).std())

    def __str__(self) -> str:
        return (
            f"{self.low:.3g} to {self.high:.3g} (mean {self.mean:.3g}, "
            f"deviation {self.deviation:.3g})"
        )
