"""A recording to mel-frequency cepstral coefficients.

coefficients    how many are kept, at most mel_bins
dct             orthonormal (default: DCT of type II, as librosa), or htk: each
                ``sqrt(2 / mel_bins)`` times its sum of cosines, also the first, as `tf.signal`

and every setting of `littoral.steps.log_mel`, whose levels the cosine transform takes. With the
defaults it is librosa's `feature.mfcc`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.steps import _signals, _spectrum, _wav
from littoral.steps._settings import one_of, setting, whole

ENDINGS = _wav.ENDINGS


@dataclass(frozen=True, kw_only=True)
class Settings(_spectrum.Settings):
    """What a card says of the step: the settings of `log_mel` and two more."""

    coefficients: int = setting(whole())
    dct: str = setting(one_of("orthonormal", "htk"), "orthonormal")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.coefficients > self.mel_bins:
            raise ValueError("coefficients are more than mel_bins")


def apply(settings: Settings, raw: Any) -> NDArray[np.float32]:
    """Read, resample, cut into frames and transform.

    Args:
        settings: The settings.
        raw: Path or bytes of a recording, ``(rate, samples)``, or samples at the step's rate;
            samples are ``[n]`` or ``[n, channels]``, floats from -1 to 1 or PCM integers.

    Returns:
        float32 ``[frames, coefficients]`` or ``[coefficients, frames]``.

    Raises:
        InputError: No recording, or one that is too short.
        EngineNotInstalled: A recording that is no .wav, and soundfile is missing.
    """
    signal = _wav.signal_of(raw, settings.sample_rate)
    levels = _spectrum.levels_of(settings, signal)
    return _spectrum.laid_out(settings, cepstrum(settings, levels))


def signal(settings: Settings) -> _signals.Spectrum:
    """The step over a signal that goes on; see `littoral.steps`."""
    return _signals.Spectrum(settings, lambda levels: cepstrum(settings, levels))


def cepstrum(settings: Settings, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of frames, each for itself.

    Args:
        settings: The settings.
        levels: float64 ``[..., mel_bins]``, of `littoral.steps._spectrum.levels`.

    Returns:
        float64 ``[..., coefficients]``.
    """
    matrix = _cosines(settings.mel_bins, settings.coefficients, settings.dct)
    return np.asarray(levels @ matrix.T)


@functools.lru_cache(maxsize=8)
def _cosines(size: int, kept: int, kind: str) -> NDArray[np.float64]:
    k, n = np.arange(kept)[:, None], np.arange(size)
    matrix = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * np.sqrt(2 / size)
    if kind == "orthonormal":
        matrix[0] /= np.sqrt(2)
    return np.asarray(matrix)
