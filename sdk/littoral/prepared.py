"""The prepared call: a session's binding and all conversions, composed once per set of shapes.

What a call does is then a copy into the engine's memory, the native call and a copy out. A
quantized tensor is converted in a scratch array that lives as long as the prepared call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.engines import Binding, Shape
from littoral.tensors import TensorSpec

Array = NDArray[Any]
Fill = Callable[[Array], None]
Read = Callable[[], Array]
Call = Callable[[Sequence[Array]], list[Array]]
Check = Callable[[Array, Array], Any]
Quick = tuple[Shape, "Shape | None", Any, Array, Array, Array, Check, Callable[[], object], Read]

_SHRINK = np.float32(2.0**-30)
"""Weight of each value in the check for NaN and infinity: no sum of finite float32 overflows."""

_LARGEST_QUICK_CHECK = 8192
"""Beyond this many values BLAS may start threads for a dot product."""


def compose(
    binding: Binding,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    raw: bool = False,
) -> Call:
    """A call with every input and output.

    Args:
        binding: The session's memory for the shapes of the call.
        inputs: The session's inputs.
        outputs: The session's outputs.
        raw: True leaves out the conversions.

    Returns:
        A function from arrays (in the order of `inputs`, shapes of the binding, already checked)
        to new arrays (in the order of `outputs`).
    """
    pairs = zip(binding.inputs, inputs, strict=True)
    fills = [_fill(memory, None if raw else spec) for memory, spec in pairs]
    reads = readers(binding, outputs, raw=raw)
    invoke = binding.invoke

    def call(arrays: Sequence[Array]) -> list[Array]:
        for fill, array in zip(fills, arrays, strict=True):
            fill(array)
        invoke()
        return [read() for read in reads]

    return call


def readers(binding: Binding, outputs: tuple[TensorSpec, ...], *, raw: bool = False) -> list[Read]:
    """By output, a function that returns its present value in real units (or `raw` quanta)."""
    pairs = zip(binding.read, outputs, strict=True)
    return [read if raw else _read(read, spec) for read, spec in pairs]


def compose_quick(
    binding: Binding, spec: TensorSpec, output: TensorSpec, *, has_batch: bool
) -> Quick | None:
    """What `Model.run` needs for one input and one output that need no conversion.

    Args:
        binding: The session's memory for the shape of the call.
        spec: The input.
        output: The output.
        has_batch: True when the first axis counts samples and is 1, so that an array without that
            axis is one sample.

    Returns:
        ``(shape, shape of one sample or None, dtype, memory, flat memory, sum, check, invoke,
        read)``, where ``check(flat memory, sum)`` is finite when every value is. None when this
        input has no quick way.
    """
    memory = binding.inputs[0]
    if spec.dtype in ("str", "float16", "float64") or not memory.ndim:
        return None
    invoke = binding.invoke
    if spec.is_quantized:
        engines_own, memory = memory, np.zeros(memory.shape, np.float32)
        invoke = _quantize_first(_quantizing_fill(engines_own, spec), memory, invoke)
    check: Check = _always_finite
    if memory.dtype == np.float32:
        if memory.size > _LARGEST_QUICK_CHECK:
            return None
        check = np.full(memory.size, _SHRINK, np.float32).dot
    sample = memory.shape[1:] if has_batch else None
    read = readers(binding, (output,))[0]
    flat, total = memory.reshape(-1), np.zeros((), np.float32)
    return memory.shape, sample, memory.dtype, memory, flat, total, check, invoke, read


def _quantize_first(fill: Fill, real: Array, invoke: Callable[[], object]) -> Callable[[], object]:
    def quantize_and_invoke() -> None:
        fill(real)
        invoke()

    return quantize_and_invoke


def _always_finite(values: Array, total: Array) -> float:
    return 0.0


def _never() -> Any:
    raise AssertionError("no array has the shape (-1,)")


_NOTHING = np.empty(0)
NOT_QUICK: Quick = ((-1,), None, None, _NOTHING, _NOTHING, _NOTHING, _always_finite, _never, _never)
"""Fits no array, so that `Model.run` need not ask whether there is a quick way."""


def _fill(memory: Array, spec: TensorSpec | None) -> Fill:
    if spec is None or not spec.is_quantized:

        def fill(array: Array) -> None:
            memory[...] = array

        return fill
    return _quantizing_fill(memory, spec)


def _quantizing_fill(memory: Array, spec: TensorSpec) -> Fill:
    """`tensors.quantize` into the engine's memory; the steps and their order are the same."""
    scratch = np.empty(memory.shape, np.float32)
    limits = np.iinfo(spec.dtype)
    scale, zero_point = np.float32(spec.scale or 0), np.float32(spec.zero_point or 0)
    least, most = np.float32(limits.min), np.float32(limits.max)
    divide, rint, add, minimum, maximum = np.divide, np.rint, np.add, np.minimum, np.maximum

    def fill(array: Array) -> None:
        divide(array, scale, out=scratch)
        rint(scratch, out=scratch)
        add(scratch, zero_point, out=scratch)
        maximum(scratch, least, out=scratch)
        minimum(scratch, most, out=scratch)
        memory[...] = scratch

    return fill


def _read(read: Read, spec: TensorSpec) -> Read:
    if spec.is_quantized:
        scale, zero_point = np.float32(spec.scale or 0), np.float32(spec.zero_point or 0)

        def dequantized() -> Array:
            real = np.subtract(read(), zero_point, dtype=np.float32)
            return np.multiply(real, scale, out=real)

        return dequantized
    if spec.dtype == "float16":
        return lambda: read().astype(np.float32)
    return read
