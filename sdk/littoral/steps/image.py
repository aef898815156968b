"""A picture to the array that a model looks at.

height, width   of the result
channels        1 (grey) or 3
fit             stretch (default): resize to height and width, whatever the picture's shape
                crop: cut the largest centred part of the wanted shape, then resize
                pad: put as much on either side as makes it the wanted shape, then resize
shorter_side    with fit crop: resize until the shorter side is this long, then cut the middle
fill            with fit pad: the pixel around, 0 by default
filter          nearest, bilinear (default), bicubic, lanczos3, area
antialias       false by default; true widens the filter as the picture shrinks
order           rgb (default) or bgr
scale, mean, std    the value is (pixel * scale - mean) / std with pixels from 0 to 255; mean and
                std are one number, or one a channel in the model's order
layout          channels_last (default) or channels_first
dtype           float32 (default), or uint8: rounded half to even, and kept within 0 to 255

In that order: decode (turned as EXIF says, transparency dropped, 16 bits to 8), crop or pad,
resize, colours, normalise, layout, dtype. Grey is ITU-R BT.601: .299, .587, .114.

Filters against what others do, in float: bilinear, bicubic and nearest are `tf.image.resize` and
`keras.ops.image.resize`; with antialias, bilinear, bicubic and lanczos3 are those with
``antialias=True`` and Pillow's BILINEAR, BICUBIC and LANCZOS, which round and clip after each
of two passes; nearest is Pillow's NEAREST; area averages what the output pixel covers, parts
by their share, as `tf.image.resize`. Crop and pad are Keras's ``crop_to_aspect_ratio`` and
``pad_to_aspect_ratio``; shorter_side is torchvision's ``Resize`` and ``CenterCrop``.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import EngineNotInstalled, InputError
from littoral.steps import _resizing
from littoral.steps._settings import (
    divisors,
    flag,
    number,
    numbers,
    one_of,
    optional,
    setting,
    whole,
)

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

Pixels = NDArray[Any]
_MOST = 1 << 14
_MOST_PADDED = 1 << 27
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains each."""

    height: int = setting(whole(1, _MOST))
    width: int = setting(whole(1, _MOST))
    channels: int = setting(one_of(1, 3))
    fit: str = setting(one_of("stretch", "crop", "pad"), "stretch")
    shorter_side: int | None = setting(optional(whole(1, _MOST)), None)
    fill: float = setting(number, 0.0)
    filter: str = setting(one_of(*_resizing.FILTERS), "bilinear")
    antialias: bool = setting(flag, False)
    order: str = setting(one_of("rgb", "bgr"), "rgb")
    scale: float = setting(number, 1.0)
    mean: tuple[float, ...] = setting(numbers, (0.0,))
    std: tuple[float, ...] = setting(divisors, (1.0,))
    layout: str = setting(one_of("channels_last", "channels_first"), "channels_last")
    dtype: str = setting(one_of("float32", "uint8"), "float32")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, self.channels):
                raise ValueError(f"{name} needs one number, or one for each channel")
        if self.shorter_side is not None:
            if self.fit != "crop":
                raise ValueError("shorter_side needs fit crop")
            if self.shorter_side < max(self.height, self.width):
                raise ValueError("shorter_side is less than height or width")


def apply(settings: Settings, raw: Any) -> Pixels:
    """Decode, fit, resize, convert the colours and normalise.

    Args:
        settings: The settings.
        raw: Path or bytes of a picture in any format that Pillow reads (needs ``[image]``), or an
            array ``[height, width]`` or ``[height, width, channels]`` of pixels from 0 to 255.

    Returns:
        float32 or uint8, ``[height, width, channels]`` or ``[channels, height, width]``.

    Raises:
        InputError: No picture, or an array of another shape.
        EngineNotInstalled: A picture has to be decoded and Pillow is missing.
    """
    pixels = _pixels(raw) if isinstance(raw, np.ndarray) else decode(raw)
    pixels = _colours(_fitted(settings, pixels), settings)
    if (settings.scale, settings.mean, settings.std) != (1.0, (0.0,), (1.0,)):
        pixels = pixels.astype(np.float32) * np.float32(settings.scale)
        pixels -= np.array(settings.mean, np.float32)
        pixels /= np.array(settings.std, np.float32)
    if settings.layout == "channels_first":
        pixels = pixels.transpose(2, 0, 1)
    if settings.dtype == "uint8" and pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels), 0, 255)
    return np.array(pixels, settings.dtype, order="C")


def decode(raw: str | os.PathLike[str] | bytes) -> NDArray[np.uint8]:
    """Read a picture, turned the way its EXIF note says.

    Args:
        raw: Path or bytes.

    Returns:
        uint8 ``[height, width, 1 or 3]``; transparency is dropped.

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
            ImageOps.exif_transpose(image, in_place=True)
            if image.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
                deep = np.asarray(image, np.float64)
                return np.clip(np.rint(deep / 257), 0, 255).astype(np.uint8)[:, :, None]
            mode = "L" if image.mode in ("1", "L", "LA", "La", "F") else "RGB"
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))
            return pixels[:, :, None] if mode == "L" else pixels
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is no picture that Pillow can read") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read: {error}") from error


def _fitted(settings: Settings, pixels: Pixels) -> Pixels:
    """The picture at the wanted size."""
    height, width = settings.height, settings.width
    if settings.shorter_side is not None:
        pixels = _resized(settings, pixels, *_scaled(pixels.shape, settings.shorter_side))
        return _middle(pixels, height, width, round)
    rows, columns = pixels.shape[:2]
    # The other side that the wanted shape has for each of the picture's sides.
    fitting_rows, fitting_columns = columns * height // width, rows * width // height
    if settings.fit == "crop":
        sides = max(1, min(rows, fitting_rows)), max(1, min(columns, fitting_columns))
        pixels = _middle(pixels, *sides, int)
    elif settings.fit == "pad":
        sides = max(rows, fitting_rows), max(columns, fitting_columns)
        pixels = _padded(pixels, *sides, settings.fill)
    return _resized(settings, pixels, height, width)


def _resized(settings: Settings, pixels: Pixels, height: int, width: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return _resizing.resize(pixels, height, width, settings.filter, settings.antialias)


def _scaled(shape: tuple[int, ...], shorter: int) -> tuple[int, int]:
    rows, columns = shape[:2]
    if rows <= columns:
        return shorter, shorter * columns // rows
    return shorter * rows // columns, shorter


def _middle(pixels: Pixels, height: int, width: int, to_whole: Any) -> Pixels:
    """The centred part; `to_whole` says where half a pixel goes."""
    top = to_whole((pixels.shape[0] - height) / 2)
    left = to_whole((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def _padded(pixels: Pixels, height: int, width: int, fill: float) -> Pixels:
    """As much on either side, so an odd rest makes the result a pixel smaller than asked for."""
    rows, columns = pixels.shape[:2]
    top, left = (height - rows) // 2, (width - columns) // 2
    if not top and not left:
        return pixels
    if height * width > _MOST_PADDED:
        raise InputError(f"a picture of {rows} x {columns} is too long and narrow to be padded")
    shape = (rows + 2 * top, columns + 2 * left, pixels.shape[2])
    is_level = pixels.dtype == np.uint8 and fill == fill // 1 and 0 <= fill <= 255
    canvas = np.full(shape, fill, np.uint8 if is_level else np.float32)
    canvas[top : top + rows, left : left + columns] = pixels
    return canvas


def _pixels(array: NDArray[Any]) -> Pixels:
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or not array.size:
        raise InputError(
            f"expected pixels [height, width] or [height, width, channels], "
            f"came {array.dtype} {list(array.shape)}"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] not in (1, 3, 4):
        raise InputError(f"expected 1, 3 or 4 channels last, came {list(array.shape)}")
    return array[:, :, :3] if array.dtype == np.uint8 else array[:, :, :3].astype(np.float32)


def _colours(pixels: Pixels, settings: Settings) -> Pixels:
    have = pixels.shape[2]
    if have == 3 and settings.channels == 1:
        return np.asarray((pixels.astype(np.float32) @ _GREY)[:, :, None])
    if have == 1 and settings.channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return pixels[:, :, ::-1] if settings.order == "bgr" else pixels
