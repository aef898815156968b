"""Representative and evaluation data: whatever form it comes in, one array per input, checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from littoral.errors import InputError
from littoral.inputs import numpy_file
from littoral.tensors import TensorSpec
from numpy.typing import NDArray

from littoral_converters.calibration.reading import is_raw

Array = NDArray[Any]
Data = Mapping[str, Array] | Array | str | os.PathLike[str]
REPRESENTATIVE_SAMPLES = 256
"""Samples that calibration looks at: enough for stable ranges, few enough to take seconds."""

_OPEN_SIZES = (16, 8, 4, 64, 256)
"""What an open size is where no data says: positions may be few, and pictures too small."""


@dataclass(frozen=True)
class Dataset:
    """Checked data.

    Attributes:
        inputs: One array per input by Keras name, in Keras order, samples along the first axis.
        labels: ``y``, one per sample; None when there is none.
    """

    inputs: Mapping[str, Array]
    labels: Array | None = None

    def __len__(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    def head(self, count: int) -> Dataset:
        """`count` samples spread evenly over the data."""
        if count >= len(self):
            return self
        at = np.linspace(0, len(self) - 1, count).astype(int)
        labels = None if self.labels is None else self.labels[at]
        return Dataset({name: values[at] for name, values in self.inputs.items()}, labels)

    def filled(self, batch: int) -> Dataset:
        """The inputs in whole batches: the last sample again for those that lack."""
        missing = -len(self) % batch
        if not missing:
            return self
        return Dataset(
            {
                name: np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
                for name, values in self.inputs.items()
            }
        )

    def feeds(self, batch: int) -> list[dict[str, Array]]:
        """The inputs, so many samples at a time: see `filled`."""
        whole = self.filled(batch)
        return [
            {name: values[at : at + batch] for name, values in whole.inputs.items()}
            for at in range(0, len(whole), batch)
        ]


def check_file(data: Data | None, role: str, needs_labels: bool = False) -> None:
    """Open a file of arrays and close it: a wrong one must not cost the opening of a model.

    Args:
        data: As `read` or `littoral_converters.calibration.reading.arrays` takes it.
        role: What the data is for, as messages call it.
        needs_labels: Whether ``y`` must be in it.

    Raises:
        InputError: The file does not exist, holds no arrays, or lacks labels.
    """
    if isinstance(data, (str, os.PathLike)) and not is_raw(path := Path(data)):
        with _of(role), numpy_file(path, is_mapped=True) as opened:
            names = getattr(opened, "files", [])
        if needs_labels and "y" not in names:
            raise _unlabelled(role)


def read(data: Data, specs: Sequence[TensorSpec], role: str, needs_labels: bool = False) -> Dataset:
    """Bring data into shape.

    Args:
        data: An array (one input), a mapping by input name, or a path to an .npz or .npy file. A
            single input may be called ``x``; labels are ``y``.
        specs: The model's inputs.
        role: What the data is for, as messages call it, for example ``"representative data"``.
        needs_labels: Whether ``y`` must be there.

    Returns:
        Arrays of the inputs' dtypes.

    Raises:
        InputError: What is wrong, in which array, what was expected and what came.
    """
    arrays = _arrays(data, specs, role)
    labels = arrays.pop("y", None) if "y" not in {spec.name for spec in specs} else None
    if set(arrays) == {"x"} and len(specs) == 1:
        arrays = {specs[0].name: arrays["x"]}
    wanted = [spec.name for spec in specs]
    if set(arrays) != set(wanted):
        raise InputError(
            f"{role}: expected arrays named {', '.join(wanted)}"
            f"{' (or x)' if len(wanted) == 1 else ''}, found {', '.join(sorted(arrays)) or 'none'}"
        )
    inputs = {spec.name: _checked(arrays[spec.name], spec, role) for spec in specs}
    counts = {name: len(values) for name, values in inputs.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"{role}: the inputs differ in their number of samples: {counts}")
    if needs_labels and labels is None:
        raise _unlabelled(role)
    labels = None if labels is None else np.atleast_1d(labels)
    if labels is not None and len(labels) != next(iter(counts.values())):
        raise InputError(
            f"{role}: y has {len(labels)} labels for {next(iter(counts.values()))} samples"
        )
    if labels is not None:
        _check_labels(labels, role)
    return Dataset(inputs, labels)


def _unlabelled(role: str) -> InputError:
    return InputError(f"{role} has no labels: add an array named y, one label per sample")


def invented(
    specs: Sequence[TensorSpec], count: int, vocabulary: int, seed: int = 0
) -> Iterator[Dataset]:
    """Random inputs for a model that came without data, and others for one that fails on these.

    Args:
        specs: The model's inputs.
        count: Number of samples.
        vocabulary: Integers are drawn below this.
        seed: Of the generator.

    Yields:
        Standard normal floats and uniform integers, an open size 16; floats that are not negative,
        as categories are; the same with other open sizes.
    """
    is_open = any(None in spec.shape[1:] for spec in specs)
    for size in _OPEN_SIZES if is_open else _OPEN_SIZES[:1]:
        random = np.random.default_rng(seed)
        drawn = {spec.name: _drawn(spec, count, vocabulary, size, random) for spec in specs}
        yield Dataset(drawn)
        if any(values.dtype.kind == "f" for values in drawn.values()):
            yield Dataset({n: np.abs(v) if v.dtype.kind == "f" else v for n, v in drawn.items()})


def _drawn(
    spec: TensorSpec, count: int, vocabulary: int, size: int, random: np.random.Generator
) -> Array:
    shape = (count, *(size if length is None else length for length in spec.shape[1:]))
    if spec.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if spec.dtype == "uint8":
        return random.integers(0, 256, shape).astype(np.uint8)
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        return random.integers(0, max(2, vocabulary), shape).astype(spec.dtype)
    return random.standard_normal(shape).astype(spec.dtype)


def _arrays(data: Data, specs: Sequence[TensorSpec], role: str) -> dict[str, Array]:
    if isinstance(data, Mapping):
        return {str(name): np.asarray(values) for name, values in data.items()}
    if isinstance(data, (str, os.PathLike)):
        return _read_file(Path(data), role)
    if len(specs) != 1:
        raise InputError(
            f"{role}: the model has {len(specs)} inputs: give a mapping from "
            f"{', '.join(spec.name for spec in specs)} to arrays"
        )
    return {specs[0].name: np.asarray(data)}


def _read_file(path: Path, role: str) -> dict[str, Array]:
    with _of(role), numpy_file(path) as loaded:
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        return {name: loaded[name] for name in loaded.files}


@contextmanager
def _of(role: str) -> Iterator[None]:
    """Begin what is wrong with a file with what it is for."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{role}: {error}") from error


def _check_labels(labels: Array, role: str) -> None:
    """Refuse labels that no accuracy can be counted from."""
    if count := _broken(labels):
        raise InputError(f"{role}: y has NaN or infinity in {count} of {len(labels)} labels")


def _checked(values: Array, spec: TensorSpec, role: str) -> Array:
    where = f"{role}: input {spec.name}"
    if values.ndim != len(spec.shape) or any(
        size not in (None, got) for size, got in zip(spec.shape[1:], values.shape[1:], strict=True)
    ):
        expected = ("n", *("any" if size is None else size for size in spec.shape[1:]))
        raise InputError(
            f"{where} has shape {values.shape}, expected ({', '.join(map(str, expected))})"
        )
    if len(values) == 0:
        raise InputError(f"{where} has no samples")
    _check_finite(values, where, "")
    if not _fits(values, np.dtype(spec.dtype)):
        raise InputError(f"{where} has dtype {values.dtype}, expected {spec.dtype}")
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(values, spec.dtype)
    _check_finite(cast, where, f" once it is {spec.dtype}")
    return cast


def _check_finite(values: Array, where: str, when: str) -> None:
    if count := _broken(values):
        raise InputError(f"{where} has NaN or infinity in {count} of {len(values)} samples{when}")


def _broken(values: Array) -> int:
    """How many samples hold NaN or infinity."""
    if values.dtype.kind not in "fc":
        return 0
    return int(np.sum(~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))))


def _fits(values: Array, wanted: np.dtype[Any]) -> bool:
    """Whether values can become another dtype without losing what they say."""
    if np.can_cast(values.dtype, wanted, "same_kind") or values.dtype == np.dtype(bool):
        return True
    numbers = np.issubdtype(values.dtype, np.number) and np.issubdtype(wanted, np.number)
    return numbers and bool(np.array_equal(values.astype(wanted), values))
