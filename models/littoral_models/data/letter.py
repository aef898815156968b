"""Letter Recognition: 16 measures of a distorted capital letter's picture, 26 classes."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path
from typing import Any

import numpy as np
from littoral.errors import InputError
from numpy.typing import NDArray

from littoral_models.data import Dataset, _embedded

NAME = "letter"
LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
COLUMNS = [
    *("x_box", "y_box", "width", "high", "onpix", "x_bar", "y_bar", "x2bar"),
    *("y2bar", "xybar", "x2ybr", "xy2br", "x_ege", "xegvy", "y_ege", "yegvx"),
]
PREPROCESSING = ({"step": "tabular", "columns": COLUMNS},)
CARD = {
    "name": "Letter Recognition",
    "source": "UCI Machine Learning Repository, doi 10.24432/C5ZP40",
    "licence": "CC BY 4.0",
    "attribution": "David J. Slate (1991)",
    "split": "the official one: rows 1-16000 train, 16001-20000 test; training rows whose "
    "measures also occur in the test part are left out",
}

_TRAINING_ROWS = 16_000


def load(full: bool) -> Dataset:
    """The set as float32 [n, 16]; the embedded part is the whole set."""
    arrays = _embedded.read(NAME)
    return Dataset(
        name=NAME,
        x_train=arrays["x_train"].astype(np.float32),
        y_train=arrays["y_train"].astype(np.int64),
        x_test=arrays["x_test"].astype(np.float32),
        y_test=arrays["y_test"].astype(np.int64),
        labels=LABELS,
        preprocessing=PREPROCESSING,
        card=CARD,
        input_name="features",
    )


def rebuild(package: Path) -> dict[str, NDArray[Any]]:
    """The embedded arrays from the Debian package r-cran-mlbench.

    Args:
        package: The .deb file.

    Returns:
        uint8 arrays x_train [n, 16], y_train [n], x_test [4000, 16], y_test [4000].
    """
    (content,) = _embedded.package_files(package, "LetterRecognition.rda").values()
    columns = _r_vectors(lzma.decompress(content), 20_000)
    if len(columns) != 17:
        raise InputError(f"{package}: expected 17 columns of 20000 rows, found {len(columns)}")
    y = (columns[0] - 1).astype(np.uint8)
    x = np.stack(columns[1:], axis=1).astype(np.uint8)
    x_train, x_test = x[:_TRAINING_ROWS], x[_TRAINING_ROWS:]
    seen = {row.tobytes() for row in x_test}
    keep = np.array([row.tobytes() not in seen for row in x_train])
    return {
        "x_train": x_train[keep],
        "y_train": y[:_TRAINING_ROWS][keep],
        "x_test": x_test,
        "y_test": y[_TRAINING_ROWS:],
    }


def _r_vectors(content: bytes, length: int) -> list[NDArray[np.float64]]:
    """Every integer or real vector of one length in an R workspace (XDR serialization).

    A vector is a 4-byte big-endian header whose low byte is its type (13 integer, 14 real), its
    length in 4 bytes, then its elements; R Internals, section "Serialization Formats".
    """
    kinds = {13: ">i4", 14: ">f8"}
    vectors, offset, mark = [], 0, struct.pack(">i", length)
    while (offset := content.find(mark, offset)) >= 0:
        kind = kinds.get(content[offset - 1])
        offset += 4
        if kind is not None and content[offset - 8 : offset - 6] == b"\0\0":
            vector = np.frombuffer(content, kind, length, offset)
            vectors.append(vector.astype(np.float64))
            offset += vector.nbytes
    return vectors


if __name__ == "__main__":
    _embedded.main(NAME, rebuild)
