"""Resizing pictures: for each output row or column a few input ones, and a weight for each.

Pixel centres lie at half-integers: output i looks at ``(i + 0.5) * size_in / size_out``, counted
from the picture's edge. Weights are computed in float64, the sums in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FILTERS = ("nearest", "bilinear", "bicubic", "lanczos3", "area")


def resize(
    pixels: NDArray[Any], height: int, width: int, filter: str = "bilinear", antialias: bool = False
) -> Floats:
    """Resize a picture.

    Args:
        pixels: ``[height, width, channels]`` of any numeric dtype.
        height: Of the result.
        width: Of the result.
        filter: One of `FILTERS`; `littoral.steps.image` says what each is.
        antialias: Whether the filter widens when the picture shrinks.

    Returns:
        A new float32 array ``[height, width, channels]``, not clipped.
    """
    rows = _along(pixels, *taps(filter, pixels.shape[0], height, antialias))
    columns = taps(filter, pixels.shape[1], width, antialias)
    turned = _along(rows.transpose(1, 0, 2), *columns)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


@functools.lru_cache(maxsize=16)
def taps(
    filter: str, size_in: int, size_out: int, antialias: bool
) -> tuple[NDArray[np.int64], Floats]:
    """What each output is made of.

    Args:
        filter: One of `FILTERS`.
        size_in: Rows or columns that there are.
        size_out: Rows or columns that are wanted.
        antialias: Whether the filter widens when the picture shrinks.

    Returns:
        Indices of inputs ``[size_out, taps]`` and their weights, float32 of the same shape; each
        row of weights sums to 1, and those of unused places are 0.
    """
    scale = size_in / size_out
    output = np.arange(size_out)
    if filter == "nearest":
        under = np.floor((output + 0.5) * scale).astype(np.int64)[:, None]
        return np.minimum(under, size_in - 1), np.ones((size_out, 1), np.float32)
    if filter == "area":
        low, high = output * scale, (output + 1) * scale
        first, last = np.floor(low), np.ceil(high)
    else:
        kernel, radius = _KERNELS[filter]
        stretch = max(1.0, scale) if antialias else 1.0
        centre = (output + 0.5) * scale
        first = np.floor(centre - radius * stretch + 0.5)
        last = np.floor(centre + radius * stretch + 0.5)
    first, last = np.maximum(first, 0), np.minimum(last, size_in)
    index = first[:, None] + np.arange(int((last - first).max()))
    if filter == "area":
        weights = np.minimum(high[:, None], index + 1) - np.maximum(low[:, None], index)
        weights = np.maximum(weights, 0)
    else:
        weights = kernel((index + 0.5 - centre[:, None]) / stretch)
    weights = np.where(index < last[:, None], weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.minimum(index, size_in - 1).astype(np.int64), weights.astype(np.float32)


def _along(pixels: NDArray[Any], index: NDArray[np.int64], weights: Floats) -> Floats:
    """Weighted sums along the first axis."""
    total = pixels[index[:, 0]] * weights[:, 0, None, None]
    for tap in range(1, index.shape[1]):
        total += pixels[index[:, tap]] * weights[:, tap, None, None]
    return np.asarray(total, np.float32)


def _triangle(x: Doubles) -> Doubles:
    return np.asarray(np.maximum(0.0, 1 - np.abs(x)))


def _cubic(x: Doubles) -> Doubles:
    """Keys, Cubic convolution interpolation (1981), with a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos3(x: Doubles) -> Doubles:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_KERNELS: dict[str, tuple[Callable[[Doubles], Doubles], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
    "lanczos3": (_lanczos3, 3.0),
}
