"""Recordings: reading PCM .wav files with the standard library, and changing the sample rate."""

from __future__ import annotations

import io
import math
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError

Signal = NDArray[np.float64]
_KAISER_BETA = 5.0
_ZERO_CROSSINGS = 10
_OUTPUTS_AT_ONCE = 4096


def read(source: str | os.PathLike[str] | bytes | bytearray) -> tuple[int, Signal]:
    """A .wav file's rate in Hz and its samples from -1 to 1, channels averaged.

    Args:
        source: Path or bytes of a PCM file of 8, 16, 24 or 32 bits.

    Raises:
        InputError: No such file, or no such recording.
    """
    name = "the recording" if isinstance(source, (bytes, bytearray)) else str(source)
    try:
        content = (
            bytes(source) if isinstance(source, (bytes, bytearray)) else Path(source).read_bytes()
        )
        with wave.open(io.BytesIO(content)) as recording:
            rate, width = recording.getframerate(), recording.getsampwidth()
            channels = recording.getnchannels()
            data = recording.readframes(recording.getnframes())
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error
    except (wave.Error, EOFError, ValueError) as error:
        raise InputError(f"{name} is no PCM .wav recording: {error}") from error
    data = data[: len(data) // (width * channels) * width * channels]
    samples = _pcm(data, width)
    if not samples.size or rate < 1:
        raise InputError(f"{name} holds no samples")
    return rate, samples.reshape(-1, channels).mean(axis=1)


def to_float(samples: NDArray[Any]) -> Signal:
    """Samples from -1 to 1, ``[samples]`` or ``[samples, channels]`` averaged.

    Raises:
        InputError: No numbers, empty, not finite, or more than two axes.
    """
    if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2) or not samples.size:
        raise InputError(
            f"expected samples [n] or [n, channels], came {samples.dtype} {list(samples.shape)}"
        )
    signal = samples.astype(np.float64)
    if samples.dtype.kind == "u":
        signal -= 2.0 ** (8 * samples.dtype.itemsize - 1)
    if samples.dtype.kind in "iu":
        signal /= 2.0 ** (8 * samples.dtype.itemsize - 1)
    if not np.isfinite(signal).all():
        raise InputError("the recording has samples that are NaN or infinite")
    return signal if signal.ndim == 1 else np.asarray(signal.mean(axis=1))


def resample(signal: Signal, rate: int, wanted: int) -> Signal:
    """Change the sample rate with a windowed-sinc filter that cuts at the lower half rate.

    Args:
        signal: ``[samples]``.
        rate: Its rate in Hz.
        wanted: The rate in Hz to bring it to.

    Returns:
        ``[ceil(samples * wanted / rate)]``: SciPy's ``signal.resample_poly`` with its default
        window, Kaiser with beta 5 over ten zero crossings on each side.
    """
    divisor = math.gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    if up == down:
        return signal
    half = _ZERO_CROSSINGS * max(up, down)
    offsets = np.arange(-half, half + 1)
    taps = np.sinc(offsets / max(up, down)) * np.kaiser(2 * half + 1, _KAISER_BETA)
    taps *= up / taps.sum()
    count = -(-len(signal) * up // down)
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


def _pcm(data: bytes, width: int) -> Signal:
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if width == 3:
        packed = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(packed), 4), np.uint8)
        wide[:, 1:] = packed
        return wide.reshape(-1).view("<i4") / 2.0**31
    if width in (2, 4):
        return np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)
    raise InputError(f"samples of {8 * width} bits are not supported: use 8, 16, 24 or 32")
