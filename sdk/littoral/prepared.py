"""The prepared call: a session's binding and all conversions, composed once per set of shapes.

What a call does is then a copy into the engine's memory, the native call and a copy out. A
quantized tensor is converted in a scratch array that lives as long as the prepared call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.engines import Binding
from littoral.tensors import TensorSpec, dequantize

Array = NDArray[Any]
Fill = Callable[[Array], None]
Read = Callable[[], Array]
Call = Callable[[Sequence[Array]], list[Array]]

_LARGEST_TABLE_READ = 4096
"""Up to this many values of 8 bits a table of all 256 is faster than the arithmetic."""


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


def _fill(memory: Array, spec: TensorSpec | None) -> Fill:
    if spec is None or not spec.is_quantized:

        def fill(array: Array) -> None:
            memory[...] = array

        return fill
    scratch = np.empty(memory.shape, np.float32)
    scale, divide = np.float32(spec.scale or 0), np.divide
    quantize = quantizer(memory, scratch, spec)

    def fill_quantized(array: Array) -> None:
        with np.errstate(over="ignore"):  # infinity saturates like any other large number
            divide(array, scale, out=scratch)
        quantize()

    return fill_quantized


def quantizer(memory: Array, scratch: Array, spec: TensorSpec) -> Callable[[], None]:
    """`tensors.quantize` into the engine's memory; the steps and their order are the same.

    Args:
        memory: The engine's, of the file's integers.
        scratch: float32 of the same shape: real values divided by the scale; it is overwritten.
        spec: A quantized spec.
    """
    limits = np.iinfo(spec.dtype)
    zero_point = np.float32(spec.zero_point or 0)
    least, most = np.float32(limits.min), np.float32(limits.max)
    rint, add, minimum, maximum = np.rint, np.add, np.minimum, np.maximum

    def quantize() -> None:
        rint(scratch, out=scratch)
        if zero_point:
            add(scratch, zero_point, out=scratch)
        maximum(scratch, least, out=scratch)
        minimum(scratch, most, out=scratch)
        memory[...] = scratch

    return quantize


def _read(read: Read, spec: TensorSpec) -> Read:
    if spec.is_quantized:
        return _dequantizing(read, spec)
    if spec.dtype == "float16":
        return lambda: read().astype(np.float32)
    return read


def _dequantizing(read: Read, spec: TensorSpec) -> Read:
    """`tensors.dequantize` of what is read, by a table where that is faster."""
    if np.dtype(spec.dtype).itemsize > 1:
        return lambda: dequantize(read(), spec)
    # The table is in the order of the bytes: a negative index counts from the end.
    every = np.arange(256, dtype=np.uint8).view(spec.dtype)
    take = dequantize(every, spec).take

    def dequantized() -> Array:
        quanta = read()
        if quanta.size > _LARGEST_TABLE_READ:
            return dequantize(quanta, spec)
        real: Array = take(quanta, None, None, "wrap")
        return real

    return dequantized
