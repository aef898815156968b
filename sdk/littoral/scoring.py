"""How often an output names the class that a label does. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError

_SLACK = 1e-3
"""A probability may lie this far outside 0 to 1 by rounding."""


@dataclass(frozen=True)
class Accuracy:
    """Answers beside labels.

    Attributes:
        share: Of the answers that are right.
        answers: How many there are: one a sample, or one a pixel or step.
    """

    share: float
    answers: int


def accuracy(
    labels: NDArray[Any], scores: NDArray[Any], threshold: float | None = None
) -> Accuracy | None:
    """The share of labels that an output names.

    Args:
        labels: Integer classes, one for each row of scores: ``[n]`` for an output ``[n, classes]``,
            ``[n, height, width]`` for one of every pixel ``[n, height, width, classes]``, with an
            axis of size 1 behind or not; or the same as rows with a single 1, the rest 0. Truth
            values are the classes 0 and 1.
        scores: An output. One that has a single score a sample decides between two classes.
        threshold: Of a single score; None takes that of these scores, see `threshold_of`.

    Returns:
        None where the labels are no classes of this output; nor are other numbers than 0 and 1
        those of an output with a single score.

    Raises:
        InputError: They are, and lie outside of its classes.
    """
    found = _classes(labels, scores)
    if found is None:
        return None
    truth, rows = found
    classes = max(2, rows.shape[1])
    if truth.min() < 0 or truth.max() >= classes:
        raise InputError(
            f"y has labels from {truth.min()} to {truth.max()}, but the model's output has "
            f"{classes} classes"
        )
    right = named(rows, threshold_of(scores) if threshold is None else threshold) == truth
    return Accuracy(float(np.mean(right)), len(truth))


def named(rows: NDArray[Any], threshold: float) -> NDArray[Any]:
    """The class that each row of scores is for.

    Args:
        rows: ``[rows, classes]``, or ``[rows, 1]`` for two.
        threshold: A single score above it is for class 1, else 0.

    Returns:
        ``[rows]``, class numbers, or truth values where there are two by a single score.
    """
    return np.asarray(rows.argmax(1) if rows.shape[1] > 1 else rows[:, 0] > threshold)


def threshold_of(scores: NDArray[Any]) -> float:
    """Where single scores change sides: a half for probabilities, else 0."""
    return 0.0 if are_logits(scores) else 0.5


def are_logits(scores: NDArray[Any]) -> bool:
    """Whether scores of classes lie beyond 0 to 1, so that they are no probabilities."""
    return bool(((scores < -_SLACK) | (scores > 1 + _SLACK)).any())


def _classes(
    labels: NDArray[Any], scores: NDArray[Any]
) -> tuple[NDArray[np.integer[Any]], NDArray[Any]] | None:
    """Classes ``[rows]`` and the scores ``[rows, classes]`` that they are for."""
    if not len(labels) or not scores.size:
        return None
    labels = labels.astype(np.uint8) if labels.dtype.kind == "b" else labels
    if scores.ndim >= 2 and scores.shape[-1] >= 2:
        rows = scores.reshape(-1, scores.shape[-1])
        if labels.shape == scores.shape and labels.dtype.kind in "biuf":
            hot = labels.reshape(rows.shape)
            single = np.count_nonzero(hot, 1) == 1
            return (hot.argmax(1), rows) if (single & (hot.max(1) == 1)).all() else None
        if labels.shape in (scores.shape[:-1], (*scores.shape[:-1], 1)):
            return (labels.reshape(-1), rows) if labels.dtype.kind in "iu" else None
    if labels.size != len(labels) or len(labels) != len(scores) or labels.dtype.kind not in "iu":
        return None
    truth, rows = labels.reshape(-1), scores.reshape(len(scores), -1)
    return (truth, rows) if rows.shape[1] > 1 or np.isin(truth, (0, 1)).all() else None
