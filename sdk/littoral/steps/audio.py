"""A recording to one channel of samples at a fixed rate.

sample_rate     Hz; a recording of another rate is resampled
length          samples of the result: longer ones are cut, shorter ones padded with zeros at the
                end; left out, the recording keeps its length

Channels are averaged, integers become fractions from -1 to 1. Resampling is SciPy's
``signal.resample_poly`` with its default window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.steps import _signals, _wav
from littoral.steps._settings import optional, setting, whole

ENDINGS = _wav.ENDINGS


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains each."""

    sample_rate: int = setting(whole())
    length: int | None = setting(optional(whole()), None)


def apply(settings: Settings, raw: Any) -> NDArray[np.float32]:
    """Read, mix, resample, and cut or pad.

    Args:
        settings: The settings.
        raw: Path or bytes of a recording, ``(rate, samples)``, or samples at the step's rate;
            samples are ``[n]`` or ``[n, channels]``, floats from -1 to 1 or PCM integers.

    Returns:
        float32 ``[length]``.

    Raises:
        InputError: No recording, or an empty one.
        EngineNotInstalled: A recording that is no .wav, and soundfile is missing.
    """
    signal = _wav.signal_of(raw, settings.sample_rate)
    if settings.length is None:
        return signal.astype(np.float32)
    result = np.zeros(settings.length, np.float32)
    count = min(len(result), len(signal))
    result[:count] = signal[:count]
    return result


def signal(settings: Settings) -> _signals.Samples:
    """The step over a signal that goes on; see `littoral.steps`."""
    return _signals.Samples(settings.sample_rate)
