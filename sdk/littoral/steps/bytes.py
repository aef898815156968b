"""Text to the numbers of its UTF-8 bytes.

length      number of values

Each byte becomes its value + 1, so that 0 means padding; longer texts are cut, shorter ones padded
with 0 at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.steps._settings import setting, whole

ENDINGS = (".txt",)


@dataclass(frozen=True)
class Settings:
    """What a card says of the step; the module's docstring explains it."""

    length: int = setting(whole())


def apply(settings: Settings, raw: Any) -> NDArray[np.int32]:
    """Turn a text into numbers.

    Args:
        settings: The settings.
        raw: A str, or bytes that are UTF-8 already.

    Returns:
        int32 ``[length]``, values 0 to 256.

    Raises:
        InputError: Neither str nor bytes.
    """
    if isinstance(raw, str):
        encoded = raw.encode("utf-8", "surrogateescape")
    elif isinstance(raw, (bytes, bytearray)):
        encoded = bytes(raw)
    else:
        raise InputError(f"expected a text, came {type(raw).__name__}")
    numbers = np.zeros(settings.length, np.int32)
    values = np.frombuffer(encoded[: settings.length], np.uint8)
    numbers[: len(values)] = values
    numbers[: len(values)] += 1
    return numbers
