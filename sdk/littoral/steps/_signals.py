"""A signal that goes on: each of its frames computed once, when its last sample is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps import _spectrum, _wav

Array = NDArray[Any]
Doubles = NDArray[np.float64]
Transform = Callable[[Doubles], Doubles]


class Samples:
    """A signal whose rows are its samples; see `littoral.steps`.

    Attributes:
        seconds: Time from one row to the next.
    """

    def __init__(self, rate: int) -> None:
        """Begin a signal of this rate in Hz."""
        self._rate = rate
        self.seconds = 1 / rate

    def push(self, raw: Any) -> Array:
        """Take some more of the signal.

        Args:
            raw: As the step takes it; a recording by its path may have any rate, samples must have
                the step's: to resample piece by piece would be heard at each seam.

        Returns:
            The rows that are complete now, ``[n, ...]``, to be handed to `whole` or `each`.

        Raises:
            InputError: No samples, or of another rate.
        """
        if isinstance(raw, tuple) and len(raw) == 2 and raw[0] != self._rate:
            raise InputError(
                f"a stream takes samples at {self._rate} Hz, came {raw[0]} Hz: resample the signal "
                "before it is cut into pieces"
            )
        if not isinstance(raw, (tuple, str, bytes)) and np.size(raw) == 0:
            return np.zeros(0)
        return _wav.signal_of(raw, self._rate)

    def end(self) -> Array:
        """The rows that are complete because the signal ends."""
        return np.zeros(0)

    def whole(self, rows: Array) -> Array:
        """What the step makes of a recording of these rows."""
        return np.asarray(rows, np.float32)

    def each(self, rows: Array) -> Array:
        """What the step makes of the latest rows, given all before them: ``[n, ...]``."""
        return np.asarray(rows, np.float32)


class Spectrum(Samples):
    """A signal whose rows are the levels of its frames."""

    def __init__(
        self, settings: _spectrum.Settings, transform: Transform = lambda rows: rows
    ) -> None:
        """Begin a signal.

        Args:
            settings: The settings.
            transform: From the levels of frames to what the step gives, each for itself.
        """
        super().__init__(settings.sample_rate)
        self.seconds = settings.frame_step / settings.sample_rate
        self._settings, self._transform = replace(settings, frames=None), transform
        half = settings.fft_length // 2
        left = (settings.fft_length - settings.frame_length) // 2
        self._before = 0 if settings.padding == "none" else half - left
        self._behind = half - (settings.fft_length - settings.frame_length - left)
        self._half = half
        self._is_begun = settings.padding == "none"
        self._waiting = np.zeros(0)
        self._latest = np.zeros(0)
        self._loudest = -np.inf

    def push(self, raw: Any) -> Array:
        """See `Samples.push`."""
        samples = super().push(raw)
        self._latest = np.concatenate([self._latest, samples])[-self._half - 1 :]
        self._waiting = np.concatenate([self._waiting, samples])
        if not self._is_begun:
            reflects = self._settings.padding == "reflect"
            if reflects and len(self._waiting) <= self._half:
                return self._levels(np.zeros((0, self._settings.frame_length)))
            mirrored = self._waiting[self._before : 0 : -1] if reflects else np.zeros(self._before)
            self._waiting = np.concatenate([mirrored, self._waiting])
            self._is_begun = True
        return self._complete()

    def end(self) -> Array:
        """See `Samples.end`."""
        if self._settings.padding != "none" and self._is_begun:
            mirrored = self._latest[-2::-1][: self._behind]
            behind = mirrored if self._settings.padding == "reflect" else np.zeros(self._behind)
            self._waiting = np.concatenate([self._waiting, behind])
        return self._complete()

    def whole(self, rows: Array) -> Array:
        """See `Samples.whole`."""
        if self._settings.log == "db":
            rows = _spectrum.ranged(self._settings, rows, rows.max())
        return _spectrum.laid_out(self._settings, self._transform(rows))

    def each(self, rows: Array) -> Array:
        """See `Samples.each`: the loudest is the loudest so far."""
        if self._settings.log == "db" and len(rows):
            loudest = np.maximum.accumulate(np.maximum(rows.max(axis=1), self._loudest))
            self._loudest = loudest[-1]
            rows = _spectrum.ranged(self._settings, rows, loudest[:, None])
        return np.asarray(self._transform(rows), np.float32)

    def _complete(self) -> Array:
        length, step = self._settings.frame_length, self._settings.frame_step
        count = max(0, (len(self._waiting) - length) // step + 1)
        if count == 0:
            return self._levels(np.zeros((0, length)))
        views = np.lib.stride_tricks.sliding_window_view(self._waiting, length)[::step][:count]
        rows = self._levels(views)
        self._waiting = self._waiting[count * step :]
        return rows

    def _levels(self, frames: Doubles) -> Doubles:
        mel = _spectrum.mel_of_frames(self._settings, frames)
        return _spectrum.levels_of_frames(self._settings, mel)
