"""Inputs to measure with: zeros, random ones, or the rows of somebody's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from littoral.arguments import admit, assign, real_dtype
from littoral.errors import InputError
from littoral.tensors import TensorSpec, shown

Sample: TypeAlias = NDArray[Any] | dict[str, NDArray[Any]]
"""What `Model.run` takes: the array for a single input, as users hand it over, else by name."""

Data: TypeAlias = ArrayLike | Mapping[str, ArrayLike] | Sequence[ArrayLike]

OPEN_LENGTH = 16
"""Size given to an axis that the model leaves open, other than the batch."""

MAX_SAMPLES = 64


def zeros(specs: Sequence[TensorSpec]) -> Sample:
    """One batch of zeros in the dtypes that `Model.run` takes.

    Args:
        specs: The model's inputs.

    Returns:
        A batch; an open batch axis is 1, any other open axis 16.
    """
    return _sample([np.zeros(_shape(spec), _dtype(spec)) for spec in specs], specs)


def random(specs: Sequence[TensorSpec], count: int = 8, seed: int = 0) -> tuple[Sample, ...]:
    """Batches of random values, the same for the same seed.

    Args:
        specs: The model's inputs.
        count: How many batches.
        seed: Of the generator.

    Returns:
        Batches. Floats are standard normal, clipped to what a quantized input can express, and
        whole where that is integers of scale 1; integers are 0 or 1, which every vocabulary has;
        booleans are either; text is empty.
    """
    generator = np.random.default_rng(seed)
    return tuple(_sample([_random(spec, generator) for spec in specs], specs) for _ in range(count))


def of_data(data: Data, specs: Sequence[TensorSpec], most: int = MAX_SAMPLES) -> tuple[Sample, ...]:
    """Batches cut from data, one after the other.

    Args:
        data: As `Model.run` takes it: an array for a single input, a sequence in the order of the
            inputs, or a dict by name. The first axis counts samples; one without it will do.
        specs: The model's inputs.
        most: Batches at most.

    Returns:
        Batches as large as the model's (1 where that is open).

    Raises:
        InputError: A name, shape or dtype does not fit; the inputs differ in their number of
            samples; or there are too few.
    """
    pairs = zip(assign(data, tuple(specs)), specs, strict=True)
    arrays = [_with_batch_axis(admit(value, spec), spec) for value, spec in pairs]
    _check_counts(arrays, specs)
    columns = [_batches(array, spec, most) for array, spec in zip(arrays, specs, strict=True)]
    return tuple(_sample(arrays, specs) for arrays in zip(*columns, strict=False))


def _sample(arrays: Sequence[NDArray[Any]], specs: Sequence[TensorSpec]) -> Sample:
    if len(specs) == 1:
        return arrays[0]
    return {spec.name: array for spec, array in zip(specs, arrays, strict=True)}


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    open_sizes = [1] + [OPEN_LENGTH] * max(0, len(spec.shape) - 1)
    return tuple(
        open_size if size is None else size
        for size, open_size in zip(spec.shape, open_sizes, strict=False)
    )


def _dtype(spec: TensorSpec) -> np.dtype[Any]:
    name = real_dtype(spec)
    return np.dtype(object if name == "str" else name)


def _random(spec: TensorSpec, generator: np.random.Generator) -> NDArray[Any]:
    shape, dtype = _shape(spec), _dtype(spec)
    if dtype.kind == "O":
        return np.full(shape, "", object)
    if dtype.kind != "f":
        return generator.integers(0, 2, shape).astype(dtype)
    values = generator.standard_normal(shape).astype(dtype)
    if spec.scale is None:
        return values
    limits = np.iinfo(spec.dtype)
    zero = spec.zero_point or 0
    low, high = ((end - zero) * spec.scale for end in (limits.min, limits.max))
    values = np.rint(values) if spec.scale == 1 else values
    return np.asarray(np.clip(values, low, high), dtype)


def _with_batch_axis(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    return array[np.newaxis] if array.ndim == len(spec.shape) - 1 else array


def _check_counts(arrays: Sequence[NDArray[Any]], specs: Sequence[TensorSpec]) -> None:
    """Refuse inputs of which one has samples for more calls than another."""
    counts = {s.name: len(a) for s, a in zip(specs, arrays, strict=True) if s.shape and a.ndim}
    calls = {counts[s.name] // (s.shape[0] or 1) for s in specs if s.name in counts}
    if len(calls) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise InputError(f"the inputs differ in their number of samples: {told}")


def _batches(array: NDArray[Any], spec: TensorSpec, most: int) -> list[NDArray[Any]]:
    """An array cut along its first axis into what one call takes."""
    expected = spec.shape[1:]
    fits = array.ndim == len(spec.shape) and all(
        size is None or size == got for size, got in zip(expected, array.shape[1:], strict=True)
    )
    if not fits:
        raise InputError(
            f"input {spec.name!r}: expected samples of shape {shown(expected)}, "
            f"the data has shape {list(array.shape)}"
        )
    batch = (spec.shape[0] or 1) if spec.shape else 1
    count = min(most, len(array) // batch) if spec.shape else 1
    if count == 0:
        raise InputError(
            f"input {spec.name!r}: expected batches of {batch}, the data has {len(array)} samples"
        )
    if not spec.shape:
        return [array]
    return [
        np.ascontiguousarray(array[index * batch : (index + 1) * batch]) for index in range(count)
    ]
