"""Spectra: the Fourier transform of a real signal as products with two constant matrices.

TFLite's RFFT2D and tf2onnx's stand-in differ from TensorFlow's in what they can be used in. The
matrices are right everywhere, and of the sizes that audio front ends use (256 to 2048) a matrix
product is fast. It is written so that no scheme takes it for a layer with weights: a spectrum's
values span more powers of ten than int8 has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import channels_first, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._onnx_operator import operator


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Stand-ins for a spectrogram layer; see `littoral_converters.lowering`."""
    if not isinstance(layer, keras.layers.STFTSpectrogram):
        return {}
    kernels = [getattr(layer, name, None) for name in ("real_kernel", "imag_kernel")]
    matrices = {id(kernel): _matrix(kernel) for kernel in kernels if kernel is not None}
    return {"_apply_conv": partial(_transformed, plan.format, layer, matrices)}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {
        "backend.tensorflow.math.rfft": partial(_rfft, plan.format),
        "backend.tensorflow.math.stft": partial(_stft, plan.format),
        "backend.tensorflow.math.extract_sequences": _extract_sequences,
    }


def _matrix(kernel: Any) -> Any:
    """The kernel of a convolution over one channel as a matrix, (frame_length, frequencies)."""
    return keras.ops.convert_to_numpy(kernel)[:, 0]


def _transformed(
    format_name: str, layer: Any, matrices: Mapping[int, Any], inputs: Any, kernel: Any
) -> Any:
    """One part of the transform of each channel: (batch, channels, frequencies, frames)."""
    signal = inputs if channels_first(layer.data_format) else tf.transpose(inputs, [0, 2, 1])
    length, stride, size = layer.frame_length, layer._frame_step, signal.shape[-1]
    if layer.padding == "same":
        missing = max(0, (-(-size // stride) - 1) * stride + length - size)
        signal = tf.pad(signal, [[0, 0], [0, 0], [missing // 2, missing - missing // 2]])
    product = float_product(format_name, _frames(signal, length, stride), matrices[id(kernel)])
    return tf.transpose(product, [0, 1, 3, 2])


def _rfft(
    format_name: str, original: Callable[..., Any], x: Any, fft_length: int | None = None
) -> Any:
    """Real and imaginary part of the transform along the last axis."""
    del original
    x = tf.convert_to_tensor(x)
    length = fft_length or x.shape[-1]
    if length is None:
        size = sizes(x)[-1]
        cosine, sine = open_turns(size, size // 2 + 1, size)
        return x @ cosine, 0 - x @ sine
    if x.shape[-1] is None:
        outer = x.shape[:-1]
        x = tf.pad(x, [[0, 0]] * len(outer) + [[0, length]])[..., :length]
        x.set_shape([*outer, length])
    return _transform(format_name, x[..., :length], np.ones(length), length)


def _stft(
    format_name: str,
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
        shape[before : before + sequence_length] = periodic_window(window, sequence_length)
    return _transform(format_name, _frames(x, fft_length, sequence_stride), shape, fft_length)


def _extract_sequences(
    original: Callable[..., Any], x: Any, sequence_length: int, sequence_stride: int
) -> Any:
    """Overlapping pieces of the last axis: (..., pieces, sequence_length)."""
    del original
    return _frames(tf.convert_to_tensor(x), sequence_length, sequence_stride)


def periodic_window(window: Any, length: int) -> Any:
    """The periodic windows that Keras knows by name; values as they are."""
    if not isinstance(window, str):
        return np.asarray(window)
    turns = 2 * np.pi * np.arange(length) / length
    middle = {"hann": 0.5, "hamming": 0.54}[window]
    return middle - (1 - middle) * np.cos(turns)


def _transform(format_name: str, pieces: Any, window: Any, length: int) -> tuple[Any, Any]:
    """Windowed transform of pieces that are not longer than the transform."""
    taken = pieces.shape[-1] or length
    cosine, sine = turns(taken, length // 2 + 1, length)
    weights = np.asarray(window)[:taken, None]
    real = float_product(format_name, pieces, weights * cosine)
    return real, float_product(format_name, pieces, -weights * sine)


def turns(rows: int, columns: int, length: int) -> tuple[Any, Any]:
    """Cosine and sine of 2 pi i j / length, (rows, columns)."""
    # The angle is reduced in integers first: large products would lose digits.
    steps = np.arange(rows)[:, None] * np.arange(columns)[None] % length
    angle = 2 * np.pi * steps / length
    # What is 0 must be so: its sign is all that tells a phase of pi from one of -pi.
    cosine, sine = (np.where(np.abs(x) < 1e-12, 0, x) for x in (np.cos(angle), np.sin(angle)))
    return cosine, sine


def open_turns(rows: Any, columns: Any, length: Any) -> tuple[Any, Any]:
    """What `turns` gives, of sizes that only the input says."""
    steps = tf.range(rows)[:, None] * tf.range(columns) % length
    angles = 2 * np.pi * tf.cast(steps, tf.float32) / tf.cast(length, tf.float32)
    return tf.cos(angles), tf.sin(angles)


def float_product(format_name: str, pieces: Any, matrix: Any) -> Any:
    """Pieces times a matrix that stays float32 in every scheme."""
    weights = tf.constant(matrix, pieces.dtype)
    if format_name == "onnx":
        outputs = [(pieces.dtype, [*pieces.shape[:-1], matrix.shape[1]])]
        (product,) = operator("Einsum", [pieces, weights], outputs, {"equation": "...k,kf->...f"})
        return product
    # A matrix with axes in front is no weight of a fully connected layer.
    flat = tf.reshape(pieces, [1, -1, pieces.shape[-1]])
    product = tf.matmul(flat, weights[None])
    return tf.reshape(product, [*sizes(pieces)[:-1], matrix.shape[1]])


def _frames(x: Any, length: int, stride: int) -> Any:
    """Overlapping frames of the last axis, by index where its size is known."""
    if x.shape[-1] is None:
        return tf.signal.frame(x, length, stride)
    count = max(0, (x.shape[-1] - length) // stride + 1)
    at = stride * np.arange(count)[:, None] + np.arange(length)[None]
    flat = tf.reshape(x, [-1, x.shape[-1]])
    frames = tf.gather(flat, tf.constant(at.ravel(), tf.int32), axis=1)
    return tf.reshape(frames, [*sizes(x)[:-1], count, length])
