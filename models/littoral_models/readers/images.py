"""A folder with one folder of images per class."""

from __future__ import annotations

from pathlib import Path

from littoral.steps import image

from littoral_models.readers import Samples, class_folders, from_folders

KIND = "a folder with a folder of images per class"
LARGEST = 64
"""Pixels a side: larger images are made smaller, so that a model for a board can take them."""


def accepts(path: Path) -> bool:
    """True for a folder in whose folders images lie."""
    return bool(class_folders(path, image.ENDINGS))


def read(path: Path) -> Samples:
    """Read all images as squares, grey if the first one is.

    Args:
        path: The folder; the names of its folders are the class names.

    Returns:
        float32 [n, side, side, 1 or 3] in 0..1.

    Raises:
        InputError: A file that is no image.
        EngineNotInstalled: Pillow is missing.
    """
    classes = class_folders(path, image.ENDINGS)
    first = image.decode(next(iter(classes.values()))[0])
    # A multiple of 4, so that the patches of a Transformer tile it too.
    side = min(LARGEST, max(8, min(first.shape[:2]) // 4 * 4))
    step = {
        "step": "image",
        "height": side,
        "width": side,
        "channels": first.shape[2],
        "filter": "area",
        "scale": 1 / 255,
        "mean": [0.0] * first.shape[2],
        "std": [1.0] * first.shape[2],
    }
    return from_folders(classes, (step,), "image")
