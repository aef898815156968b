"""The quick call: all that `Model.run` does for a value that needs no thought.

A value needs none when it has the shape that the model is bound to (or one sample of it) and a
number type that becomes the file's without a second look. Everything that can be known before it
comes is a local of a closure here; what is left is a copy in, the native call and a copy out.
Whatever else comes, wrong or merely unusual, gets None for an answer and goes the long way, which
finds the words for it.

What it takes, p50 in us beyond the engine's own calls (x86-64, one thread), beside one composed
call for a float array and the long way for all else:

    input                                    that    here
    [1, 784] of a 4 us model                  0.7     0.9   a fill of its own costs 0.2
    two inputs, two outputs, in a dict       12.7     1.2
    float64, or lists, or a dict for one       10     2.2, 2.9, 0.6
    int8 file, floats in and out              6.5     5.3   no copy before the division
    int8 file, int8 in and out                6.2     0.3
    [1, 96, 96, 3]                             11     4.5   the other check for large ones
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from operator import itemgetter
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import NDArray

from littoral import prepared
from littoral.engines import Binding
from littoral.tensors import TensorSpec

Array = NDArray[Any]
Quick = Callable[[Any], Any]
"""From a value to the result, or to None when the value has to go the long way."""

Fill = Callable[[Array], bool]
"""Copies an array of the right shape into the engine's memory; False when it may not."""

_SHRINK = np.float32(2.0**-30)
"""Weight of each value in the check for NaN and infinity: no sum of finite float32 overflows."""

_LARGEST_DOT = 8192
"""Beyond this many values BLAS may start threads for a dot product."""

_INFINITY, _MINUS_INFINITY = 0x7F800000, 0xFF800000
"""The bits of float32: what is not finite is not smaller, as int32 and as uint32."""

_LARGEST = float(np.finfo(np.float32).max)
maximum, minimum = np.maximum.reduce, np.minimum.reduce

_NOTHING = np.empty((0,) * 9)
"""An array whose shape fits no input: those without values have no quick call."""


def never(x: Any) -> Any:
    """The quick call of a model that has none."""
    return None


def compose(
    binding: Binding,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    has_batch: bool,
    raw: bool = False,
) -> Quick:
    """The quick call of a binding.

    Args:
        binding: The session's memory for the shapes of the call.
        inputs: The session's inputs.
        outputs: The session's outputs.
        has_batch: True when the first axis of every input and output counts samples and is 1, so
            that arrays without that axis are one sample.
        raw: True leaves out conversions and checks.

    Returns:
        The call. It may leave something in the engine's memory that it then did not run.
    """
    if not inputs:
        return never
    fills = []
    for memory, spec in zip(binding.inputs, inputs, strict=True):
        fill = _fill_raw(memory) if raw else _fill(memory, spec)
        if fill is None or not memory.size:
            return never
        fills.append(fill)
    reads = prepared.readers(binding, outputs, raw=raw)
    whole, sample = _results(reads, [spec.name for spec in outputs])
    shapes = [memory.shape for memory in binding.inputs]
    samples = [shape[1:] if has_batch else shape for shape in shapes]
    if len(inputs) == 1:
        name, invoke = inputs[0].name, binding.invoke
        return _one(name, shapes[0], samples[0], fills[0], invoke, whole, sample)
    names = [spec.name for spec in inputs]
    each = list(zip(shapes, samples, fills, strict=True))
    return _several(names, each, binding.invoke, whole, sample)


def _one(
    name: str,
    shape: tuple[int, ...],
    sample: tuple[int, ...],
    fill: Fill,
    invoke: Callable[[], object],
    read: Callable[[], Any],
    read_sample: Callable[[], Any],
) -> Quick:
    lengths = [axes[0] for axes in (shape, sample) if axes]

    def quick(x: Any) -> Any:
        if x.__class__ is not ndarray:
            x = _unwrapped(x, name, lengths)
        came = x.shape
        if came == shape:
            if fill(x):
                invoke()
                return read()
        elif came == sample and fill(x):
            invoke()
            return read_sample()
        return None

    return quick


def _unwrapped(x: Any, name: str, lengths: list[int]) -> Array:
    """The array in a dict by name, or made of nested lists of one of the lengths, or nothing."""
    kind = x.__class__
    if kind is dict and len(x) == 1:
        x = x.get(name)
        return x if x.__class__ is ndarray else _NOTHING
    if (kind is list or kind is tuple) and len(x) in lengths and x[0].__class__ is not ndarray:
        try:
            array = np.asarray(x)
        except ValueError:
            return _NOTHING  # ragged: the long way says so
        return array if array.dtype.kind in "biuf" else _NOTHING
    return _NOTHING


def _several(
    names: list[str],
    inputs: list[tuple[tuple[int, ...], tuple[int, ...], Fill]],
    invoke: Callable[[], object],
    read: Callable[[], Any],
    read_sample: Callable[[], Any],
) -> Quick:
    pick, count = itemgetter(*names), len(names)
    whole = [(shape, fill) for shape, _, fill in inputs]
    samples = [(sample, fill) for _, sample, fill in inputs]
    first = inputs[0][0]

    def quick(x: Any) -> Any:
        kind = x.__class__
        if (kind is not dict and kind is not list and kind is not tuple) or len(x) != count:
            return None
        try:
            values = pick(x) if kind is dict else x
        except KeyError:
            return None
        is_whole = getattr(values[0], "shape", None) == first
        for value, (shape, fill) in zip(values, whole if is_whole else samples, strict=True):
            if value.__class__ is not ndarray or value.shape != shape or not fill(value):
                return None
        invoke()
        return read() if is_whole else read_sample()

    return quick


def _results(
    reads: list[prepared.Read], names: list[str]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """What a call returns for the whole shape, and for one sample."""
    if len(reads) == 1:
        (read,) = reads
        return read, lambda: read()[0]
    pairs = list(zip(names, reads, strict=True))
    return (
        lambda: {name: read() for name, read in pairs},
        lambda: {name: read()[0] for name, read in pairs},
    )


def _fill_raw(memory: Array) -> Fill | None:
    dtype = memory.dtype
    if dtype.kind not in "bifu":
        return None

    def fill(x: Array) -> bool:
        if x.dtype is not dtype:
            return False
        memory[...] = x
        return True

    return fill


def _fill(memory: Array, spec: TensorSpec) -> Fill | None:
    """None for the number types that are too rare to be quick: text, half and double precision."""
    if spec.is_quantized:
        return _fill_quantized(memory, spec)
    if memory.dtype == np.float32:
        return _fill_float(memory)
    return _fill_whole(memory) if memory.dtype.kind in "biu" else None


def _fill_float(memory: Array) -> Fill:
    dtype, flat = memory.dtype, memory.reshape(-1)
    if memory.size > _LARGEST_DOT:
        return _fill_picture(memory)
    weights, total = np.full(memory.size, _SHRINK, np.float32), np.zeros((), np.float32)
    dot = weights.dot

    def fill(x: Array) -> bool:
        if x.dtype is dtype:
            memory[...] = x
            return isfinite(dot(flat, total))
        return _convert(x, memory)

    return fill


def _fill_picture(memory: Array) -> Fill:
    """As `_fill_float`, for so many values that BLAS might use threads of its own for a product.

    What is not finite has the largest bit patterns: to find them takes 13 us for the 150528 values
    of a picture, where `isfinite` and `all` take 20.
    """
    dtype, flat = memory.dtype, memory.reshape(-1)
    signed, unsigned = flat.view(np.int32), flat.view(np.uint32)

    def fill(x: Array) -> bool:
        if x.dtype is dtype:
            memory[...] = x
            return bool(maximum(signed) < _INFINITY and maximum(unsigned) < _MINUS_INFINITY)
        return _convert(x, memory)

    return fill


def _fill_whole(memory: Array) -> Fill:
    dtype = memory.dtype

    def fill(x: Array) -> bool:
        if x.dtype is dtype:
            memory[...] = x
            return True
        if x.dtype.kind != "i" or dtype.kind != "i":
            return False
        memory[...] = x
        return bool((memory == x).all())

    return fill


def _fill_quantized(memory: Array, spec: TensorSpec) -> Fill:
    """`tensors.quantize` into the engine's memory; the steps and their order are the same."""
    scratch = np.empty(memory.shape, np.float32)
    scale, divide = np.float32(spec.scale or 0), np.divide
    quantize = prepared.quantizer(memory, scratch, spec)
    fill_scratch = _fill_float(scratch)

    def fill(x: Array) -> bool:
        if not fill_scratch(x):
            return False
        divide(scratch, scale, out=scratch)
        quantize()
        return True

    return fill


def _convert(x: Array, memory: Array) -> bool:
    """Copy numbers of another type into float32 memory, if they are finite there."""
    kind = x.dtype.kind
    if kind == "f":
        # Comparing is false for NaN.
        if not (float(minimum(x, None)) >= -_LARGEST and float(maximum(x, None)) <= _LARGEST):
            return False
    elif kind not in "biu":
        return False
    memory[...] = x
    return True
