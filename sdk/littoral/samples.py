"""Inputs to measure with: zeros, random ones, or the rows of somebody's data."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from littoral.errors import InputError
from littoral.tensors import TensorSpec

Sample = dict[str, NDArray[Any]]
Data = ArrayLike | Mapping[str, ArrayLike]

OPEN_LENGTH = 16
"""Size given to an axis that the model leaves open, other than the batch."""

MAX_SAMPLES = 64


def zeros(specs: Sequence[TensorSpec]) -> Sample:
    """One batch of zeros in the dtypes that `Model.run` takes.

    Args:
        specs: The model's inputs.

    Returns:
        Arrays by input name; an open batch axis is 1, any other open axis 16.
    """
    return {spec.name: np.zeros(_shape(spec), _dtype(spec)) for spec in specs}


def random(specs: Sequence[TensorSpec], count: int = 8, seed: int = 0) -> tuple[Sample, ...]:
    """Batches of random values, the same for the same seed.

    Args:
        specs: The model's inputs.
        count: How many batches.
        seed: Of the generator.

    Returns:
        Arrays by input name. Floats are standard normal, clipped to what a quantized input can
        express; integers are 0 or 1, which every vocabulary has; booleans are either.
    """
    generator = np.random.default_rng(seed)
    return tuple({spec.name: _random(spec, generator) for spec in specs} for _ in range(count))


def of_data(data: Data, specs: Sequence[TensorSpec]) -> tuple[Sample, ...]:
    """Batches cut from data, one after the other, at most 64.

    Args:
        data: One array for a single input, or arrays by input name, where a single input may be
            called ``x``. The first axis counts samples; one sample without it will do.
        specs: The model's inputs.

    Returns:
        Arrays by input name, each as large as the model's batch (1 where that is open).

    Raises:
        InputError: A name, shape or dtype does not fit; or there are too few samples.
    """
    arrays = _by_name(data, specs)
    columns = [_batches(arrays[spec.name], spec) for spec in specs]
    count = min(len(column) for column in columns)
    return tuple(
        {spec.name: column[index] for spec, column in zip(specs, columns, strict=True)}
        for index in range(count)
    )


def from_file(path: str | Path) -> dict[str, NDArray[Any]]:
    """Arrays of an ``.npz`` by name, without labels (``y``).

    Args:
        path: The file.

    Returns:
        The arrays.

    Raises:
        InputError: The file cannot be read, or holds no array or Python objects.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            raise InputError(f"{path} is a single array, not an .npz: save it with numpy.savez")
        with content as archive:
            arrays = {name: archive[name] for name in archive.files if name != "y"}
    except OSError as error:
        reason = (error.strerror or "not an .npz file").lower()
        raise InputError(f"cannot read {path}: {reason}") from error
    except (ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is not an .npz of plain arrays: {error}") from error
    if not arrays:
        raise InputError(f"{path} holds no input array: one per input name, or x")
    return arrays


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    open_sizes = [1] + [OPEN_LENGTH] * max(0, len(spec.shape) - 1)
    return tuple(
        open_size if size is None else size
        for size, open_size in zip(spec.shape, open_sizes, strict=False)
    )


def _dtype(spec: TensorSpec) -> np.dtype[Any]:
    """What `Model.run` takes: real units where the file holds quanta."""
    return np.dtype(np.float32 if spec.is_quantized else spec.dtype)


def _random(spec: TensorSpec, generator: np.random.Generator) -> NDArray[Any]:
    shape, dtype = _shape(spec), _dtype(spec)
    if dtype.kind != "f":
        return generator.integers(0, 2, shape).astype(dtype)
    values = generator.standard_normal(shape).astype(dtype)
    if spec.scale is None:
        return values
    limits = np.iinfo(spec.dtype)
    zero = spec.zero_point or 0
    low, high = ((end - zero) * spec.scale for end in (limits.min, limits.max))
    return np.asarray(np.clip(values, low, high), dtype)


def _by_name(data: Data, specs: Sequence[TensorSpec]) -> dict[str, NDArray[Any]]:
    named: Mapping[str, ArrayLike] = data if isinstance(data, Mapping) else {"x": data}
    if len(specs) == 1 and specs[0].name not in named and "x" in named:
        named = {specs[0].name: named["x"]}
    missing = [spec.name for spec in specs if spec.name not in named]
    if missing:
        raise InputError(
            f"the data has no array for input {missing[0]!r}: it holds {', '.join(map(str, named))}"
        )
    return {spec.name: np.asarray(named[spec.name]) for spec in specs}


def _batches(array: NDArray[Any], spec: TensorSpec) -> list[NDArray[Any]]:
    """An array cut along its first axis into what one call takes."""
    if array.ndim == len(spec.shape) - 1:
        array = array[np.newaxis]
    expected = tuple(spec.shape[1:])
    fits = array.ndim == len(spec.shape) and all(
        size is None or size == got for size, got in zip(expected, array.shape[1:], strict=True)
    )
    if not fits:
        raise InputError(
            f"input {spec.name!r} takes samples of shape {expected}, the data has {array.shape}"
        )
    dtype = _dtype(spec)
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InputError(f"input {spec.name!r} takes {dtype}, the data has {array.dtype}")
    batch = spec.shape[0] or 1 if spec.shape else 1
    count = min(MAX_SAMPLES, len(array) // batch)
    if count == 0:
        raise InputError(f"input {spec.name!r} takes batches of {batch}, the data has {len(array)}")
    return [
        np.ascontiguousarray(array[index * batch : (index + 1) * batch], dtype)
        for index in range(count)
    ]
