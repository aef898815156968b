"""Functions of TensorFlow in a layer that a person wrote, as models of one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers, ops
from operation_models import PICTURE, SIGNAL, VECTORS, Table, turned, whole

SQUARE = (5, 5)

WRITTEN: Table = {}


class Written(layers.Layer):
    """A layer that a person wrote in TensorFlow itself."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__(name="written")
        self.function = function

    def call(self, x: Any) -> Any:
        """The function."""
        return self.function(x)


def written(shape: tuple[int, ...], **functions: Callable[[Any], Any]) -> None:
    """Enter functions of TensorFlow, each in a layer of its own."""
    WRITTEN.update({name: (shape, lambda x, f=f: Written(f)(x)) for name, f in functions.items()})


def _mfcc(x: Any) -> Any:
    spectrum = tf.abs(tf.signal.stft(x, 16, 8, fft_length=16))
    mel = tf.signal.linear_to_mel_weight_matrix(6, 9, 8000, 100.0, 3900.0)
    return tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(spectrum @ mel + 1e-3))


written(
    SIGNAL,
    mfcc=_mfcc,
    mdct=lambda x: tf.signal.mdct(x, 16),
    spectrum_of_any_length=lambda x: tf.abs(tf.signal.stft(x, 12, 6, fft_length=12)),
    inverse_stft=lambda x: tf.signal.inverse_stft(tf.signal.stft(x, 16, 8), 16, 8),
    correlation=lambda x: tf.signal.irfft(
        tf.math.conj(tf.signal.rfft(x)) * tf.signal.rfft(tf.roll(x, 5, -1))
    ),
)


def _filtered(x: Any) -> Any:
    """A layer of a Fourier neural operator: the lowest frequencies through weights of their own."""
    spectrum = tf.signal.rfft2d(x)
    low = tf.einsum("bxy,xyo->bxyo", spectrum[:, :3, :2], tf.complex(_WEIGHTS, 1 - _WEIGHTS))
    low = tf.einsum("bxyo,oz->bzxy", low, tf.complex(_WEIGHTS[0], _WEIGHTS[1]))
    return tf.signal.irfft2d(tf.pad(low, [[0, 0], [0, 0], [0, 1], [0, 2]]), [4, 6])


_WEIGHTS = np.random.default_rng(5).normal(size=(3, 2, 2)).astype("float32")

written(
    VECTORS,
    mixed_by_fft2d=lambda x: tf.math.real(tf.signal.fft2d(tf.cast(x, tf.complex64))),
    fft2d_of_pairs=lambda x: tf.abs(tf.signal.fft2d(tf.complex(x, turned(x)))),
    ifft2d=lambda x: tf.math.imag(tf.signal.ifft2d(tf.complex(x, turned(x)))),
    rfft2d=lambda x: tf.abs(tf.signal.rfft2d(x)),
    rfft2d_of_other_sizes=lambda x: tf.math.real(tf.signal.rfft2d(x, [5, 4])),
    rfft2d_of_powers_of_two=lambda x: tf.abs(tf.signal.rfft2d(x[..., :4])),
    irfft2d=lambda x: tf.signal.irfft2d(tf.signal.rfft2d(x) * 2),
    irfft2d_of_other_sizes=lambda x: tf.signal.irfft2d(tf.signal.rfft2d(x), [5, 7]),
    neural_operator=_filtered,
    complex_product=lambda x: tf.abs(
        tf.matmul(tf.signal.rfft(x), tf.complex(x, x)[..., :4], adjoint_a=True)
    ),
    complex_weights=lambda x: tf.math.imag(
        tf.matmul(tf.signal.rfft(x), tf.complex(tf.ones((4, 3)), tf.ones((4, 3))))
    ),
    complex_logarithm=lambda x: tf.math.imag(tf.math.log(tf.complex(x, turned(x)))),
)
BLOCKS = (3, 4, 5)

written(
    BLOCKS,
    fft3d=lambda x: tf.math.real(tf.signal.fft3d(tf.complex(x, turned(x)))),
    ifft3d=lambda x: tf.math.imag(tf.signal.ifft3d(tf.complex(x, turned(x)))),
    rfft3d=lambda x: tf.abs(tf.signal.rfft3d(x)),
    rfft3d_of_other_sizes=lambda x: tf.math.imag(tf.signal.rfft3d(x, [4, 3, 6])),
    irfft3d=lambda x: tf.signal.irfft3d(tf.signal.rfft3d(x) * 2, BLOCKS),
    irfft3d_of_other_sizes=lambda x: tf.signal.irfft3d(tf.signal.rfft3d(x), [4, 3, 4]),
)
written(
    VECTORS,
    noise_of_a_seed=lambda x: (
        tf.random.stateless_normal([4, 6], [1, 2]) * x + tf.random.stateless_uniform([6], [3, 4])
    ),
    dct=tf.signal.dct,
    idct=tf.signal.idct,
    fft=lambda x: tf.math.real(tf.signal.fft(tf.complex(x, turned(x)))),
    ifft=lambda x: tf.math.imag(tf.signal.ifft(tf.complex(x, turned(x)))),
    one_phase=lambda x: tf.math.angle(tf.squeeze(tf.signal.rfft(x)[:, None], 1)),
    phase=lambda x: tf.math.angle(tf.signal.rfft(x)),
    complex_quotient=lambda x: tf.math.imag(tf.complex(x, turned(x)) / tf.complex(x + 5, x)),
    turning=lambda x: tf.math.real(tf.exp(tf.complex(0 * x, x)) * tf.complex(x, x * x)),
    gelu=lambda x: 0.5 * x * (1 + tf.math.erf(x / 1.4142135)),
    erf=tf.math.erf,
    erfc=tf.math.erfc,
    truncated_mod=lambda x: tf.truncatemod(x, 0.7),
    truncated_mod_of_whole=lambda x: tf.truncatemod(whole(x), -7),
    xlogy=lambda x: tf.math.xlogy(tf.nn.relu(x), tf.nn.relu(x)),
    xlog1py=lambda x: tf.math.xlog1py(tf.nn.relu(x), tf.abs(x)),
    xdivy=lambda x: tf.math.xdivy(tf.nn.relu(x), tf.nn.relu(x)),
    multiply_no_nan=lambda x: tf.math.multiply_no_nan(1 / tf.nn.relu(x), tf.nn.relu(x)),
    euclidean_norm=lambda x: tf.math.reduce_euclidean_norm(x, -1),
    buckets=lambda x: tf.raw_ops.Bucketize(input=x, boundaries=[-0.5, 0.0, 0.7]),
    products_before=lambda x: tf.math.cumprod(x, axis=1, exclusive=True, reverse=True),
)


def _remembering(x: Any) -> Any:
    """A recurrence that keeps its outputs in an array."""

    def step(time: Any, state: Any, outputs: Any) -> Any:
        state = tf.tanh(x[:, time] + 0.5 * state)
        return time + 1, state, outputs.write(time, state)

    begin = (tf.constant(0), tf.zeros_like(x[:, 0]), tf.TensorArray(tf.float32, 4))
    _, _, outputs = tf.while_loop(lambda time, *_: time < 4, step, begin)
    return tf.transpose(outputs.stack(), [1, 0, 2])


written(
    VECTORS,
    remembering=_remembering,
    remembering_one=lambda x: _remembering(tf.squeeze(tf.squeeze(x[:, None], 1)[:, None], [1])),
    every_sample=lambda x: tf.map_fn(lambda y: tf.matmul(y, y, transpose_b=True), x),
    losses=lambda x: tf.map_fn(tf.nn.l2_loss, x),
    folded=lambda x: tf.foldl(lambda state, y: 0.5 * state + y, tf.transpose(x, [1, 0, 2])),
    scanned=lambda x: tf.transpose(
        tf.scan(lambda state, y: 0.5 * state + y, tf.transpose(x, [1, 0, 2])), [1, 0, 2]
    ),
)
written(
    PICTURE,
    hue=lambda x: tf.image.adjust_hue(tf.sigmoid(x), 0.2),
    saturation=lambda x: tf.image.adjust_saturation(tf.sigmoid(x), 1.5),
    contrast=lambda x: tf.image.adjust_contrast(x, 2.0),
    patches=lambda x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 1, 1], [1, 2, 1, 1], "SAME"),
)
written(
    PICTURE,
    lanczos=lambda x: tf.image.resize(x, (9, 5), "lanczos3"),
    smoothed=lambda x: tf.image.resize(x, (4, 3), "bilinear", antialias=True),
    unpooled=lambda x: _places(*tf.nn.max_pool_with_argmax(x, 2, 2, "SAME")),
    unpooled_over_an_edge=lambda x: _places(*tf.nn.max_pool_with_argmax(x, 3, 2, "SAME")),
    dilation=lambda x: tf.nn.dilation2d(
        x, 0.1 * tf.ones((3, 3, 3)), [1, 2, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]
    ),
    mirrored=lambda x: tf.pad(x, [[0, 0], [2, 1], [0, 3], [0, 0]], "REFLECT"),
    mirrored_with_its_edge=lambda x: tf.pad(x, [[0, 0], [2, 1], [3, 3], [1, 0]], "SYMMETRIC"),
    peaks=lambda x: _peaks(tf.reshape(x[..., 0], [-1, 36])),
)


BOXES = np.array([[0.1, 0.2, 0.9, 0.7], [0.5, -0.2, 0.8, 1.3], [0.9, 1, 0.3, 0]], "float32")


def _regions(x: Any, size: Sequence[int], **options: Any) -> Any:
    """Three regions of each picture, moved by what it shows, side by side."""
    count = tf.shape(x)[0]
    boxes = tf.reshape(BOXES + 0.1 * tf.tanh(x[:, :1, 0, :1]), [-1, 4])
    owners = tf.reshape(tf.tile(tf.range(count)[:, None], [1, 3]), [-1])
    cut = tf.image.crop_and_resize(x, boxes, owners, size, **options)
    return tf.reshape(cut, [-1, 3, *size, 3])


written(
    PICTURE,
    regions=lambda x: _regions(x, (4, 5)),
    regions_nearest=lambda x: _regions(x, (4, 5), method="nearest"),
    regions_of_one_pixel=lambda x: _regions(x, (1, 1)),
    regions_filled=lambda x: _regions(x, (3, 7), extrapolation_value=0.5),
)


def _detections(x: Any, each: int, total: int, **options: Any) -> Any:
    """The best boxes of three classes; of one set of boxes, or of one a class."""
    corner = tf.sigmoid(x[..., :2])
    boxes = tf.concat([corner, corner + tf.sigmoid(x[..., 2:4])], -1)[:, :, None]
    if options.pop("apart", False):
        boxes = tf.concat([boxes, boxes + 0.1, boxes * 0.7], 2)
    found = tf.image.combined_non_max_suppression(
        boxes, tf.sigmoid(x[..., 4:]), each, total, **options
    )
    best, scores, kinds, count = found
    number = tf.cast(count, tf.float32)[:, None, None] + tf.zeros_like(best[..., :1])
    return tf.concat([best, scores[..., None], kinds[..., None], number], -1)


written(
    (20, 7),
    detections=lambda x: _detections(x, 4, 10),
    detections_apart=lambda x: _detections(x, 4, 15, apart=True, iou_threshold=0.3),
    detections_few=lambda x: _detections(x, 5, 30, score_threshold=0.7, clip_boxes=False),
    detections_padded=lambda x: _detections(x, 2, 9, pad_per_class=True),
)


def _in_a_row(x: Any) -> Any:
    """Patches as a Vision Transformer's steps."""
    patches = tf.image.extract_patches(x, [1, 3, 3, 1], [1, 3, 3, 1], [1, 1, 1, 1], "VALID")
    return tf.reshape(patches, [tf.shape(x)[0], -1, patches.shape[-1]])


written(PICTURE, patches_in_a_row=_in_a_row)


def _shares(x: Any) -> Any:
    """Each row's share in the sum of its kind, and the sums of these: memory for each, in turn."""
    kinds = tf.abs(whole(x[:, :, 0])) % 4
    rows = tf.reshape(x, [-1, 6])
    kinds = tf.reshape(kinds + 4 * tf.range(tf.shape(x)[0])[:, None], [-1])
    count = 4 * tf.shape(x)[0]
    sums = tf.math.unsorted_segment_sum(tf.abs(rows), kinds, count)
    shares = rows / (tf.gather(sums, kinds) + 1)
    return tf.reshape(tf.math.unsorted_segment_sum(shares, kinds, count), [-1, 4, 6])


written(VECTORS, segment_sums=_shares)
WRITTEN["remembering_after_a_recurrence"] = (
    VECTORS,
    lambda x: Written(_remembering)(layers.GRU(6, return_sequences=True)(x)),
)


def _places(values: Any, at: Any) -> Any:
    """Largest values beside where they are."""
    return tf.concat([values, tf.cast(at, tf.float32) / 100], -1)


def _peaks(heat: Any) -> Any:
    """Row and column of the largest value."""
    at = tf.argmax(heat, -1)
    return tf.cast(tf.stack([at // 6, at % 6], -1), tf.float32)


def _solvable(x: Any) -> Any:
    """Matrices that are far from singular, though their diagonals are not their largest numbers."""
    return x + 4.0 * tf.roll(tf.eye(5), 2, 0)


def _positive(x: Any) -> Any:
    """Positive definite matrices."""
    return tf.matmul(x, x, transpose_b=True) + tf.eye(5)


written(
    SQUARE,
    inverse=lambda x: tf.linalg.inv(_solvable(x)),
    inverse_adjoint=lambda x: tf.linalg.inv(_solvable(x), adjoint=True),
    solved=lambda x: tf.linalg.solve(_solvable(x), x[..., :2]),
    determinant=lambda x: tf.linalg.det(_solvable(x)) / 100,
    log_determinant=lambda x: tf.linalg.slogdet(_solvable(x))[1],
    sign_of_determinant=lambda x: tf.linalg.slogdet(x)[0],
    cholesky=lambda x: tf.linalg.cholesky(_positive(x)),
    cholesky_solve=lambda x: tf.linalg.cholesky_solve(tf.linalg.cholesky(_positive(x)), x),
    triangular=lambda x: tf.linalg.triangular_solve(x + 4 * tf.eye(5), x[..., :3], lower=False),
    triangular_adjoint=lambda x: tf.linalg.triangular_solve(x + 4 * tf.eye(5), x, adjoint=True),
    least_squares=lambda x: tf.linalg.lstsq(_solvable(x)[..., :3], x[..., :2], fast=True),
    qr=lambda x: tf.concat(tf.linalg.qr(x), -1),
    qr_tall=lambda x: tf.concat([tf.linalg.qr(x[..., :3])[0], x], -1),
    qr_wide=lambda x: tf.linalg.qr(x[:, :3])[1],
    qr_full=lambda x: tf.concat(tf.linalg.qr(x[..., :3], full_matrices=True), -1),
    log_gamma=lambda x: tf.math.lgamma(tf.abs(x) + 0.1),
    digamma=lambda x: tf.math.digamma(tf.abs(x) + 0.1),
    log_sums=lambda x: tf.math.cumulative_logsumexp(x, 1),
    log_sums_after=lambda x: tf.math.cumulative_logsumexp(x, 2, reverse=True),
    histogram=lambda x: tf.math.bincount(
        tf.cast(tf.abs(x[..., 0]) * 3, tf.int32), minlength=7, maxlength=7, axis=-1
    ),
    stacked_last=lambda x: ops.stack([x, 2 * x, ops.flip(x, 1)], -1),
    stacked_last_of_many=lambda x: ops.stack([ops.tile(x, (1, 3, 2)) * k for k in range(7)], -1),
    step=lambda x: ops.tile(x, (1, 8, 8))[:, 3],
    last_step=lambda x: ops.tile(x, (1, 8, 80))[:, -1, 3::2],
    last_column=lambda x: ops.tile(x, (1, 80, 8))[:, 1:-1, -2],
    with_diagonal=lambda x: tf.linalg.set_diag(x, x[..., 0]),
    with_diagonal_above=lambda x: tf.linalg.set_diag(x, x[..., 0, :3], k=2),
    traces=lambda x: tf.einsum("bii->b", x),
    diagonals=lambda x: tf.einsum("bii,bij->bj", x, x),
    upper_case=lambda x: tf.einsum("bhw,bHw->bhH", x, x),
    upper_case_of_three=lambda x: tf.einsum("bhw,bHw,bHx->bhx", x, x, x),
    sums_of_one=lambda x: tf.einsum("bhc,hwcf->bf", x, tf.ones((5, 3, 5, 4))),
    sums_of_all=lambda x: tf.einsum("bij,bij->b", x, x),
    sums_inside=lambda x: tf.einsum("abc,cdk->abk", x, tf.ones((5, 2, 3))),
)


MIX = np.random.default_rng(7).normal(size=(6, 5)).astype("float32")


def _slope(activation: Callable[[Any], Any], x: Any) -> Any:
    """What a small network's output gains per input."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(activation(tf.nn.bias_add(x @ MIX, MIX[0])) * MIX[1], -1)
    return tape.gradient(y, x)


def _curvature(x: Any) -> Any:
    """The second slope along one input, of a network that takes the inputs apart."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            both = tf.concat([x[..., 0:2], x[..., 3:] * x[..., 2:3], x[..., 5, None]], -1)
            y = tf.reduce_sum(tf.tanh(both @ MIX) ** 2, -1)
        slope = inner.gradient(y, x)[..., 3]
    return outer.gradient(slope, x)


written(
    VECTORS,
    **{
        f"slope_of_{name}": lambda x, f=function: _slope(f, x)
        for name, function in {
            "elu": tf.nn.elu,
            "gelu": tf.nn.gelu,
            "leaky_relu": tf.nn.leaky_relu,
            "reciprocal": lambda x: tf.math.reciprocal(tf.abs(x) + 1),
            "relu": tf.nn.relu,
            "relu6": lambda x: tf.nn.relu6(4 * x),
            "rsqrt": lambda x: tf.math.rsqrt(tf.abs(x) + 1),
            "selu": tf.nn.selu,
            "sigmoid": tf.sigmoid,
            "sine": tf.sin,
            "softplus": tf.nn.softplus,
            "softsign": tf.nn.softsign,
            "sqrt": lambda x: tf.sqrt(tf.abs(x) + 1),
            "swish": tf.nn.silu,
            "tanh": tf.tanh,
        }.items()
    },
    curvature=_curvature,
)
