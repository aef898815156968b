"""From a signal to mel bands, frame by frame: what `log_mel` and `mfcc` share.

A signal that goes on (`littoral.steps._signals`) needs `levels_of_frames` of every frame as it is
complete; only `ranged` looks at others, for the loudest.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps._settings import above_zero, number, one_of, optional, setting, whole

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """What a card says of a spectrum; the docstring of `littoral.steps.log_mel` explains each."""

    sample_rate: int = setting(whole())
    frame_length: int = setting(whole())
    frame_step: int = setting(whole())
    fft_length: int = setting(whole(most=1 << 20))
    mel_bins: int = setting(whole(most=1 << 16))
    frames: int | None = setting(optional(whole()), None)
    low_hz: float = setting(number, 0.0)
    high_hz: float | None = setting(optional(above_zero), None)
    mel_scale: str = setting(one_of("slaney", "htk"), "slaney")
    norm: str = setting(one_of("area", "peak"), "area")
    window: str = setting(one_of("hann", "hamming"), "hann")
    padding: str = setting(one_of("zero", "reflect", "none"), "zero")
    power: int = setting(one_of(1, 2), 2)
    log: str = setting(one_of("db", "ln", "none"), "db")
    floor: float = setting(number, 1e-10)
    offset: float = setting(number, 0.0)
    reference: float | str = setting(lambda v: v if v == "max" else above_zero(v), 1.0)
    range_db: float | None = setting(optional(above_zero), 80.0)
    layout: str = setting(one_of("frames_first", "frames_last"), "frames_first")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if self.frame_length > self.fft_length:
            raise ValueError("frame_length is more than fft_length")
        if not 0 <= self.low_hz < self.top_hz <= self.sample_rate / 2:
            raise ValueError("expected 0 <= low_hz < high_hz <= half the sample_rate")
        if self.log != "none" and self.floor + self.offset <= 0:
            raise ValueError("a logarithm needs a floor or an offset above 0")

    @property
    def top_hz(self) -> float:
        """The upper edge of the highest band."""
        return self.sample_rate / 2 if self.high_hz is None else self.high_hz


def levels_of(settings: Settings, signal: Doubles) -> Doubles:
    """Levels of a whole signal's bands.

    Args:
        settings: The settings.
        signal: float ``[samples]`` at the settings' rate.

    Returns:
        float64 ``[frames, mel_bins]``; frames are ``1 + samples // frame_step``, and without
        padding ``1 + (samples - frame_length) // frame_step``.

    Raises:
        InputError: The signal is too short for its padding, or for one frame.
    """
    return levels(settings, mel_of_frames(settings, frames_of(settings, signal)))


def frames_of(settings: Settings, signal: Doubles) -> Doubles:
    """Cut a whole signal, padded as the settings say, into frames that overlap.

    Args:
        settings: The settings.
        signal: float ``[samples]``.

    Returns:
        A view, ``[frames, frame_length]``.

    Raises:
        InputError: The signal is too short for its padding, or for one frame.
    """
    length, half = settings.frame_length, settings.fft_length // 2
    if settings.padding == "none":
        padded = signal
    else:
        if settings.padding == "reflect" and len(signal) <= half:
            raise InputError(f"{len(signal)} samples are too few to be mirrored: more than {half}")
        padded = np.pad(signal, half, "reflect" if settings.padding == "reflect" else "constant")
        # The window stands in the middle of the FFT's span.
        left = (settings.fft_length - length) // 2
        padded = padded[left : len(padded) - (settings.fft_length - length - left)]
    if len(padded) < length:
        raise InputError(f"{len(signal)} samples are too few for a frame of {length}")
    return np.lib.stride_tricks.sliding_window_view(padded, length)[:: settings.frame_step]


def mel_of_frames(settings: Settings, frames: Doubles) -> Doubles:
    """Mel bands of frames, each for itself.

    Args:
        settings: The settings.
        frames: float ``[..., frame_length]``.

    Returns:
        float64 ``[..., mel_bins]``, no logarithm taken yet.
    """
    spectrum = np.fft.rfft(
        frames * _window(settings.window, settings.frame_length), settings.fft_length
    )
    strength = spectrum.real**2 + spectrum.imag**2
    if settings.power == 1:
        strength = np.sqrt(strength)
    return np.asarray(strength @ mel_filters(settings).T)


def levels(settings: Settings, mel: Doubles) -> Doubles:
    """The logarithm of bands, as the settings want it.

    Args:
        settings: The settings.
        mel: float ``[..., mel_bins]``; of the whole recording, where ``log`` is db and
            ``reference`` is max or ``range_db`` is set.

    Returns:
        float64 of the same shape.
    """
    plain = levels_of_frames(settings, mel)
    return ranged(settings, plain, plain.max()) if settings.log == "db" else plain


def levels_of_frames(settings: Settings, mel: Doubles) -> Doubles:
    """The logarithm of bands, each frame for itself: all of `levels` but for `ranged`."""
    if settings.log == "none":
        return mel
    raised = np.maximum(mel, settings.floor) + settings.offset
    if settings.log == "ln":
        return np.log(raised)
    reference = 1.0 if settings.reference == "max" else float(settings.reference)
    return np.asarray(10 * (np.log10(raised) - np.log10(reference)))


def ranged(settings: Settings, levels: Doubles, loudest: Any) -> Doubles:
    """What the settings make of levels in dB by the loudest of them.

    Args:
        settings: The settings.
        levels: ``[..., mel_bins]``, of `levels_of_frames`.
        loudest: The level that ``reference`` max and ``range_db`` count from: one for all, or one
            a frame, ``[..., 1]``.
    """
    if settings.reference == "max":
        levels, loudest = levels - loudest, 0.0
    if settings.range_db is not None:
        levels = np.maximum(levels, loudest - settings.range_db)
    return levels


def laid_out(settings: Settings, values: Doubles) -> NDArray[np.float32]:
    """Cut or pad to the settings' frames, zeros at the end, and put the axes in their order.

    Args:
        settings: The settings.
        values: ``[frames, features]``.

    Returns:
        float32 ``[frames, features]`` or ``[features, frames]``.
    """
    count = len(values) if settings.frames is None else settings.frames
    result = np.zeros((count, values.shape[1]), np.float32)
    result[: len(values)] = values[:count]
    return np.ascontiguousarray(result.T) if settings.layout == "frames_last" else result


@functools.lru_cache(maxsize=8)
def mel_filters(settings: Settings) -> Doubles:
    """Overlapping triangles, evenly spaced on the mel scale.

    Args:
        settings: The settings.

    Returns:
        float64 ``[mel_bins, fft_length // 2 + 1]``. On the Slaney scale the sides are straight over
        Hz (librosa), on the HTK scale over mel (Keras, `tf.signal`).
    """
    to_mel, to_hertz = _SCALES[settings.mel_scale]
    ends = to_mel(np.array([settings.low_hz, settings.top_hz]))
    edges = np.linspace(ends[0], ends[1], settings.mel_bins + 2)
    bins = np.arange(settings.fft_length // 2 + 1) * (settings.sample_rate / settings.fft_length)
    if settings.mel_scale == "slaney":
        edges = to_hertz(edges)
    else:
        bins = to_mel(bins)
    widths = np.diff(edges)
    rising = (bins - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - bins) / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    if settings.norm == "area":
        hertz = edges if settings.mel_scale == "slaney" else to_hertz(edges)
        triangles *= (2 / (hertz[2:] - hertz[:-2]))[:, None]
    return np.asarray(triangles)


@functools.lru_cache(maxsize=8)
def _window(kind: str, length: int) -> Doubles:
    """Periodic, so that overlapping windows add up to a constant."""
    cosine = np.cos(2 * np.pi * np.arange(length) / length)
    return np.asarray(0.54 - 0.46 * cosine if kind == "hamming" else 0.5 - 0.5 * cosine)


# Slaney, Auditory Toolbox (1998): linear below 1000 Hz, 200/3 Hz a mel; above, 27 mels for each
# factor of 6.4.
_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27


def _slaney_mel(hertz: Doubles) -> Doubles:
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hertz < _BREAK_HZ, hertz / _LINEAR_HZ, above)


def _slaney_hertz(mel: Doubles) -> Doubles:
    beyond = mel - _BREAK_MEL
    return np.where(beyond < 0, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * beyond))


# Young and others, The HTK Book (2006), section 5.4.
def _htk_mel(hertz: Doubles) -> Doubles:
    return np.asarray(1127.0 * np.log(1 + hertz / 700.0))


def _htk_hertz(mel: Doubles) -> Doubles:
    return np.asarray(700.0 * (np.exp(mel / 1127.0) - 1))


_SCALES: dict[str, tuple[Any, Any]] = {
    "slaney": (_slaney_mel, _slaney_hertz),
    "htk": (_htk_mel, _htk_hertz),
}
