"""Every function of `keras.ops` that `operation_models` has no model of, on numbers that suit it.

What stands behind two underscores in a name says how the function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from operation_models import SIGNAL, VECTORS, Table, turned, whole

EVERY: Table = {}
SQUARE, SCORES = (5, 5), (12, 5)
_RANDOM = np.random.default_rng(3)
MATRIX = _RANDOM.normal(size=(6, 5)).astype("float32")
SHARES = np.array([0.3, 0.5, 0.9], "float32")

WITHOUT = {
    **dict.fromkeys(
        ("convert_to_numpy", "convert_to_tensor", "dtype", "is_tensor", "ndim", "shape", "size"),
        "tells something of a tensor",
    ),
    **dict.fromkeys(("custom_gradient", "jvp"), "is there for training"),
    **dict.fromkeys(("eig", "eigh", "svd", "pinv", "matrix_rank"), "refused: an iteration"),
    **dict.fromkeys(("view", "view_as_complex", "view_as_real"), "the bits of a number"),
    **dict.fromkeys(("argpartition", "nonzero", "unique", "histogram"), "sizes that data decides"),
    **dict.fromkeys(("ctc_loss", "psnr"), "is there for training"),
    **dict.fromkeys(("allclose", "corrcoef", "correlate", "outer", "vdot"), "mixes the samples"),
    **dict.fromkeys(
        ("conv_transpose", "lstsq", "lu_factor", "rearrange", "vectorize"),
        "Keras itself fails on it",
    ),
    "cond": "takes functions without inputs, which only a layer can give it",
    "image.elastic_transform": "draws other numbers for each size of a batch",
}
"""Functions that have no model, and why."""

TOGETHER = {
    *("array", "blackman", "diagflat", "empty", "full", "hanning", "identity", "kaiser", "tri"),
    "zeros",
}
"""Functions that a model of another one has besides."""


def on(shape: tuple[int, ...], **functions: Callable[[Any], Any]) -> None:
    """Enter functions of inputs of a shape, by name."""
    EVERY.update({name: (shape, function) for name, function in functions.items()})


def _plain(names: str, *, of: Callable[[Any], Any] = lambda x: x, **options: Any) -> None:
    """Enter functions of one tensor by their own names."""
    suffix = "".join(f"__{key}_{value}" for key, value in options.items())
    for name in names.split():
        function = getattr(ops, name)
        on(VECTORS, **{name + suffix: lambda x, f=function: f(of(x), **options)})


def _of_two(names: str, call: Callable[[Callable[..., Any], Any], Any]) -> None:
    """Enter functions of two tensors by their own names."""
    for name in names.split():
        function = getattr(ops, name)
        on(VECTORS, **{name: lambda x, f=function: call(f, x)})


def _by_rows(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What goes along the first axis, along the second one in place of the samples."""
    return lambda x: ops.swapaxes(run(ops.swapaxes(x, 0, 1)), 0, 1)


def _added(carry: Any, row: Any) -> tuple[Any, Any]:
    return 0.5 * carry + row, carry * row


def _holes(x: Any) -> Any:
    """Numbers, and some that are none."""
    return ops.where(x > 1, np.nan, ops.where(x == x[:, :, ::-1], 0.0, x))


def _some(x: Any) -> Any:
    """Numbers, the first of each row and column among them."""
    known = np.zeros((4, 6), bool)
    known[0], known[:, 0] = True, True
    return ops.where(known, ops.sin(x), _holes(x))


def _classes(x: Any, count: int = 5) -> Any:
    return ops.abs(whole(x)) % count


_plain(
    "abs absolute cbrt ceil conj conjugate copy cos deg2rad exp exp2 fabs floor i0 imag isfinite "
    "isinf isnan isneginf isposinf isreal logical_not nan_to_num negative ones_like rad2deg real "
    "reciprocal relu relu6 round sign signbit sin sinc square stop_gradient tanh trunc zeros_like "
    "angle erf erfc"
)
_plain(
    "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
    "log_sigmoid log_softmax selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid sparsemax squareplus swish tanh_shrink"
)
_plain("log log2 log10 sqrt rsqrt", of=lambda x: ops.abs(x) + 0.1)
for _axis in (1, -1):
    _plain(
        "all amax amin any argmax argmin average count_nonzero cumsum diff logsumexp max mean "
        "median min prod ptp std sum var sort argsort flip norm normalize",
        axis=_axis,
    )
    _plain(
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod nanstd "
        "nansum nanvar",
        of=_some,
        axis=_axis,
    )
_of_two(
    "add subtract multiply divide true_divide divide_no_nan equal not_equal greater greater_equal "
    "less less_equal maximum minimum fmax fmin fmod hypot heaviside logical_and logical_or "
    "logical_xor isclose nextafter",
    lambda function, x: function(x, turned(x)),
)
_of_two("bitwise_left_shift bitwise_right_shift", lambda function, x: function(whole(x), 3))
_of_two("gcd lcm", lambda function, x: function(_classes(x, 40), whole(turned(x))))
on(
    VECTORS,
    associative_scan=lambda x: ops.associative_scan(ops.maximum, x, axis=1),
    associative_scan__reverse=lambda x: ops.associative_scan(ops.add, x, reverse=True, axis=2),
    map=_by_rows(lambda rows: ops.map(lambda row: row / (1.0 + row * row), rows)),
    scan=_by_rows(lambda rows: ops.scan(_added, rows[0], rows)[1]),
    scan__reverse=_by_rows(lambda rows: ops.scan(_added, rows[0], rows, reverse=True)[1]),
)
on(
    VECTORS,
    bitwise_invert=lambda x: ops.bitwise_invert(whole(x)),
    cast=lambda x: ops.cast(10 * x, "int32"),
    clip=lambda x: ops.clip(x, -0.5, 0.5),
    clip__of_whole_numbers=lambda x: ops.clip(whole(x), 0, 6),
    clip__of_whole_numbers_around_0=lambda x: ops.clip(whole(x), -1, 1),
    full_like=lambda x: ops.full_like(x, 3.0),
    empty_like=lambda x: 0 * ops.empty_like(x) + x,
    ldexp=lambda x: ops.ldexp(x, whole(turned(x)) // 50),
    polar=lambda x: ops.real(ops.polar(ops.abs(x), turned(x))),
    power=lambda x: ops.power(ops.abs(x) + 0.1, turned(x)),
    saturate_cast=lambda x: ops.saturate_cast(200 * x, "int8"),
    threshold=lambda x: ops.threshold(x, 0.1, -1.0),
    where=lambda x: ops.where(x > 0, x, turned(x)),
    select=lambda x: ops.select([x < 0, x > 1], [2 * x, 3 * x], 0.0),
    quantile=lambda x: ops.quantile(x, 0.3, axis=-1),
    quantile__several=lambda x: ops.moveaxis(ops.quantile(x, SHARES, axis=1), 0, -1),
    percentile=lambda x: ops.percentile(x, 30, axis=-1),
    nanpercentile=lambda x: ops.nanpercentile(_some(x), 30, axis=1, method="midpoint"),
    nanquantile=lambda x: ops.moveaxis(ops.nanquantile(_some(x), SHARES, axis=1), 0, -1),
    nanquantile__axes=lambda x: ops.nanquantile(_some(x), 0.3, axis=(1, 2), keepdims=True),
    nanquantile__nearest=lambda x: ops.nanquantile(_some(x), 0.3, axis=-1, method="nearest"),
    nanquantile__higher=lambda x: ops.nanquantile(_some(x), 0.3, axis=-1, method="higher"),
    trapezoid=lambda x: ops.trapezoid(x, dx=0.5, axis=-1),
    moments=lambda x: ops.concatenate(ops.moments(x, axes=[1], keepdims=True), -1),
    layer_normalization=lambda x: ops.layer_normalization(x, axis=-1),
    rms_normalization=lambda x: ops.rms_normalization(x, axis=-1),
    batch_normalization=lambda x: ops.batch_normalization(x, MATRIX[:, 0], MATRIX[:, 1] ** 2, -1),
)
on(
    VECTORS,
    append=lambda x: ops.append(x, turned(x), axis=1),
    array_split=lambda x: ops.array_split(x, 4, axis=-1)[1],
    broadcast_to=lambda x: x + ops.broadcast_to(ops.array(MATRIX[0, :1]), (4, 6)),
    concatenate=lambda x: ops.concatenate([x, turned(x)], axis=1),
    dsplit=lambda x: ops.dsplit(x, 3)[1],
    dstack=lambda x: ops.dstack([x, turned(x)]),
    expand_dims=lambda x: ops.expand_dims(x, 1),
    fliplr=ops.fliplr,
    flipud=lambda x: turned(ops.flipud(ops.flipud(x))),
    get_item=lambda x: ops.get_item(x, (slice(None), 2)),
    hsplit=lambda x: ops.hsplit(x, 2)[1],
    hstack=lambda x: ops.hstack([x, turned(x)]),
    moveaxis=lambda x: ops.moveaxis(x, 1, 2),
    multi_hot=lambda x: ops.multi_hot(_classes(x), 5),
    one_hot=lambda x: ops.one_hot(_classes(x), 5),
    pad=lambda x: ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=2.0),
    pad__mirrored=lambda x: ops.pad(x, [[0, 0], [1, 2], [0, 1]], mode="reflect"),
    ravel=lambda x: x + ops.ravel(ops.array(MATRIX[:, :1])),
    repeat=lambda x: ops.repeat(x, 2, axis=1),
    repeat__each=lambda x: ops.repeat(x, np.array([1, 2, 0, 3]), axis=1),
    reshape=lambda x: ops.reshape(x, (-1, 24)),
    roll=lambda x: ops.roll(x, 2, axis=1),
    rot90=lambda x: ops.rot90(x, axes=(1, 2)),
    scatter=lambda x: x + ops.scatter(np.array([[0], [3]]), ops.ones((2, 6)), (4, 6)),
    scatter_update=lambda x: x + ops.scatter_update(MATRIX.T[:4], np.array([[1]]), np.ones((1, 6))),
    slice=lambda x: x + ops.slice(ops.array(MATRIX), (1, 2), (1, 1)),
    slice_update=lambda x: ops.slice_update(x, (0, 1, 2), 2 * x[:, :2, :3]),
    split=lambda x: ops.split(x, 3, axis=-1)[1],
    squeeze=lambda x: ops.squeeze(x[:, :1], 1),
    stack=lambda x: ops.stack([x, turned(x)], axis=1),
    swapaxes=lambda x: ops.swapaxes(x, 1, 2),
    take=lambda x: ops.take(x, np.array([0, 2, -1]), axis=1),
    take_along_axis=lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    tile=lambda x: ops.tile(x, (1, 2, 3)),
    top_k=lambda x: ops.top_k(x, 3)[0],
    trace=lambda x: ops.trace(x, axis1=1, axis2=2),
    transpose=lambda x: ops.transpose(x, (0, 2, 1)),
    tril=ops.tril,
    triu=lambda x: ops.triu(x, 1),
    unravel_index=lambda x: ops.unravel_index(ops.argmax(ops.reshape(x, (-1, 24)), -1), (4, 6))[0],
    unstack=lambda x: ops.unstack(x, axis=1)[2],
    vsplit=lambda x: x + ops.vsplit(ops.array(MATRIX[:4, 0][:, None]), 1)[0],
    vstack=lambda x: x + ops.vstack([ops.array(MATRIX.T[:2]), ops.array(MATRIX.T[2:4])]),
)
on(
    VECTORS,
    arange=lambda x: x + ops.arange(6.0) + ops.linspace(0, 1, 6) + ops.array(2.0),
    bartlett=lambda x: x * ops.bartlett(6) + ops.blackman(6),
    hamming=lambda x: x * ops.hamming(6) + ops.hanning(6) * ops.kaiser(6, 3.0),
    geomspace=lambda x: ops.moveaxis(ops.geomspace(ops.abs(x) + 0.1, ops.abs(x) + 2, 3), 0, -1),
    logspace=lambda x: ops.moveaxis(ops.logspace(0.1 * x, 0.1 * x + 1, 3), 0, -1),
    linspace=lambda x: ops.linspace(x, x + 1, 4, axis=1),
    linspace__open=lambda x: ops.linspace(x, x + 1, 4, endpoint=False, axis=1),
    eye=lambda x: x + ops.eye(4, 6) + ops.tri(4, 6) + ops.identity(6)[:4] + ops.full((4, 6), 2.0),
    ones=lambda x: x + ops.ones((4, 6)) + ops.zeros((4, 6)) + 0 * ops.empty((4, 6)),
    meshgrid=lambda x: x + ops.meshgrid(ops.arange(6.0), ops.arange(4.0))[0],
    diag=lambda x: x[:, :, :3] @ (ops.diag(ops.arange(3.0)) + ops.diagflat(ops.arange(3.0))),
    vander=lambda x: x[:, :, :4] + ops.vander(ops.array([1.0, 2, 3, 0.5]), 4),
    digitize=lambda x: ops.digitize(x, np.array([-1.0, 0, 0.5])),
    searchsorted=lambda x: x + ops.cast(ops.searchsorted(MATRIX[0], MATRIX[:, 1]), "float32"),
    bincount=lambda x: ops.bincount(ops.minimum(_classes(x[:, 0]), 5), minlength=6),
    segment_sum=lambda x: _segments(ops.segment_sum, x),
    segment_max=lambda x: _segments(ops.segment_max, x),
    segment_min=lambda x: _segments(ops.segment_min, x),
    segment_prod=lambda x: _segments(ops.segment_prod, x),
    dot=lambda x: ops.dot(x, MATRIX),
    einsum=lambda x: ops.einsum("bij,jk->bik", x, MATRIX),
    einsum__from_the_left=lambda x: ops.einsum("jk,bij->bki", MATRIX, x),
    einsum__of_many_axes=lambda x: ops.einsum(
        "xyzc,bhwc->bhwxyz", MATRIX.reshape(5, 2, 1, 3), heads(x)
    ),
    einsum__any_axes=lambda x: ops.einsum("...c,...c->...", x, turned(x)),
    einsum__repeated=lambda x: ops.einsum("...ij,...kj->...ik", x[:, None], x[:, :, None]),
    kron=lambda x: x + ops.kron(ops.eye(2), MATRIX[:2, :3]),
    matmul=lambda x: ops.matmul(x, MATRIX),
    tensordot=lambda x: ops.tensordot(x, MATRIX, 1),
    cdist=lambda x: ops.cdist(x, 2 * turned(x) + 0.5),
    fft=lambda x: ops.fft((x, turned(x)))[0],
    fft2=lambda x: ops.fft2((x, turned(x)))[1],
    ifft2=lambda x: ops.ifft2((x, turned(x)))[1],
    rfft=lambda x: ops.rfft(x)[0],
    irfft=lambda x: ops.irfft(ops.rfft(x)),
)


def _segments(function: Callable[..., Any], x: Any) -> Any:
    columns = function(ops.transpose(x, (2, 0, 1)), np.array([0, 0, 1, 2, 2, 2]), num_segments=3)
    return ops.transpose(columns, (1, 2, 0))


def heads(x: Any) -> Any:
    return ops.reshape(x, (-1, 4, 2, 3))


on(
    VECTORS,
    binary_crossentropy=lambda x: ops.binary_crossentropy(ops.sigmoid(turned(x)), x, True),
    categorical_crossentropy=lambda x: ops.categorical_crossentropy(
        ops.softmax(turned(x)), x, True
    ),
    sparse_categorical_crossentropy=lambda x: ops.sparse_categorical_crossentropy(
        _classes(x[..., 0], 6), x, from_logits=True
    ),
    dot_product_attention=lambda x: ops.dot_product_attention(*[heads(x)] * 3, is_causal=True),
    fori_loop=lambda x: ops.fori_loop(0, 3, lambda i, y: 2 * y, x),
    vectorized_map=lambda x: ops.vectorized_map(lambda y: 2 * ops.sin(y), x),
    while_loop=lambda x: ops.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, 2 * y), (ops.array(0), x)
    )[1],
)
on(
    SQUARE,
    cholesky=lambda x: ops.cholesky(_positive(x)),
    cholesky_inverse=lambda x: ops.cholesky_inverse(ops.cholesky(_positive(x))),
    det=lambda x: ops.det(_solvable(x)),
    inv=lambda x: ops.inv(_solvable(x)),
    logdet=lambda x: ops.logdet(_positive(x)),
    qr=lambda x: ops.qr(x)[1],
    slogdet=lambda x: ops.slogdet(_solvable(x))[1],
    solve=lambda x: ops.solve(_solvable(x), x[..., :2]),
    solve_triangular=lambda x: ops.solve_triangular(_positive(x), x, lower=True),
)


def _positive(x: Any) -> Any:
    return ops.matmul(x, ops.transpose(x, (0, 2, 1))) + ops.eye(5)


def _solvable(x: Any) -> Any:
    return x + 4 * ops.roll(ops.eye(5), 2, axis=0)


on(
    SIGNAL,
    stft=lambda x: ops.stft(x, 16, 4, 16)[0],
    extract_sequences=lambda x: ops.extract_sequences(x, 16, 5),
)


def _labels(x: Any, **options: Any) -> tuple[Any, Any]:
    """What a recognizer reads in as many steps as the data says."""
    return ops.ctc_decode(ops.round(x), _classes(x[:, 0, 0], 13), **options)


on(
    SCORES,
    ctc_decode=lambda x: _labels(x)[0][0],
    ctc_decode__scores=lambda x: _labels(x)[1],
    ctc_decode__every_step=lambda x: _labels(x, merge_repeated=False, mask_index=2)[0][0],
    ctc_decode__last_is_blank=lambda x: _labels(x, mask_index=-1)[0][0],
)
