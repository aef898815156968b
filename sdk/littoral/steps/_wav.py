"""Recordings: reading .wav files, and what else libsndfile reads where it is installed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import EngineNotInstalled, InputError
from littoral.steps._resampling import resample

Signal = NDArray[np.float64]

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = slice(24, 26)
_LARGEST_RATE = 768_000  # of what converters sell; a filter for more would fill the memory


def signal_of(raw: Any, rate: int) -> Signal:
    """One channel at the wanted rate, from whatever a person has.

    Args:
        raw: Path or bytes of a recording, ``(rate, samples)``, or samples at the wanted rate.
        rate: Hz.

    Returns:
        float64 ``[samples]``, from -1 to 1 where the samples are.

    Raises:
        InputError: No recording, or an empty one.
        EngineNotInstalled: No .wav, and soundfile is missing; the message names the extra.
    """
    own_rate, samples = _samples(raw, rate)
    return resample(samples, own_rate, rate)


def read(source: str | os.PathLike[str] | bytes | bytearray) -> tuple[int, Signal]:
    """A recording's rate in Hz and its samples from -1 to 1, channels averaged.

    Args:
        source: Path or bytes of a .wav file with integers of 8, 16, 24 or 32 bits or floats of 32
            or 64; with ``[audio]`` also of a file that libsndfile reads (FLAC, Ogg, MP3, ...).

    Raises:
        InputError: No such file, or no such recording.
        EngineNotInstalled: Another format, and soundfile is missing; the message names the extra.
    """
    given = isinstance(source, (bytes, bytearray))
    name = "the recording" if given else str(source)
    try:
        content = bytes(source) if given else Path(source).read_bytes()  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error
    is_wav = content[:4] == b"RIFF" and content[8:12] == b"WAVE"
    rate, samples = _riff(name, content) if is_wav else _with_soundfile(name, content)
    if not samples.size:
        raise InputError(f"{name} holds no samples")
    if not np.isfinite(samples).all():
        raise InputError(f"{name} has samples that are NaN or infinite")
    return rate, samples.mean(axis=1)


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


def _samples(raw: Any, rate: int) -> tuple[int, Signal]:
    if isinstance(raw, (str, os.PathLike, bytes, bytearray)):
        return read(raw)
    if isinstance(raw, np.ndarray):
        return rate, to_float(raw)
    if isinstance(raw, tuple) and len(raw) == 2:
        if not isinstance(raw[0], (int, np.integer)) or not 1 <= raw[0] <= _LARGEST_RATE:
            raise InputError(f"expected a sample rate in Hz in front of the samples, came {raw[0]}")
        return int(raw[0]), to_float(np.asarray(raw[1]))
    raise InputError(
        f"expected a recording's path or bytes, samples, or (rate, samples), "
        f"came {type(raw).__name__}"
    )


def _riff(name: str, content: bytes) -> tuple[int, Signal]:
    """Chunks: four letters, a size, and as many bytes, padded to an even number."""
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(content) and b"data" not in found:
        kind, size = content[place : place + 4], _number(content[place + 4 : place + 8])
        found.setdefault(kind, content[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    head, data = found.get(b"fmt ", b""), found.get(b"data")
    if len(head) < 16 or data is None:
        raise InputError(f"{name} is no whole .wav recording: its header or its data is missing")
    code, channels, rate = _number(head[:2]), _number(head[2:4]), _number(head[4:8])
    if code == _EXTENSIBLE:
        code = _number(head[_SUBFORMAT])
    if not channels or not 1 <= rate <= _LARGEST_RATE:
        raise InputError(f"{name} is no .wav recording: {channels} channels at {rate} Hz")
    bits = _number(head[14:16])
    frame = max(1, bits // 8 * channels)
    samples = _decoded(name, code, bits, data[: len(data) // frame * frame])
    return rate, samples.reshape(-1, channels)


def _decoded(name: str, code: int, bits: int, data: bytes) -> Signal:
    if code == _FLOAT and bits in (32, 64):
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64)
    if code == _PCM and bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if code == _PCM and bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4") / 2.0**31
    if code == _PCM and bits in (16, 32):
        return np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)
    raise InputError(
        f"{name} holds .wav samples of kind {code} with {bits} bits: write it as integers of 8, "
        "16, 24 or 32 bits or as floats"
    )


def _with_soundfile(name: str, content: bytes) -> tuple[int, Signal]:
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise EngineNotInstalled(
            f"{name} is no .wav recording, and another format needs soundfile: "
            "pip install 'littoral[audio]'"
        ) from error
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise InputError(f"{name} is no recording that libsndfile reads") from error
    return int(rate), samples


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
