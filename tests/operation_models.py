"""Functions of `keras.ops` as models of one operation, each on numbers that suit it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

VECTORS, SIGNAL, PICTURE = (4, 6), (96,), (6, 6, 3)
SPIN = np.array([[0.9, 0.1, 0.37, -0.2, 1.1, -1.23, 0.01, 0.02]], "float32")
CORNERS = np.array([[[0, 0], [0, 5], [5, 0], [5, 5]]], "float32")

Table = dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]]
"""Shape of one sample and function, by name."""

OPERATIONS: Table = {}


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


def model_of(name: str, table: Table = OPERATIONS) -> keras.Model:
    """The model of one operation."""
    shape, function = table[name]
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
    patches_of_weights=lambda x: ops.image.extract_patches(layers.Dense(2)(x), 2),
    quantile_before_weights=lambda x: layers.Conv1D(2, 1)(ops.quantile(x, 0.3, axis=1)),
    quantiles_before_weights=lambda x: layers.LSTM(2)(
        ops.moveaxis(ops.quantile(x, [0.2, 0.7], axis=(1, 3), keepdims=True)[..., 0], 0, -1)[:, 0]
    ),
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
