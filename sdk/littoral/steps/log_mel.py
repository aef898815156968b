"""A recording to the levels of its mel bands, frame by frame.

sample_rate     Hz; a recording of another rate is resampled
frame_length    samples in the window
frame_step      samples from one frame to the next
fft_length      samples in the FFT, at least frame_length
mel_bins        number of bands
frames          of the result: longer ones are cut, shorter ones padded with zeros at the end; left
                out, as many as there are
low_hz, high_hz     edges of the lowest and highest band; 0 and half the rate by default
mel_scale       slaney (default: triangles straight over Hz) or htk (straight over mel)
norm            area (default: triangles of unit area over Hz) or peak (of height 1)
window          hann (default) or hamming, both periodic
padding         by half an FFT at both ends, with zero (default) or reflect; or none
power           2 (default) sums squared magnitudes, 1 magnitudes
log             db (default), ln or none
floor           least value under the logarithm, 1e-10 by default
offset          added to it after that, 0 by default
reference       with db: the value at 0 dB, 1 by default, or max for the recording's loudest
range_db        with db: nothing lies more than this below the loudest, 80 by default, or null
layout          frames_first (default) or frames_last

Padded, the window stands in the middle of the FFT's span, as in librosa and Keras. The defaults
are librosa's `feature.melspectrogram` and `power_to_db`. Keras's `MelSpectrogram` is ``padding``
reflect, ``mel_scale`` htk, ``norm`` peak, ``low_hz`` 20, ``layout`` frames_last. `tf.signal.stft`
and `linear_to_mel_weight_matrix` with a logarithm of ``x + offset`` are ``padding`` none,
``mel_scale`` htk, ``norm`` peak, ``power`` 1, ``log`` ln, ``floor`` 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.steps import _signals, _spectrum, _wav
from littoral.steps._spectrum import Settings as Settings

ENDINGS = _wav.ENDINGS


def apply(settings: Settings, raw: Any) -> NDArray[np.float32]:
    """Read, resample, cut into frames and take the level of each band.

    Args:
        settings: The settings.
        raw: Path or bytes of a recording, ``(rate, samples)``, or samples at the step's rate;
            samples are ``[n]`` or ``[n, channels]``, floats from -1 to 1 or PCM integers.

    Returns:
        float32 ``[frames, mel_bins]`` or ``[mel_bins, frames]``.

    Raises:
        InputError: No recording, or one that is too short.
        EngineNotInstalled: A recording that is no .wav, and soundfile is missing.
    """
    signal = _wav.signal_of(raw, settings.sample_rate)
    return _spectrum.laid_out(settings, _spectrum.levels_of(settings, signal))


def signal(settings: Settings) -> _signals.Spectrum:
    """The step over a signal that goes on; see `littoral.steps`."""
    return _signals.Spectrum(settings)
