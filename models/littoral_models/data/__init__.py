"""Data sets. One module a set, which is its own registration; `load` finds it by name.

A set's module offers:

    NAME, LABELS, PREPROCESSING, CARD       what the model's card will say
    load(full) -> Dataset                   the arrays, embedded or whole
    rebuild(package) -> dict                the embedded arrays, cut again from the package
    `python -m littoral_models.data.SET --rebuild PACKAGE` writes them

People's own files are read by `littoral_models.readers`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from littoral import plugins
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_models import readers

TEST_SHARE = 0.2
"""Share of people's own samples that is set apart for testing when they do not do it."""

_SEED = 20


@dataclass(frozen=True)
class Dataset:
    """Samples with labels, split, in the form that a model takes.

    Attributes:
        name: What it is called, for example ``"letter"``.
        x_train: Training samples, [n, ...] float32 or int32.
        y_train: Their classes, [n] int64 in 0..len(labels)-1.
        x_test: Test samples, never seen in training.
        y_test: Their classes.
        labels: Class names by class number.
        preprocessing: Steps from raw data to one sample (`littoral.preprocess`); empty when the
            samples are what the source gives.
        card: What it is, whose it is and under which licence: source, licence, attribution, split.
        input_name: What one sample is called as the input of a model.
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    labels: tuple[str, ...]
    preprocessing: tuple[Mapping[str, Any], ...]
    card: Mapping[str, str]
    input_name: str

    def __post_init__(self) -> None:
        """Refuse samples and labels that do not fit each other."""
        for part, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            _check(f"{self.name} ({part})", x, y, len(self.labels))
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise InputError(
                f"{self.name}: training samples are {list(self.x_train.shape[1:])}, "
                f"test samples {list(self.x_test.shape[1:])}; give both the same shape"
            )

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x_train.shape[1:])


def names() -> tuple[str, ...]:
    """Names of the sets that come with littoral."""
    return plugins.names(sys.modules[__name__])


def load(name_or_path: str | os.PathLike[str], *, full: bool = False) -> Dataset:
    """Load a set by name, or people's own data by path.

    Args:
        name_or_path: ``"letter"``, ``"fashion_mnist"``, ``"spoken_digits"``, ``"udhr"``, or the
            path of an .npz or .csv file or of a folder with one folder of images or .wav per class.
        full: Take the whole set instead of the embedded part where there is more.

    Returns:
        The set, split into training and test samples.

    Raises:
        InputError: Unknown name, missing data, or data that do not fit.
    """
    if name_or_path in names():
        found: Dataset = plugins.load(sys.modules[__name__], str(name_or_path)).load(full)
        return found
    path = Path(name_or_path)
    if not path.exists():
        raise InputError(
            f"no data at {path}: give a file, a folder, or one of {', '.join(names())}"
        )
    return _split(path.name, readers.read(path))


def _split(name: str, samples: readers.Samples) -> Dataset:
    """Set a share of each class apart for testing, unless the file has done so."""
    train, test = (samples.x, samples.y), samples.test
    split = "as the file gives it"
    if test is None:
        _check(name, *train, len(samples.labels))
        in_test = _drawn_for_test(samples.y)
        if in_test.all():
            raise InputError(f"{name}: one sample a class is too few to train and to test")
        test = samples.x[in_test], samples.y[in_test]
        train = samples.x[~in_test], samples.y[~in_test]
        split = f"{TEST_SHARE:.0%} of each class for test, drawn at random"
    return Dataset(
        name=name,
        x_train=train[0],
        y_train=train[1],
        x_test=test[0],
        y_test=test[1],
        labels=samples.labels,
        preprocessing=samples.preprocessing,
        card={"name": name, "licence": "your own", "split": split},
        input_name=samples.input_name,
    )


def _drawn_for_test(y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which samples are for testing: a share of each class, at least one."""
    in_test = np.zeros(len(y), bool)
    draw = np.random.default_rng(_SEED)
    for number in np.unique(y):
        of_class = draw.permutation(np.flatnonzero(y == number))
        in_test[of_class[: max(1, round(TEST_SHARE * len(of_class)))]] = True
    return in_test


def _check(what: str, x: NDArray[Any], y: NDArray[Any], classes: int) -> None:
    if x.ndim < 2 or len(x) == 0:
        raise InputError(f"{what}: x must be [samples, ...] with samples, not {list(x.shape)}")
    if y.ndim != 1 or len(y) != len(x):
        raise InputError(
            f"{what}: {len(x)} samples need {len(x)} labels in one column, not {list(y.shape)}"
        )
    if y.dtype.kind not in "iu":
        raise InputError(f"{what}: labels must be class numbers, not {y.dtype}")
    if y.min() < 0 or y.max() >= classes:
        raise InputError(
            f"{what}: labels run from {y.min()} to {y.max()}, "
            f"with {classes} classes they must lie in 0..{classes - 1}"
        )
    if x.dtype.kind not in "fiu":
        raise InputError(f"{what}: x must be numbers, not {x.dtype}")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise InputError(f"{what}: x holds NaN or infinity; clean the data first")
