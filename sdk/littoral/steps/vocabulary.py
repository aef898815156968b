r"""Text to the places of its words or characters in a vocabulary.

vocabulary      all tokens, each once; a token's number is its place, from 0
length          number of values: longer texts are cut, shorter ones padded at the end
unit            word (default): what stands between white space; character: a Unicode code point
lower           none (default); ascii: A to Z; unicode: every letter, as Unicode maps them
strip_punctuation   false by default; true removes the 32 signs !"#$%&'()*+,-./:;<=>?@[\]^_`{|}~
padding         number behind a text's end, 0 by default
unknown         number of a token that is not in the vocabulary, 1 by default
dtype           int32 (default) or int64

In that order: lower, strip, split, look up, cut or pad. White space is the six ASCII ones: space,
tab, line feed, vertical tab, form feed, carriage return. Nothing is normalised, so a letter and its
accent as two code points stay two.

Keras's `TextVectorization` with its defaults is `vocabulary` as its `get_vocabulary()` gives it,
``lower`` ascii, ``strip_punctuation`` true, `length` its output_sequence_length.
"""

from __future__ import annotations

import functools
import re
import string
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps._settings import flag, one_of, setting, texts, whole

ENDINGS = (".txt",)

_UPPER_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WHITE_SPACE = re.compile("[ \t\n\v\f\r]+")


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains each."""

    vocabulary: tuple[str, ...] = setting(texts)
    length: int = setting(whole())
    unit: str = setting(one_of("word", "character"), "word")
    lower: str = setting(one_of("none", "ascii", "unicode"), "none")
    strip_punctuation: bool = setting(flag, False)
    padding: int = setting(whole(0), 0)
    unknown: int = setting(whole(0), 1)
    dtype: str = setting(one_of("int32", "int64"), "int32")

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Number by token."""
        return {token: place for place, token in enumerate(self.vocabulary)}


def apply(settings: Settings, raw: Any) -> NDArray[Any]:
    """Turn a text into numbers.

    Args:
        settings: The settings.
        raw: A str, or bytes in UTF-8.

    Returns:
        ``[length]`` of the settings' dtype.

    Raises:
        InputError: Neither str nor bytes, or bytes that are no UTF-8.
    """
    numbers = np.full(settings.length, settings.padding, settings.dtype)
    places = settings.places
    tokens = split(settings, raw)[: settings.length]
    numbers[: len(tokens)] = [places.get(token, settings.unknown) for token in tokens]
    return numbers


def split(settings: Settings, raw: Any) -> list[str]:
    """The tokens of a text, in order.

    Args:
        settings: The settings.
        raw: A str, or bytes in UTF-8.

    Raises:
        InputError: Neither str nor bytes, or bytes that are no UTF-8.
    """
    text = _text(raw)
    if settings.lower != "none":
        text = text.lower() if settings.lower == "unicode" else text.translate(_UPPER_TO_LOWER)
    if settings.strip_punctuation:
        text = text.translate(_WITHOUT_PUNCTUATION)
    if settings.unit == "character":
        return list(text)
    return [word for word in _WHITE_SPACE.split(text) if word]


def _text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if not isinstance(raw, (bytes, bytearray)):
        raise InputError(f"expected a text, came {type(raw).__name__}")
    try:
        return bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"the text is no UTF-8: {error.reason}") from error
