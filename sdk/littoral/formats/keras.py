"""Keras 3: a zip file with ``config.json``, the weights, and the card as a member of its own."""

from __future__ import annotations

import io
import zipfile
import zlib

from littoral.errors import FormatError

SUFFIX = ".keras"
_CARD = "littoral_card.json"
_LARGEST_CARD_BYTES = 16 << 20


def claims(content: bytes) -> bool:
    """True when the bytes are a zip file with a Keras configuration inside."""
    if content[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "config.json" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def read_card(content: bytes) -> bytes | None:
    """The card's JSON, None when the file has no card.

    Args:
        content: The whole file.

    Raises:
        FormatError: The zip file is damaged, or the card larger than 16 MiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if _CARD not in archive.namelist():
                return None
            if archive.getinfo(_CARD).file_size > _LARGEST_CARD_BYTES:
                raise FormatError(f"the card takes more than {_LARGEST_CARD_BYTES} bytes")
            return archive.read(_CARD)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, zlib.error) as error:
        raise FormatError(f"the Keras file is damaged: {error}") from error
