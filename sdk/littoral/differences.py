"""How two arrays differ, and how much of what was meant is left. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_DB = 300.0
"""Stands for no difference at all: float64 itself ends at 320 dB."""

NEAR = 0.01
"""Share of the range within which two values of no classification agree."""


@dataclass(frozen=True)
class Difference:
    """One array against another of the same shape.

    Attributes:
        max_abs: Largest difference; `mean_abs` the mean, `rms` the root mean square.
        relative: Largest difference over the first array's largest value.
        snr_db: Signal-to-noise ratio in decibels, 300 for equal arrays, see `signal_to_noise`.
        agreement: Share of samples for which both name the same class; of values within 1% of the
            first array's range where they are no classification.
        not_finite: Values that are NaN or infinite in one array or the other, and not the same in
            both. They count in no figure but `agreement`.
    """

    max_abs: float
    mean_abs: float
    rms: float
    relative: float
    snr_db: float
    agreement: float
    not_finite: int


def difference(a: NDArray[Any], b: NDArray[Any]) -> Difference:
    """Hold one array against another.

    Args:
        a: Numbers or booleans, samples along the first axis.
        b: Of the same shape.

    Returns:
        The figures; all of them 0 (300 dB, agreement 1) for equal or empty arrays.

    Raises:
        ValueError: The shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape} cannot be compared")
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    finite = np.isfinite(left) & np.isfinite(right)
    signal = left[finite]
    noise = np.abs(signal - right[finite])
    largest = float(np.abs(signal).max(initial=0.0))
    return Difference(
        max_abs=float(noise.max(initial=0.0)),
        mean_abs=float(noise.mean()) if noise.size else 0.0,
        rms=_rms(noise),
        relative=float(noise.max(initial=0.0)) / (largest or 1.0),
        snr_db=signal_to_noise(signal, right[finite]),
        agreement=_agreement(left, right, same, largest),
        not_finite=int(np.count_nonzero(~finite & ~same)),
    )


def signal_to_noise(signal: NDArray[Any], noisy: NDArray[Any]) -> float:
    """10 log10 of the signal's power over the power of what was added to it, in dB.

    For a uniform quantizer of step s the added power is s*s/12 (Bennett, "Spectra of Quantized
    Signals", 1948), so 8 bits over the range of a uniform signal give 48 dB.

    Args:
        signal: What was meant.
        noisy: What came, of the same size.

    Returns:
        Between -300 and 300; 300 where nothing was added, -300 where all of it was.
    """
    meant, came = (np.asarray(values, np.float64).ravel() for values in (signal, noisy))
    power, added = float(meant @ meant), float(np.square(came - meant).sum())
    if added == 0.0:
        return EXACT_DB
    if power == 0.0:
        return -EXACT_DB
    return float(np.clip(10.0 * np.log10(power / added), -EXACT_DB, EXACT_DB))


def is_classes(values: NDArray[Any]) -> bool:
    """Whether an output is one score per class, ``[n, classes]``."""
    return values.ndim == 2 and values.shape[1] > 1


def _agreement(
    a: NDArray[np.float64], b: NDArray[np.float64], same: NDArray[np.bool_], largest: float
) -> float:
    if not a.size:
        return 1.0
    if is_classes(a) and np.isfinite(a).all() and np.isfinite(b).all():
        return float(np.mean(a.argmax(1) == b.argmax(1)))
    with np.errstate(invalid="ignore"):
        return float(np.mean(same | (np.abs(a - b) <= NEAR * largest)))


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
