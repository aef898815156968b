"""Spectra: the Fourier transform of a real signal as products with two constant matrices.

TFLite's RFFT2D and tf2onnx's stand-in differ from TensorFlow's in what they can be used in. The
matrices are right everywhere, and of the sizes that audio front ends use (256 to 2048) a matrix
product is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.lowering import Plan
from littoral_converters.lowering._axes import sizes


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """None: spectra are lowered where layers and `keras.ops` meet, in `functions`."""
    del layer, plan
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for backend functions; see `littoral_converters.lowering`."""
    del plan
    return {
        "math.rfft": _rfft,
        "math.stft": _stft,
        "math.extract_sequences": _extract_sequences,
    }


def _rfft(original: Callable[..., Any], x: Any, fft_length: int | None = None) -> Any:
    """Real and imaginary part of the transform along the last axis."""
    x = tf.convert_to_tensor(x)
    length = fft_length or x.shape[-1]
    if length is None:
        return original(x, fft_length)
    kept = x[..., : min(length, x.shape[-1] or length)]
    return _transform(kept, np.ones(length), length)


def _stft(
    original: Callable[..., Any],
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Real and imaginary part of the transform of each frame: (..., frames, frequencies)."""
    del original
    x = tf.convert_to_tensor(x)
    if center:
        around = fft_length // 2
        x = tf.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[around, around]], mode="REFLECT")
    before = (fft_length - sequence_length) // 2
    shape = np.ones(fft_length)
    if window is not None:
        shape[:] = 0
        shape[before : before + sequence_length] = _window(window, sequence_length)
    return _transform(_frames(x, fft_length, sequence_stride), shape, fft_length)


def _extract_sequences(
    original: Callable[..., Any], x: Any, sequence_length: int, sequence_stride: int
) -> Any:
    """Overlapping pieces of the last axis: (..., pieces, sequence_length)."""
    del original
    return _frames(tf.convert_to_tensor(x), sequence_length, sequence_stride)


def _window(window: Any, length: int) -> Any:
    """The periodic windows that Keras knows by name; values as they are."""
    if not isinstance(window, str):
        return np.asarray(window)
    turns = 2 * np.pi * np.arange(length) / length
    middle = {"hann": 0.5, "hamming": 0.54}[window]
    return middle - (1 - middle) * np.cos(turns)


def _transform(pieces: Any, window: Any, length: int) -> tuple[Any, Any]:
    """Windowed transform of pieces that are not longer than the transform."""
    taken = pieces.shape[-1] or length
    at, frequency = np.arange(taken)[:, None], np.arange(length // 2 + 1)[None]
    # The angle is reduced in integers first: large products would lose digits.
    angle = 2 * np.pi * (at * frequency % length) / length
    weights = np.asarray(window)[:taken, None]

    def product(matrix: Any) -> Any:
        return tf.matmul(pieces, tf.constant(weights * matrix, pieces.dtype))

    return product(np.cos(angle)), product(-np.sin(angle))


def _frames(x: Any, length: int, stride: int) -> Any:
    """Overlapping frames of the last axis, by index where its size is known."""
    if x.shape[-1] is None:
        return tf.signal.frame(x, length, stride)
    count = max(0, (x.shape[-1] - length) // stride + 1)
    at = stride * np.arange(count)[:, None] + np.arange(length)[None]
    flat = tf.reshape(x, [-1, x.shape[-1]])
    frames = tf.gather(flat, tf.constant(at.ravel(), tf.int32), axis=1)
    return tf.reshape(frames, [*sizes(x)[:-1], count, length])
