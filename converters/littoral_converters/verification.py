"""Does a file still say what Keras said? Pure arithmetic over both sides' outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from littoral.errors import InputError
from littoral.scoring import accuracy, named, threshold_of
from numpy.typing import NDArray

Outputs = Mapping[str, NDArray[Any]]

_ROUNDING = 1e-4
"""Points of accuracy that their rounding may add."""


@dataclass(frozen=True)
class Verification:
    """The comparison of a model file with its Keras model on the same data.

    Attributes:
        max_abs_error: Largest difference of any output value, in the output's units.
        mean_abs_error: Mean difference over all output values.
        relative_error: The worst output's largest difference over its largest Keras value.
        rms_error: The worst output's root mean square difference over Keras's root mean square:
            0 is equal, 1 as far off as zeros; a wrong class weighs here whatever their number.
        agreement: Share of samples for which both name the same class (first output); of values
            within 1% of the output's range where the output is no classification. One score a
            sample is one where the labels are classes.
        samples: Number of samples compared.
        metric: ``"accuracy"`` or ``"mean_abs_error"`` against the labels; None without labels.
        value: The file's metric.
        float_value: The Keras model's metric.
        passed: Whether every limit was kept.
        reason: The limit that was not kept; empty when all were.
    """

    max_abs_error: float
    mean_abs_error: float
    relative_error: float
    rms_error: float
    agreement: float
    samples: int
    metric: str | None
    value: float | None
    float_value: float | None
    passed: bool
    reason: str = ""

    @property
    def drop_points(self) -> float | None:
        """Accuracy lost against Keras in points (percent), negative for a gain; None if unknown."""
        if self.metric != "accuracy" or self.value is None or self.float_value is None:
            return None
        return round(100 * (self.float_value - self.value), 4)


class _Score(NamedTuple):
    """Outputs against labels: the metric and its value, and of how many answers it is one."""

    metric: str | None
    value: float | None
    answers: int


@dataclass(frozen=True)
class Limits:
    """What a file may differ by.

    Attributes:
        max_error: Bound on `Verification.relative_error`; None for no bound.
        rms_error: Bound on `Verification.rms_error`.
        max_drop: Bound on `Verification.drop_points`; one label's worth is always allowed.
    """

    max_error: float | None
    rms_error: float
    max_drop: float


NO_LIMITS = Limits(None, float("inf"), 100.0)
"""Limits that every file keeps whose outputs are numbers."""


def compare(
    keras: Outputs, file: Outputs, labels: NDArray[Any] | None, limits: Limits
) -> Verification:
    """Compare a file's outputs with Keras's.

    Args:
        keras: Keras's outputs by name, samples along the first axis.
        file: The file's, by the same names.
        labels: Integer classes, one a sample or, for an output with scores at every pixel or step,
            one each; the same as rows with one 1; or targets shaped like the first output; None for
            none.
        limits: What the file may differ by.

    Returns:
        The figures, and whether they keep the limits.

    Raises:
        InputError: The labels do not fit the first output.
    """
    problem = _misfit(keras, file)
    if problem:
        nothing = float("nan")
        return Verification(
            nothing, nothing, nothing, nothing, 0.0, 0, None, None, None, False, problem
        )
    errors = {n: np.abs(np.float64(keras[n]) - np.float64(file[n])) for n in keras}
    ranges = {n: float(np.abs(np.float64(keras[n])).max(initial=0)) + 1e-6 for n in keras}
    first = next(iter(keras))
    threshold = threshold_of(keras[first])
    wanted, given = (_score(side[first], labels, threshold) for side in (keras, file))
    found = Verification(
        max_abs_error=max(float(e.max(initial=0)) for e in errors.values()),
        mean_abs_error=float(np.mean([e.mean() for e in errors.values()])),
        relative_error=max(float(errors[n].max(initial=0)) / ranges[n] for n in keras),
        rms_error=max(_rms(errors[n]) / (_rms(keras[n]) + 1e-9) for n in keras),
        agreement=(
            _agreement(keras[first], file[first], threshold)
            if _is_classes(keras[first], wanted.metric)
            else float(np.mean(errors[first] <= 0.01 * ranges[first]))
        ),
        samples=len(keras[first]),
        metric=wanted.metric,
        value=given.value,
        float_value=wanted.value,
        passed=True,
    )
    reason = _breach(found, limits, wanted.answers)
    return Verification(**{**vars(found), "passed": not reason, "reason": reason})


def _misfit(keras: Outputs, file: Outputs) -> str:
    if list(keras) != list(file):
        return f"its outputs are {', '.join(file)} where Keras has {', '.join(keras)}"
    for name, values in keras.items():
        if values.shape != file[name].shape:
            return f"output {name} has shape {file[name].shape} where Keras has {values.shape}"
    problem = not_finite(keras)
    if problem:
        return problem
    for name, values in file.items():
        if not np.isfinite(values).all():
            return f"output {name} has values that are not finite"
    return ""


def not_finite(keras: Outputs) -> str:
    """Which of Keras's own outputs cannot be compared with anything; empty where all can."""
    for name, values in keras.items():
        rows = np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
        if not rows.all():
            count = int(np.sum(~rows))
            return f"Keras's own output {name!r} is not finite for {count} of {len(rows)} samples"
    return ""


def _breach(found: Verification, limits: Limits, answers: int) -> str:
    if limits.max_error is not None and not found.relative_error <= limits.max_error:
        return (
            f"its largest error is {found.relative_error:.2g} of the output's range "
            f"(limit {limits.max_error:.2g})"
        )
    if not found.rms_error <= limits.rms_error:
        return (
            f"its root mean square error is {found.rms_error:.2g} of the output's "
            f"(limit {limits.rms_error:.2g})"
        )
    drop = found.drop_points
    if drop is not None and drop > max(limits.max_drop, 100.0 / answers) + _ROUNDING:
        return f"it loses {drop:.2f} points of accuracy (limit {limits.max_drop})"
    return ""


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(np.float64(values))))) if values.size else 0.0


def _is_classes(outputs: NDArray[Any], metric: str | None) -> bool:
    """Whether each sample names one class, by the output's shape or because the labels are some."""
    is_single = outputs.size == len(outputs)
    return (outputs.ndim == 2 and outputs.shape[1] > 1) or (is_single and metric == "accuracy")


def _agreement(keras: NDArray[Any], file: NDArray[Any], threshold: float) -> float:
    mine, theirs = (named(side.reshape(len(side), -1), threshold) for side in (keras, file))
    return float(np.mean(mine == theirs))


def _score(outputs: NDArray[Any], labels: NDArray[Any] | None, threshold: float) -> _Score:
    if labels is None:
        return _Score(None, None, len(outputs))
    truth = np.asarray(labels)
    found = accuracy(truth, outputs, threshold)
    if found is not None:
        return _Score("accuracy", found.share, found.answers)
    if truth.shape == outputs.shape or truth.size == len(truth) == outputs.size:
        error = float(np.mean(np.abs(outputs.astype(float) - truth.reshape(outputs.shape))))
        return _Score("mean_abs_error", error, len(outputs))
    place = "sample" if outputs.ndim <= 2 else "sample or per row of scores"
    raise InputError(
        f"y has dtype {truth.dtype} and shape {truth.shape}: expected one integer class per "
        f"{place}, or values shaped like the output, {outputs.shape}"
    )
