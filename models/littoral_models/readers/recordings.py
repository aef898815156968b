"""A folder with one folder of recordings per class."""

from __future__ import annotations

from pathlib import Path

from littoral.steps import _wav

from littoral_models.readers import Samples, class_folders, from_folders

KIND = "a folder with a folder of recordings per class"
LONGEST = 64
"""Frames: what is longer is cut, because each frame is a step of the network on the device."""

_WINDOW_SECONDS, _STEP_SECONDS = 0.050, 0.025
_MEL_BINS, _COEFFICIENTS = 40, 13


def accepts(path: Path) -> bool:
    """True for a folder in whose folders recordings lie."""
    return bool(class_folders(path, _wav.ENDINGS))


def read(path: Path) -> Samples:
    """Read all recordings as MFCC sequences, at the rate of the first one.

    Args:
        path: The folder; the names of its folders are the class names.

    Returns:
        float32 [n, frames, 13], zero padded at the end; frames are those of the longest, at most
        `LONGEST`.

    Raises:
        InputError: A file that is no recording.
        EngineNotInstalled: One that is no .wav, and soundfile is missing.
    """
    classes = class_folders(path, _wav.ENDINGS)
    read_all = {file: _wav.read(file) for files in classes.values() for file in files}
    rate = next(iter(read_all.values()))[0]
    window, step = round(_WINDOW_SECONDS * rate), round(_STEP_SECONDS * rate)
    seconds = max(len(samples) / own_rate for own_rate, samples in read_all.values())
    mfcc = {
        "step": "mfcc",
        "sample_rate": rate,
        "frame_length": window,
        "frame_step": step,
        "fft_length": 1 << (window - 1).bit_length(),
        "mel_bins": _MEL_BINS,
        "coefficients": _COEFFICIENTS,
        "frames": min(LONGEST, 1 + int(seconds * rate) // step),
    }
    return from_folders(classes, (mfcc,), "sequence")
