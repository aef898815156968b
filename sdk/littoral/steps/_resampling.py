"""Changing a signal's sample rate."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError

Signal = NDArray[np.float64]
_KAISER_BETA = 5.0
_ZERO_CROSSINGS = 10
_OUTPUTS_AT_ONCE = 4096
_MOST_OUTPUTS = 1 << 27


def resample(signal: Signal, rate: int, wanted: int) -> Signal:
    """Change the sample rate with a windowed-sinc filter that cuts at the lower half rate.

    Args:
        signal: ``[samples]``.
        rate: Its rate in Hz.
        wanted: The rate in Hz to bring it to.

    Returns:
        ``[ceil(samples * wanted / rate)]``: SciPy's ``signal.resample_poly`` with its default
        window, Kaiser with beta 5 over ten zero crossings on each side.

    Raises:
        InputError: More samples than a machine holds: the rate is wrong.
    """
    divisor = math.gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    if up == down:
        return signal
    count = -(-len(signal) * up // down)
    if count > _MOST_OUTPUTS:
        raise InputError(f"{len(signal)} samples at {rate} Hz are {count} at {wanted} Hz: too many")
    half = _ZERO_CROSSINGS * max(up, down)
    taps = filter_taps(up, down)
    reach = half // up + 1
    padded = np.pad(signal, reach + 1)
    result = np.empty(count)
    around = np.arange(-reach, reach + 1)
    for start in range(0, count, _OUTPUTS_AT_ONCE):
        position = np.arange(start, min(start + _OUTPUTS_AT_ONCE, count)) * down
        nearest = position // up
        source = nearest[:, None] + around
        distance = position[:, None] - source * up
        inside = np.abs(distance) <= half
        weights = np.where(inside, taps[np.where(inside, distance + half, 0)], 0.0)
        values = padded[np.clip(source + reach + 1, 0, len(padded) - 1)]
        result[start : start + len(position)] = (weights * values).sum(axis=1)
    return result


@functools.lru_cache(maxsize=4)
def filter_taps(up: int, down: int) -> Signal:
    """The filter at `up` times the input's rate.

    Args:
        up: Samples put where one was.
        down: Of which every so manieth is kept.

    Returns:
        ``[2 * half + 1]`` with ``half = 10 * max(up, down)``, summing to `up`.
    """
    half = _ZERO_CROSSINGS * max(up, down)
    offsets = np.arange(-half, half + 1)
    taps = np.sinc(offsets / max(up, down)) * np.kaiser(2 * half + 1, _KAISER_BETA)
    return np.asarray(taps * (up / taps.sum()))
