"""A picture to the array that a model looks at.

Settings: ``height``, ``width``, ``channels`` (1 or 3); ``filter``: ``bilinear`` (default),
``nearest`` or ``area``; ``scale``, ``mean``, ``std``: the value is ``(pixel * scale - mean) / std``
with pixels from 0 to 255, `mean` and `std` one number or one a channel.

Resizing puts pixel centres at half-integers: output i samples the input at
``(i + 0.5) * size_in / size_out - 0.5``. ``bilinear`` interpolates between the two neighbours
there, repeats the edge and does not blur before shrinking (as TensorFlow and Keras do by default);
``nearest`` takes the pixel under that point; ``area`` averages the pixels that the output pixel
covers, parts by their share. Colour becomes grey as ITU-R BT.601 weighs it: .299, .587, .114.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import EngineNotInstalled, InputError

Floats = NDArray[np.float32]
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def apply(step: Mapping[str, Any], raw: Any) -> Floats:
    """Decode, convert the colours, resize, scale and normalise.

    Args:
        step: The settings.
        raw: Path or bytes of a picture in any format that Pillow reads (needs ``[image]``), or an
            array ``[height, width]`` or ``[height, width, channels]`` of pixels from 0 to 255.

    Returns:
        float32 ``[height, width, channels]``.

    Raises:
        InputError: No picture, or an array of another shape.
        EngineNotInstalled: A picture has to be decoded and Pillow is missing.
    """
    channels = int(step["channels"])
    pixels = _pixels(raw) if isinstance(raw, np.ndarray) else decode(raw)
    pixels = _colours(pixels, channels)
    pixels = resize(pixels, int(step["height"]), int(step["width"]), step.get("filter", "bilinear"))
    pixels *= np.float32(step.get("scale", 1.0))
    pixels -= np.asarray(step.get("mean", 0.0), np.float32)
    pixels /= np.asarray(step.get("std", 1.0), np.float32)
    return pixels


def decode(raw: str | os.PathLike[str] | bytes) -> Floats:
    """Read a picture, turned the way its EXIF note says.

    Args:
        raw: Path or bytes.

    Returns:
        float32 ``[height, width, 1 or 3]``, pixels from 0 to 255; transparency is dropped.

    Raises:
        InputError: No such file, or no picture.
        EngineNotInstalled: Pillow is missing.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise EngineNotInstalled(
            "reading a picture needs Pillow: pip install 'littoral[image]'"
        ) from error
    if not isinstance(raw, (str, os.PathLike, bytes, bytearray)):
        raise InputError(f"expected a picture's path, bytes or pixels, came {type(raw).__name__}")
    name = "the picture" if isinstance(raw, (bytes, bytearray)) else str(raw)
    source: Any = io.BytesIO(raw) if isinstance(raw, (bytes, bytearray)) else Path(raw)
    try:
        with Image.open(source) as image:
            turned = ImageOps.exif_transpose(image)
            grey = turned.mode in ("1", "L", "LA", "I;16", "I", "F")
            return _pixels(np.asarray(turned.convert("L" if grey else "RGB")))
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is no picture that Pillow can read") from error
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read: {error}") from error


def resize(pixels: Floats, height: int, width: int, filter: str) -> Floats:
    """Resize as the module's docstring defines it.

    Args:
        pixels: float32 ``[height, width, channels]``.
        height: Of the result.
        width: Of the result.
        filter: ``"bilinear"``, ``"nearest"`` or ``"area"``.

    Returns:
        A new float32 array ``[height, width, channels]``.

    Raises:
        InputError: An unknown filter.
    """
    weights = _FILTERS.get(filter)
    if weights is None:
        raise InputError(f"unknown filter {filter!r}: choose from {', '.join(_FILTERS)}")
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    rows, columns = weights(pixels.shape[0], height), weights(pixels.shape[1], width)
    resized: Floats = np.einsum("ih,hwc->iwc", rows, pixels, optimize=True)
    resized = np.einsum("jw,iwc->ijc", columns, resized, optimize=True)
    return np.ascontiguousarray(resized, np.float32)


def _bilinear(size_in: int, size_out: int) -> Floats:
    position = np.clip(_centres(size_in, size_out), 0, size_in - 1)
    low = np.floor(position).astype(int)
    share = position - low
    weights = np.zeros((size_out, size_in), np.float32)
    rows = np.arange(size_out)
    weights[rows, low] = 1 - share
    weights[rows, np.minimum(low + 1, size_in - 1)] += share
    return weights


def _nearest(size_in: int, size_out: int) -> Floats:
    weights = np.zeros((size_out, size_in), np.float32)
    under = np.floor(_centres(size_in, size_out) + 0.5).astype(int)
    weights[np.arange(size_out), np.clip(under, 0, size_in - 1)] = 1
    return weights


def _area(size_in: int, size_out: int) -> Floats:
    edges = np.arange(size_out + 1) * (size_in / size_out)
    pixel = np.arange(size_in)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = np.clip(covered, 0, None)
    shares: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


_FILTERS: dict[str, Callable[[int, int], Floats]] = {
    "bilinear": _bilinear,
    "nearest": _nearest,
    "area": _area,
}


def _centres(size_in: int, size_out: int) -> NDArray[np.float64]:
    return np.asarray((np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5, np.float64)


def _pixels(array: NDArray[Any]) -> Floats:
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or not array.size:
        raise InputError(
            f"expected pixels [height, width] or [height, width, channels], "
            f"came {array.dtype} {list(array.shape)}"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] not in (1, 3, 4):
        raise InputError(f"expected 1, 3 or 4 channels last, came {list(array.shape)}")
    return array[:, :, :3].astype(np.float32)


def _colours(pixels: Floats, channels: int) -> Floats:
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if channels == 1:
        return (pixels @ _GREY)[:, :, None]
    if channels == 3 and have == 1:
        return np.repeat(pixels, 3, axis=2)
    raise InputError(f"the card asks for {channels} channels: only 1 and 3 are known")
