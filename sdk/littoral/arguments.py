"""From whatever a caller hands to `Model.run` to one checked array per input.

Three questions, in order: which value belongs to which input (`assign`), may it become the input's
dtype without loss that the caller would not expect (`admit`), and is it one sample, a batch, or
exactly what the file takes (`lay_out`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from littoral.engines import ABSENT
from littoral.errors import EngineError, InputError
from littoral.tensors import TensorSpec, shown

Arrays = list[NDArray[Any]]


class Batch(NamedTuple):
    """Arrays as the file takes them, but for the number of samples.

    Attributes:
        arrays: One per input, each with the file's number of axes.
        is_sample: True when the caller gave one sample without a batch axis.
        samples: How many there are in the arrays, None when they go in as they are.
        step: Samples that the file takes at once; only meaningful with samples.
    """

    arrays: Arrays
    is_sample: bool = False
    samples: int | None = None
    step: int = 1


def assign(x: Any, specs: tuple[TensorSpec, ...]) -> list[Any]:
    """One value per input, in the order of the specs.

    Args:
        x: A dict by input name (a single input may also be called ``"x"``); for several inputs a
            sequence in their order; for one input the value itself.
        specs: The model's inputs.

    Raises:
        InputError: An unknown or missing name, or the wrong number of inputs.
    """
    if isinstance(x, Mapping):
        return _by_name(x, specs)
    if len(specs) == 1:
        alone = isinstance(x, (list, tuple)) and len(x) == 1 and isinstance(x[0], np.ndarray)
        return [x[0] if alone and x[0].ndim == len(specs[0].shape) else x]
    if not isinstance(x, Sequence) or isinstance(x, (str, bytes)):
        raise InputError(
            f"the model has {len(specs)} inputs ({_names(specs)}): expected a sequence in this "
            f"order or a dict by name, came one {_kind(x)}"
        )
    if len(x) != len(specs):
        raise InputError(f"expected {len(specs)} inputs ({_names(specs)}), came {len(x)}")
    return list(x)


def admit(value: Any, spec: TensorSpec, *, raw: bool = False) -> NDArray[Any]:
    """The value as an array that can be copied into the input.

    Args:
        value: Anything NumPy can make an array of.
        spec: The input it is for.
        raw: True demands the file's own dtype and leaves the values unchecked.

    Returns:
        float32 for a quantized or half-precision input, else an array of the file's dtype.

    Raises:
        InputError: Ragged, of a dtype that does not convert, out of range, NaN or infinite.
    """
    if value is None and spec.is_optional:
        return np.empty(ABSENT, object)
    array = _as_array(value, spec)
    if raw:
        if spec.dtype != "str" and array.dtype != np.dtype(spec.dtype):
            raise InputError(
                f"input {spec.name!r}: expected {spec.dtype} as the file holds it, "
                f"came {array.dtype}"
            )
        return array
    dtype = real_dtype(spec)
    if dtype == "str":
        return _text(array, spec)
    if array.dtype.kind not in "bifu":
        raise InputError(f"input {spec.name!r}: expected {dtype}, came {array.dtype}")
    if np.dtype(dtype).kind == "f":
        return _real(array, spec, dtype)
    return _whole(array, spec, dtype)


def real_dtype(spec: TensorSpec) -> str:
    """The dtype that `Model.run` takes or returns for a tensor of the file."""
    return "float32" if spec.is_quantized or spec.dtype == "float16" else spec.dtype


def check_whole(name: str, value: object, least: int = 1) -> None:
    """Refuse a setting that is no whole number of at least `least`.

    Raises:
        InputError: It is none; the message calls it `name`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least {least}")


def lay_out(
    arrays: Arrays, specs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> Batch:
    """Decide whether the arrays are one sample, a batch, or exactly what the file takes.

    Args:
        arrays: One per input.
        specs: The model's inputs.
        outputs: The model's outputs: only a file whose outputs share the inputs' leading size can
            be fed a batch piece by piece.

    Raises:
        InputError: A shape that fits in none of the three ways, no samples, or no values where
            the file does not leave open how many there are.
    """
    at_once = step(specs, outputs)
    pairs = list(zip(arrays, specs, strict=True))
    for array, spec in pairs:
        if array.size == 0 and not _may_be_empty(array, spec, at_once):
            raise InputError(f"input {spec.name!r} is empty: its shape is {list(array.shape)}")
    if all(_takes(spec, array) for array, spec in pairs):
        return Batch(arrays)
    if at_once and all(spec.shape and _fits(a.shape, spec.shape[1:]) for a, spec in pairs):
        return Batch([array[None] for array in arrays], True, 1, at_once)
    for array, spec in pairs:
        shape = (at_once, *array.shape[1:])
        if not at_once or not array.ndim or not _fits(shape, _fixed(spec, at_once)):
            raise _misfit(array, spec, at_once)
    _same_count(arrays, specs)
    return Batch(arrays, False, len(arrays[0]), at_once)


def step(specs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> int:
    """Samples the file takes at once, 0 when its first axes do not count samples.

    Args:
        specs: The model's inputs.
        outputs: The model's outputs.
    """
    leading = {spec.shape[0] if spec.shape else 0 for spec in (*specs, *outputs)} - {None}
    if any(spec.is_optional for spec in specs):
        return 0
    if not leading:
        return 1
    (size, *others) = leading
    return 0 if others or size is None else size


def rejoin(pieces: list[list[Any]], batch: Batch, outputs: tuple[TensorSpec, ...]) -> list[Any]:
    """The results of a batch that went through the file piece by piece.

    Args:
        pieces: By piece, the outputs.
        batch: What went through.
        outputs: The model's outputs.

    Raises:
        EngineError: An output does not have one entry for each sample.
    """
    for result, spec in zip(pieces[0], outputs, strict=True):
        if not np.ndim(result) or len(result) != batch.step:
            raise EngineError(
                f"output {spec.name!r} has shape {list(np.shape(result))}, which does not split "
                f"into {batch.step} samples; run the samples one by one"
            )
    joined: list[Any] = []
    for column in zip(*pieces, strict=True):
        if isinstance(column[0], list):
            joined.append([entry for piece in column for entry in piece][: batch.samples])
        else:
            joined.append(np.concatenate(column)[: batch.samples])
    return joined


def _by_name(x: Mapping[str, Any], specs: tuple[TensorSpec, ...]) -> list[Any]:
    names = [spec.name for spec in specs]
    if len(specs) == 1 and list(x) == ["x"]:
        return [x["x"]]
    unknown = [name for name in x if name not in names]
    if unknown:
        raise InputError(
            f"unknown input {unknown[0]!r}: the model's inputs are {', '.join(map(repr, names))}"
        )
    missing = [spec.name for spec in specs if spec.name not in x and not spec.is_optional]
    if missing:
        raise InputError(f"input {missing[0]!r} is missing: expected {', '.join(map(repr, names))}")
    return [x.get(name) for name in names]


def _as_array(value: Any, spec: TensorSpec) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"input {spec.name!r}: expected an array of {real_dtype(spec)}, came a {_kind(value)} "
            "that is none (rows of different length?)"
        ) from error
    if array.dtype.kind == "O" and spec.dtype != "str":
        raise InputError(
            f"input {spec.name!r}: expected {real_dtype(spec)}, came an array of Python objects"
        )
    return array


def _real(array: NDArray[Any], spec: TensorSpec, dtype: str) -> NDArray[Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise InputError(
            f"input {spec.name!r}: {bad} of {array.size} values are NaN or infinite; "
            "expected finite numbers"
        )
    if not spec.is_quantized and array.dtype.itemsize > np.dtype(spec.dtype).itemsize:
        largest = np.abs(array).max(initial=0)
        if largest > np.finfo(spec.dtype).max:
            raise InputError(
                f"input {spec.name!r}: a value of {largest:.3g} is too large for {spec.dtype}"
            )
    return array.astype(dtype, copy=False)


def _whole(array: NDArray[Any], spec: TensorSpec, dtype: str) -> NDArray[Any]:
    if array.dtype == dtype or not array.size:
        return array.astype(dtype, copy=False)
    if array.dtype.kind == "f" and not (np.isfinite(array) & (np.rint(array) == array)).all():
        raise InputError(
            f"input {spec.name!r}: expected whole numbers ({dtype}), came {array.dtype} "
            "with fractions, NaN or infinity"
        )
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        raise InputError(
            f"input {spec.name!r}: values from {least} to {most} do not fit {dtype} "
            f"({low} to {high})"
        )
    return array.astype(dtype)


def _text(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    if array.dtype.kind not in "USO":
        raise InputError(f"input {spec.name!r}: expected text, came {array.dtype}")
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "surrogateescape")
    return array.astype(object)


def _takes(spec: TensorSpec, array: NDArray[Any]) -> bool:
    return not spec.is_ranked or _is_absent(array, spec) or _fits(array.shape, spec.shape)


def _may_be_empty(array: NDArray[Any], spec: TensorSpec, at_once: int) -> bool:
    """An open axis may have no entries, as that of a decoder's past has at first; samples not."""
    if _is_absent(array, spec) or not spec.is_ranked or 0 in spec.shape:
        return True
    if len(array.shape) != len(spec.shape) or (at_once and array.shape[:1] == (0,)):
        return False
    return all(want is None for have, want in zip(array.shape, spec.shape, strict=True) if not have)


def _is_absent(array: NDArray[Any], spec: TensorSpec) -> bool:
    return spec.is_optional and array.shape == ABSENT


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size is None or size == have for have, size in zip(shape, wanted, strict=True)
    )


def _fixed(spec: TensorSpec, step: int) -> tuple[int | None, ...]:
    return (step, *spec.shape[1:])


def _same_count(arrays: Arrays, specs: tuple[TensorSpec, ...]) -> None:
    counts = [len(array) for array in arrays]
    if len(set(counts)) > 1:
        pairs = zip(specs, counts, strict=True)
        listed = ", ".join(f"{spec.name!r} {count}" for spec, count in pairs)
        raise InputError(f"the inputs hold different numbers of samples: {listed}")


def _misfit(array: NDArray[Any], spec: TensorSpec, step: int) -> InputError:
    wanted = shown(spec.shape)
    if step and spec.shape:
        sample = spec.shape[1:]
        wanted += f", a batch {shown(('N', *sample))} or one sample {shown(sample)}"
    return InputError(
        f"input {spec.name!r}: expected {real_dtype(spec)} of shape {wanted}, "
        f"came {array.dtype} of shape {shown(array.shape)}"
    )


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(spec.name for spec in specs)


def _kind(value: Any) -> str:
    return type(value).__name__
