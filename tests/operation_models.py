"""Functions of `keras.ops` as models of one operation, each on numbers that suit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

VECTORS, SIGNAL, PICTURE, SQUARE = (4, 6), (96,), (6, 6, 3), (5, 5)
SPIN = np.array([[0.9, 0.1, 0.37, -0.2, 1.1, -1.23, 0.01, 0.02]], "float32")
CORNERS = np.array([[[0, 0], [0, 5], [5, 0], [5, 5]]], "float32")

OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {}


def on(shape: tuple[int, ...], **functions: Callable[[Any], Any]) -> None:
    """Enter functions of inputs of a shape, by name."""
    OPERATIONS.update({name: (shape, function) for name, function in functions.items()})


def whole(x: Any) -> Any:
    """Whole numbers of both signs."""
    return ops.cast(x * 100, "int32")


def turned(x: Any) -> Any:
    """The same numbers elsewhere."""
    return ops.flip(x, axis=1)


def inside(x: Any) -> Any:
    """Numbers in (-1, 1)."""
    return ops.tanh(x) * 0.95


def model_of(name: str) -> keras.Model:
    """The model of one operation."""
    shape, function = OPERATIONS[name]
    inputs = keras.Input(shape, name="x")
    outputs = function(inputs)
    if outputs.dtype == "bool":
        outputs = ops.cast(outputs, "float32")
    return keras.Model(inputs, outputs, name=name)


on(
    VECTORS,
    arccos=lambda x: ops.arccos(inside(x)),
    arccos_at_its_ends=lambda x: ops.arccos(ops.clip(x, -1, 1)),
    arccosh=lambda x: ops.arccosh(1 + ops.abs(x)),
    arcsin=lambda x: ops.arcsin(inside(x)),
    arcsinh=ops.arcsinh,
    arctan=ops.arctan,
    arctan2=lambda x: ops.arctan2(x, turned(x)),
    arctanh=lambda x: ops.arctanh(inside(x)),
    cosh=ops.cosh,
    erfinv=lambda x: ops.erfinv(inside(x)),
    erfinv_tail=lambda x: ops.erfinv(ops.clip(x, -0.999, 0.999)),
    log1p=lambda x: ops.log1p(ops.exp(x) - 1),
    log1p_of_little=lambda x: ops.log1p(x * 1e-3),
    logaddexp=lambda x: ops.logaddexp(x, turned(x)),
    logaddexp2=lambda x: ops.logaddexp2(x, turned(x)),
    sinh=ops.sinh,
    tan=lambda x: ops.tan(inside(x)),
    guarded=lambda x: ops.where(x > 0, ops.log(x), 1 / ops.minimum(x, 0)),
    guarded_root=lambda x: ops.where(ops.isnan(ops.sqrt(x)), x, ops.sqrt(x)),
    expm1=ops.expm1,
    normal_distribution=lambda x: 0.5 * (1 + ops.erf(x / 1.4142135)),
    cross_entropy=lambda x: ops.binary_crossentropy(ops.cast(x > 0, "float32"), ops.sigmoid(x)),
)
on(
    VECTORS,
    bitwise_and=lambda x: ops.bitwise_and(whole(x), whole(turned(x))),
    bitwise_or=lambda x: ops.bitwise_or(whole(x), whole(turned(x))),
    bitwise_xor=lambda x: ops.bitwise_xor(whole(x), whole(turned(x))),
    bitwise_not=lambda x: ops.bitwise_not(whole(x)),
    large_bits=lambda x: ops.cast(
        ops.bitwise_and(whole(x * 1e6), whole(turned(x) * 1e6)), "float32"
    ),
    left_shift=lambda x: ops.left_shift(whole(x), ops.abs(whole(turned(x))) % 5),
    right_shift=lambda x: ops.right_shift(whole(x), 2),
    floor_divide=lambda x: ops.floor_divide(whole(x), -7),
    floor_divide_by_both_signs=lambda x: ops.floor_divide(whole(x), 2 * whole(turned(x)) + 1),
    mod=lambda x: ops.mod(whole(x), 2 * whole(turned(x)) + 1),
    mod_of_numbers=lambda x: ops.mod(x, -0.3),
)
on(
    VECTORS,
    cross=lambda x: ops.cross(x[:, :, :3], x[:, :, 3:]),
    cross_in_a_plane=lambda x: ops.cross(x[:, :, :2], x[:, :, 2:4]),
    cumprod=lambda x: ops.cumprod(x, axis=1),
    cumprod_last=lambda x: ops.cumprod(x, axis=-1),
    diagonal=lambda x: ops.diagonal(x, axis1=1, axis2=2),
    diagonal_above=lambda x: ops.diagonal(x, offset=2, axis1=1, axis2=2),
    diagonal_below=lambda x: ops.diagonal(x, offset=-1, axis1=1, axis2=2),
    in_top_k=lambda x: ops.in_top_k(ops.abs(whole(x[:, 0, 0])) % 6, x[:, 1], 3),
    inner=lambda x: ops.inner(x, np.ones((3, 6), "float32")),
    isin=lambda x: ops.isin(ops.cast(x * 3, "int32"), np.array([0, 2])),
    isin_not=lambda x: ops.isin(ops.cast(x * 3, "int32"), np.array([0, 2]), invert=True),
    switch=lambda x: ops.switch(2, [lambda y: y, lambda y: 2 * y, lambda y: 3 * y], x),
    unfold=lambda x: ops.unfold(ops.reshape(x, (-1, 1, 4, 6)), 2, stride=2),
    repeated=lambda x: ops.fori_loop(0, 4, lambda i, y: ops.arctan(y) + ops.log1p(ops.abs(y)), x),
    until=lambda x: ops.while_loop(
        lambda i, y: i < 5, lambda i, y: (i + 1, ops.arcsinh(y) + ops.tan(i)), (ops.array(0.0), x)
    )[1],
)
on(
    PICTURE,
    hsv_to_rgb=lambda x: ops.image.hsv_to_rgb(ops.sigmoid(2 * x)),
    rgb_to_hsv=lambda x: ops.image.rgb_to_hsv(ops.sigmoid(2 * x)),
    affine=lambda x: ops.image.affine_transform(x, SPIN),
    affine_nearest=lambda x: ops.image.affine_transform(
        x, SPIN, interpolation="nearest", fill_mode="nearest"
    ),
    affine_filled=lambda x: ops.image.affine_transform(x, SPIN, fill_value=0.3),
    affine_of_each=lambda x: ops.image.affine_transform(
        x, ops.add(0.01 * ops.reshape(x[:, :2, :4, 0], (-1, 8)), SPIN)
    ),
    perspective=lambda x: ops.image.perspective_transform(x, CORNERS, CORNERS * 0.8 + 0.3),
)


def _denoised(x: Any, *sizes: int, **options: Any) -> Any:
    """A signal through the frequencies that are strong in it."""
    real, imaginary = ops.stft(x, *sizes, **options)
    mask = ops.sigmoid(real * real + imaginary * imaginary)
    return ops.istft((real * mask, imaginary * mask), *sizes, **options)


on(
    SIGNAL,
    istft=lambda x: _denoised(x, 16, 4, 16),
    istft_of_another_window=lambda x: _denoised(x, 12, 5, 16, window="hamming", center=False),
    istft_without_a_window=lambda x: _denoised(x, 16, 16, 16, window=None),
)


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
    on(shape, **{name: lambda x, f=function: Written(f)(x) for name, function in functions.items()})


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
written(
    VECTORS,
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
on(
    VECTORS,
    remembering_after_a_recurrence=lambda x: Written(_remembering)(
        layers.GRU(6, return_sequences=True)(x)
    ),
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
