"""A recording to mel-frequency cepstral coefficients, in NumPy.

Settings: ``sample_rate`` (Hz; a recording of another rate is resampled), ``frame_length`` (samples
in the window), ``frame_step``, ``fft_length``, ``mel_bins``, ``coefficients``, ``frames`` (of the
result: longer recordings are cut, shorter ones padded with zeros at the end).

The arithmetic is librosa's `feature.mfcc` with its defaults: the signal is padded with zeros by
half an FFT on both sides; periodic Hann window, centred in the FFT; power spectrum; triangular
filters on the Slaney mel scale from 0 Hz to half the rate, each of unit area; decibels, that is
``10 log10(max(1e-10, power))``, not more than 80 below the recording's peak; orthonormal DCT of
type II.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps import _wav

_FLOOR = 1e-10
_RANGE_DB = 80.0


def apply(step: Mapping[str, Any], raw: Any) -> NDArray[np.float32]:
    """Read, resample, cut into frames and transform.

    Args:
        step: The settings.
        raw: Path of a ``.wav`` file, its bytes, or ``(rate, samples)`` with samples from -1 to 1
            (floats) or PCM integers.

    Returns:
        float32 ``[frames, coefficients]``.

    Raises:
        InputError: No recording, or an empty one.
    """
    rate, samples = _recording(raw)
    signal = _wav.resample(samples, rate, int(step["sample_rate"]))
    found = mfcc(
        signal,
        sample_rate=int(step["sample_rate"]),
        frame_length=int(step["frame_length"]),
        frame_step=int(step["frame_step"]),
        fft_length=int(step["fft_length"]),
        mel_bins=int(step["mel_bins"]),
        coefficients=int(step["coefficients"]),
    )
    frames = np.zeros((int(step["frames"]), found.shape[1]), np.float32)
    count = min(len(frames), len(found))
    frames[:count] = found[:count]
    return frames


def mfcc(
    signal: NDArray[np.floating],
    *,
    sample_rate: int,
    frame_length: int,
    frame_step: int,
    fft_length: int,
    mel_bins: int,
    coefficients: int,
) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients of a whole signal, as the module's docstring says.

    Args:
        signal: float ``[samples]``.
        sample_rate: Hz.
        frame_length: Samples in the window, at most `fft_length`.
        frame_step: Samples from one frame to the next.
        fft_length: Samples in the FFT.
        mel_bins: Number of filters.
        coefficients: How many of the cepstrum are kept.

    Returns:
        float32 ``[1 + samples // frame_step, coefficients]``.
    """
    padded = np.pad(np.asarray(signal, np.float64), fft_length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, fft_length)[::frame_step]
    window = np.zeros(fft_length)
    left = (fft_length - frame_length) // 2
    phase = 2 * np.pi * np.arange(frame_length) / frame_length
    window[left : left + frame_length] = 0.5 - 0.5 * np.cos(phase)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    mel = power @ mel_filters(sample_rate, fft_length, mel_bins).T
    decibels = 10 * np.log10(np.maximum(_FLOOR, mel))
    decibels = np.maximum(decibels, decibels.max() - _RANGE_DB)
    cepstrum: NDArray[np.float32] = decibels @ _dct(mel_bins, coefficients).T
    return cepstrum.astype(np.float32)


def mel_filters(sample_rate: int, fft_length: int, mel_bins: int) -> NDArray[np.float64]:
    """Triangles of unit area, evenly spaced on the Slaney mel scale.

    Args:
        sample_rate: Hz.
        fft_length: Samples in the FFT.
        mel_bins: Number of filters.

    Returns:
        float64 ``[mel_bins, fft_length // 2 + 1]``.
    """
    frequencies = np.fft.rfftfreq(fft_length, 1 / sample_rate)
    edges = _hertz(np.linspace(0, _mel(sample_rate / 2), mel_bins + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - frequencies
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges[2:] - edges[:-2]))[:, None])


# Slaney, Auditory Toolbox (1998): linear below 1000 Hz, 200/3 Hz a mel; above, 27 mels for each
# factor of 6.4.
_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HZ:
        return hertz / _LINEAR_HZ
    return float(_BREAK_HZ / _LINEAR_HZ + np.log(hertz / _BREAK_HZ) / _LOG_STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond = mel - _BREAK_HZ / _LINEAR_HZ
    return np.where(beyond < 0, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * beyond))


def _dct(size: int, kept: int) -> NDArray[np.float64]:
    k, n = np.arange(kept)[:, None], np.arange(size)
    matrix = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix)


def _recording(raw: Any) -> tuple[int, NDArray[np.float64]]:
    if isinstance(raw, (str, os.PathLike, bytes, bytearray)):
        return _wav.read(raw)
    if isinstance(raw, tuple) and len(raw) == 2:
        return int(raw[0]), _wav.to_float(np.asarray(raw[1]))
    raise InputError(f"expected a .wav file's path or (rate, samples), came {type(raw).__name__}")
