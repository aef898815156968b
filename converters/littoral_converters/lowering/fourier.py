"""The Fourier transforms of `keras.ops` that take or give complex numbers, kept as pairs of reals.

Neither format has complex numbers where they would be needed; a transform of known length is two
products with constant matrices, as in `littoral_converters.lowering.spectral`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering.spectral import float_product, open_turns, periodic_window, turns

Pair = tuple[Any, Any]
"""Real and imaginary part, of one shape."""


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {
        "backend.tensorflow.math.fft": partial(_fft, plan.format),
        "backend.tensorflow.math.fft2": partial(_fft2, plan.format),
        "backend.tensorflow.math.irfft": partial(_irfft, plan.format),
        "backend.tensorflow.math.istft": partial(_istft, plan.format),
    }


def _fft(format_name: str, original: Callable[..., Any], x: Pair) -> Pair:
    """The transform along the last axis."""
    del original
    real, imaginary = (tf.convert_to_tensor(part) for part in x)
    if real.shape[-1] is not None:
        return forward(format_name, (real, imaginary))
    cosine, sine = open_turns(*[sizes(real)[-1]] * 3)
    return real @ cosine + imaginary @ sine, imaginary @ cosine - real @ sine


def forward(format_name: str, x: tuple[Any, Any | None], count: int | None = None) -> Pair:
    """The transform along the last axis, whose length is known.

    Args:
        format_name: What it is traced for.
        x: Real and imaginary part (..., length); None for the imaginary part of real numbers.
        count: How many frequencies are wanted, from the lowest; None for all.
    """
    real, imaginary = x
    cosine, sine = turns(real.shape[-1], count or real.shape[-1], real.shape[-1])
    product = partial(float_product, format_name)
    if imaginary is None:
        return product(real, cosine), product(real, 0 - sine)
    return (
        product(real, cosine) + product(imaginary, sine),
        product(imaginary, cosine) - product(real, sine),
    )


def _fft2(format_name: str, original: Callable[..., Any], x: Pair) -> Pair:
    """The transform along the last two axes, one after the other."""
    rows = _fft(format_name, original, x)
    columns = _fft(format_name, original, _turned(rows))
    return _turned(columns)


def _turned(x: Pair) -> Pair:
    real, imaginary = (tf.linalg.matrix_transpose(part) for part in x)
    return real, imaginary


def _irfft(
    format_name: str, original: Callable[..., Any], x: Pair, fft_length: int | None = None
) -> Any:
    """The real signal, (..., fft_length), of the first half of a spectrum."""
    real, imaginary = (tf.convert_to_tensor(part) for part in x)
    del original
    given = real.shape[-1]
    if given is None:
        return _open_half_inverse((real, imaginary), fft_length)
    return half_inverse(format_name, (real, imaginary), fft_length or 2 * (given - 1))


def half_inverse(format_name: str, x: Pair, length: int) -> Any:
    """The real signal (..., length) whose lowest frequencies these are; their number is known."""
    real, imaginary = x
    given = real.shape[-1]
    used = min(given, length // 2 + 1)
    cosine, sine = turns(used, length, length)
    # All frequencies but the first, and the last of an even length, stand for their mirror too.
    twice = np.full((used, 1), 2.0)
    twice[0] = 1
    if length % 2 == 0 and used == length // 2 + 1:
        twice[-1] = 1
    product = partial(float_product, format_name)
    return product(real[..., :used], twice * cosine / length) - product(
        imaginary[..., :used], twice * sine / length
    )


def _open_half_inverse(x: Pair, length: int | None) -> Any:
    """The same of a number of frequencies that only the input says."""
    real, imaginary = x
    given = sizes(real)[-1]
    size = 2 * (given - 1) if length is None else length
    used = tf.minimum(given, size // 2 + 1)
    cosine, sine = open_turns(used, size, size)
    steps = tf.range(used)
    is_alone = tf.logical_or(tf.equal(steps, 0), tf.equal(2 * steps, size))
    share = tf.where(is_alone, 1.0, 2.0)[:, None] / tf.cast(size, tf.float32)
    return real[..., :used] @ (share * cosine) - imaginary[..., :used] @ (share * sine)


def _istft(
    format_name: str,
    original: Callable[..., Any],
    x: Pair,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal whose overlapping pieces have these spectra, (..., pieces, frequencies)."""
    if x[0].shape[-1] is None or list(x[0].shape[:-1]).count(None) > 1:
        return original(x, sequence_length, sequence_stride, fft_length, length, window, center)
    pieces = _irfft(format_name, original, x, fft_length)
    if window is not None:
        pieces = pieces * _synthesis_window(window, sequence_length, sequence_stride, fft_length)
    signal = _overlapped(pieces, sequence_stride)
    start = fft_length // 2 if center else 0
    # The last piece was filled up to whole strides.
    surplus = -fft_length % sequence_stride
    end = -(surplus + start) or None
    return signal[..., start : end if length is None else start + length]


def _synthesis_window(window: Any, length: int, stride: int, fft_length: int) -> Any:
    """What pieces are weighted by, so that overlapped they give back the signal."""
    before = (fft_length - length) // 2
    around = (before, fft_length - length - before)
    with tf.init_scope():
        padded = tf.constant(np.pad(periodic_window(window, length), around), tf.float32)
        made = tf.signal.inverse_stft_window_fn(stride, lambda size, dtype: padded)
        return made(fft_length, tf.float32).numpy()


def _overlapped(pieces: Any, stride: int) -> Any:
    """Pieces (..., pieces, size) added up where each begins a stride behind the one before."""
    *outer, count, size = pieces.shape
    parts = -(-size // stride)
    around = [[0, 0]] * len(outer)
    padded = tf.pad(pieces, [*around, [0, 0], [0, parts * stride - size]])
    total: Any = 0.0
    for part in range(parts):
        own = padded[..., part * stride : (part + 1) * stride]
        total += tf.pad(own, [*around, [part, parts - 1 - part], [0, 0]])
    sizes = [-1 if side is None else side for side in outer]
    return tf.reshape(total, [*sizes, -1 if count is None else (count + parts - 1) * stride])
