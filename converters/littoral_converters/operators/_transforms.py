"""Fourier transforms along the last axes, one after the other, as products with matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.lowering.fourier import forward, half_inverse
from littoral_converters.operators import Substitute
from littoral_converters.operators._known import known

Pair = tuple[Any, Any]
"""Real and imaginary part, float32 of one shape."""


def transforms(format_name: str) -> Mapping[str, Substitute]:
    """Substitutes for TensorFlow's transforms; complex inputs and outputs are pairs.

    Args:
        format_name: What they are traced for.
    """
    builds = {"FFT": _fft, "IFFT": _ifft, "RFFT": _rfft, "IRFFT": _irfft}
    return {
        kind + axes: partial(build, format_name)
        for kind, build in builds.items()
        for axes in ("", "2D", "3D")
    }


def _fft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    x = _known_real(operation, inputs[0])
    for axis, length in reversed(_extent(operation)):
        x = _along(axis, partial(_transformed, format_name, length), x)
    return x


def _ifft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    x = inputs[0]
    for axis, length in _extent(operation):
        x = _along(axis, partial(_inverted, format_name, length), x)
    return x


def _rfft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    """The lower half of the spectrum along the last axis, all of it along the others."""
    *others, (last, length) = _extent(operation)
    x = _along(last, partial(_half, format_name, length), (inputs[0], None))
    for axis, length in reversed(others):
        x = _along(axis, partial(_transformed, format_name, length), x)
    return x


def _irfft(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    x = inputs[0]
    *others, (last, length) = _extent(operation)
    for axis, of_axis in others:
        x = _along(axis, partial(_inverted, format_name, of_axis), x)
    real, _ = _along(last, partial(_half_inverted, format_name, length), x)
    return real


def _extent(operation: Any) -> list[tuple[int, Any]]:
    """The axes of a transform, from the end, each with the length that is given for it, or None.

    Raises:
        NotImplementedError: They are not known.
    """
    count = {"2D": 2, "3D": 3}.get(operation.type[-2:], 1)
    lengths: Any = [None] * count
    if len(operation.inputs) > 1:
        lengths = known(operation.inputs[1])
    if lengths is None:
        raise NotImplementedError
    return [(at - count, length and int(length)) for at, length in enumerate(lengths)]


def _known_real(operation: Any, x: Pair) -> tuple[Any, Any | None]:
    """Numbers, without an imaginary part where they were real ones just before."""
    maker = operation.inputs[0].op
    is_real = maker.type == "Cast" and not maker.inputs[0].dtype.is_complex
    return (x[0], None) if is_real else x


def _along(axis: int, transform: Callable[[Any], Any], x: tuple[Any, Any | None]) -> Any:
    """A transform of the last axis, of another one."""
    if axis == -1:
        return transform(x)
    return _swapped(axis, transform(_swapped(axis, x)))


def _swapped(axis: int, x: tuple[Any, Any | None]) -> tuple[Any, Any | None]:
    """Both parts, this axis and the last in each other's place."""
    rank = len(x[0].shape)
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    real, imaginary = (None if part is None else tf.transpose(part, order) for part in x)
    return real, imaginary


def _transformed(format_name: str, length: int | None, x: tuple[Any, Any | None]) -> Pair:
    return forward(format_name, _of_length(x, length))


def _inverted(format_name: str, length: int | None, x: Pair) -> Pair:
    """The transform of the mirrored numbers, mirrored, over their count."""
    real, imaginary = _of_length(x, length)
    mirrored, other = forward(format_name, (real, -imaginary))
    return mirrored / real.shape[-1], -other / real.shape[-1]


def _half(format_name: str, length: int, x: tuple[Any, None]) -> Pair:
    """The lower half of the spectrum of so many real numbers."""
    return forward(format_name, _of_length(x, length), length // 2 + 1)


def _half_inverted(format_name: str, length: int, x: Pair) -> tuple[Any, None]:
    """The real numbers that have this lower half of a spectrum."""
    return half_inverse(format_name, _of_length(x, None), length), None


def _of_length(x: tuple[Any, Any | None], length: int | None) -> tuple[Any, Any]:
    """Numbers cut off behind a length, or filled up to it with zeros.

    Raises:
        NotImplementedError: How many they are is not known.
    """
    real, imaginary = x
    given = real.shape[-1]
    if given is None:
        raise NotImplementedError
    if length in (None, given):
        return real, imaginary
    return _cut(real, length), None if imaginary is None else _cut(imaginary, length)


def _cut(x: Any, length: int) -> Any:
    given = x.shape[-1]
    if given < length:
        x = tf.pad(x, [*[[0, 0]] * (len(x.shape) - 1), [0, length - given]])
    return x[..., :length]
