"""Rounding weights to 4 bits: with so few steps, where the largest lies matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST = 7
"""Symmetric: -8 is not used."""

_SHARES = np.linspace(0.5, 1.0, 26)
"""Shares of the largest weight that may become the largest step; what lies beyond is cut off."""


def quantize(
    columns: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize each column with the scale that keeps the squared error least.

    Args:
        columns: Weights (n, channels).

    Returns:
        Integers from -7 to 7 of the same shape, and one scale per channel.
    """
    peaks = np.maximum(np.abs(columns).max(axis=0), 1e-12)
    best = np.full(columns.shape[1], np.inf)
    scales = (peaks / LARGEST).astype(np.float32)
    for share in _SHARES:
        tried = (peaks * share / LARGEST).astype(np.float32)
        rounded = np.clip(np.rint(columns / tried), -LARGEST, LARGEST) * tried
        errors = np.square(columns - rounded).sum(axis=0)
        better = errors < best
        best[better], scales[better] = errors[better], tried[better]
    quanta = np.clip(np.rint(columns / scales), -LARGEST, LARGEST).astype(np.int8)
    return quanta, scales


def nibbles(quanta: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Pack 4-bit integers two in a byte, the first one in the low half.

    Args:
        quanta: Integers from -8 to 7, any shape; packed in C order.

    Returns:
        Half as many bytes, rounded up.
    """
    flat = np.bitwise_and(quanta.reshape(-1).view(np.uint8), np.uint8(15))
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
    packed: NDArray[np.uint8] = np.bitwise_or(flat[0::2], np.left_shift(flat[1::2], np.uint8(4)))
    return packed
