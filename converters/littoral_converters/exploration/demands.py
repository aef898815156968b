"""What a user demands of a file, and by how much one misses it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_converters.exploration.proofs import Proof
from littoral_converters.verification import Verification

_ROUNDING = 1e-9
_OWN_ANSWERS = 1e-5
"""Share of the values below which an error is rounding: float32 in another order gives 1e-6."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)i?B?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


@dataclass(frozen=True)
class Demands:
    """Limits on a file.

    Attributes:
        max_drop: Accuracy that may be lost against Keras, in points. Where the labels are values,
            the growth of the mean absolute error, in percent.
        max_size: Bytes; None for any.
    """

    max_drop: float
    max_size: int | None = None

    def miss(self, proof: Proof) -> str:
        """What keeps a proof from being taken, in words; empty where nothing does."""
        if proof.problem:
            return proof.problem
        if self.max_size is not None and (proof.size_bytes or 0) > self.max_size:
            return f"it has {proof.size_bytes} bytes, {self.max_size} are allowed"
        if proof.verification is None:
            return ""
        return self.miss_of(proof.verification)

    def miss_of(self, verification: Verification) -> str:
        """What keeps a comparison with Keras from being accepted; empty where nothing does."""
        if not verification.passed:
            return f"it does not agree with Keras: {verification.reason}"
        drop = drop_of(verification)
        if drop > self.max_drop + _ROUNDING:
            unit = "points of accuracy" if verification.metric == "accuracy" else "% of its error"
            verb = "loses" if verification.metric == "accuracy" else "adds"
            return f"it {verb} {drop:.2f} {unit}, {self.max_drop:g} are allowed"
        return ""


def drop_of(verification: Verification) -> float:
    """Points of accuracy lost, or percent of the mean absolute error added; negative for a gain.

    Infinite where it is not known.
    """
    if verification.drop_points is not None:
        return verification.drop_points
    value, known = verification.value, verification.float_value
    if value is None or known is None or not math.isfinite(value - known):
        return float("inf")
    return 100.0 * (value - known) / max(known, 1e-12)


def check_labels(keras: Verification, labels: NDArray[Any] | None) -> None:
    """Refuse values that are Keras's own answers: nothing is a percentage of no error.

    Args:
        keras: Keras's outputs held against themselves and the labels.
        labels: The labels.

    Raises:
        InputError: The labels are what Keras answers, but for rounding.
    """
    if labels is None or keras.metric != "mean_abs_error" or keras.float_value is None:
        return
    usual = float(np.abs(np.float64(labels)).mean())
    if keras.float_value <= _OWN_ANSWERS * usual:
        raise InputError(
            "evaluation data: y is what Keras itself answers (its mean absolute error is "
            f"{keras.float_value:.2g}, of values around {usual:.2g}), so that --max-drop would be "
            "a percentage of nothing: give measured values, or classes"
        )


def check_drop(max_drop: float) -> None:
    """Refuse a limit that is no number of points.

    Raises:
        InputError: Negative, or not a number.
    """
    if not 0 <= max_drop <= 100:
        raise InputError(
            f"--max-drop is {max_drop:g}: give points of accuracy, or percent of an error, from 0 "
            "to 100"
        )


def parse_size(text: str) -> int:
    """A size as people write it: ``200k``, ``1.5M``, ``200000``, with or without ``B``.

    Raises:
        InputError: Anything else, or nothing.
    """
    match = _SIZE.fullmatch(text.strip())
    count = round(float(match[1]) * _FACTORS[match[2].lower()]) if match else 0
    if count <= 0:
        raise InputError(f"{text!r} is no size: write for example 200k, 1.5M or 200000")
    return count


_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def parse_seconds(text: str) -> float:
    """A length of time as people write it: ``120s``, ``120``, ``2m``, ``1h``.

    Raises:
        InputError: Anything else, or nothing.
    """
    match = _TIME.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise InputError(f"{text!r} is no length of time: write for example 120s, 2m or 1h")
    return seconds
