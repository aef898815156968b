"""An .npz file: ``x`` and ``y``, or both for train and test; ``labels`` if there are names."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_models.readers import Samples, classes_of

KIND = "an .npz file"
_INPUT_NAMES = {2: "features", 3: "sequence", 4: "image"}


def accepts(path: Path) -> bool:
    """True for a file that ends in .npz."""
    return path.suffix == ".npz" and path.is_file()


def read(path: Path) -> Samples:
    """Read samples and labels.

    Args:
        path: Labels in it are class numbers, or names as strings.

    Raises:
        InputError: Not an .npz file, arrays are missing, or labels are neither.
    """
    try:
        # Opened here: NumPy leaves a file that it opened and cannot read to the garbage collector.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no .npz file without Python objects: {error}") from error
    parts = ("_train", "_test") if "x_train" in arrays else ("",)
    missing = [f"{k}{part}" for part in parts for k in "xy" if f"{k}{part}" not in arrays]
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(missing)}: it must hold x and y, or x_train, y_train, x_test "
            f"and y_test; it holds {', '.join(arrays) or 'nothing'}"
        )
    given = arrays.get("labels")
    y = np.concatenate([np.atleast_1d(arrays[f"y{part}"]) for part in parts])
    labels, numbers = _classes(path, y, given)
    x = _samples(arrays[f"x{parts[0]}"])
    count = len(np.atleast_1d(arrays[f"y{parts[0]}"]))
    test = (_samples(arrays["x_test"]), numbers[count:]) if len(parts) == 2 else None
    name = "tokens" if x.dtype.kind == "i" else _INPUT_NAMES.get(x.ndim, "x")
    return Samples(x, numbers[:count], labels, name, test=test)


def _classes(
    path: Path, y: NDArray[Any], given: NDArray[Any] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if y.dtype.kind in "US" and y.ndim == 1:
        return classes_of([str(entry) for entry in y])
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise InputError(
            f"{path}: y must be one class number or name per sample, "
            f"not {y.dtype} of shape {list(y.shape)}"
        )
    if len(y) == 0 or y.min() < 0:
        raise InputError(f"{path}: y must hold class numbers from 0, not {y.min(initial=0)}")
    labels = given.tolist() if given is not None else range(int(y.max()) + 1)
    return tuple(str(label) for label in labels), y.astype(np.int64)


def _samples(x: NDArray[Any]) -> NDArray[Any]:
    """Floats and bytes as float32; whole numbers in rows stay int32, for they may be tokens."""
    if x.dtype.kind in "iu" and x.dtype.itemsize > 1 and x.ndim == 2:
        return x.astype(np.int32)
    return x.astype(np.float32) if x.dtype.kind in "biuf" else x
