"""What makes a changed byte in a model file an error, and where the card is read from.

The seal is a record of 192 bytes: magic (16), SHA-256 digest (32), Ed25519 signature (64), key id
(32), zero padding (48). Signature and key id are zero in an unsigned file. A .tflite file carries
the record right after its file identifier: all offsets in a FlatBuffer are relative, so only the
root's changes, and 192 bytes keep the alignment of the weights. An .onnx file carries it as
hexadecimal text in a ``metadata_props`` entry that is the file's first field. Both places are at
the start, so that a truncated file still shows that it had a seal.

The digest covers the whole file with the digest's own bytes as zeros, the signature's included: a
changed signature is a changed byte too. A signature (made before the digest) covers the file with
both as zeros.

A digest proves that nothing was changed by accident. It proves nothing about who wrote the file:
who changes a byte on purpose can write a new digest.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from littoral import formats
from littoral.errors import FormatError, IntegrityError

if TYPE_CHECKING:
    from littoral.card import Card

MAGIC = b"LITTORAL-SEAL-1\x00"
RECORD_BYTES = 192
_DIGEST = slice(16, 48)
_SIGNATURE = slice(48, 112)
_KEY_ID = slice(112, 144)
_PADDING = slice(144, RECORD_BYTES)


def seal(content: bytes) -> bytes:
    """Add the digest to a finished .tflite or .onnx file. The last thing done to a file.

    Args:
        content: The whole file; a seal that it has already is replaced, a signature dropped.

    Returns:
        The sealed file, 192 bytes longer (.tflite) or 405 (.onnx).

    Raises:
        FormatError: Not a .tflite or .onnx file, or a damaged one.
    """
    module = _sealable(content)
    record = MAGIC + bytes(RECORD_BYTES - len(MAGIC))
    span = module.seal_span(content)
    if span is None:
        content = module.place_seal(content, record)
        span = module.seal_span(content)
    digest = _digest(content, span, module, record)
    record = MAGIC + digest + bytes(RECORD_BYTES - len(MAGIC) - len(digest))
    return content[: span[0]] + bytes(module.encode_seal(record)) + content[span[1] :]


def check(content: bytes) -> str | None:
    """Compare a file's bytes with the digest that it carries.

    Args:
        content: The whole file.

    Returns:
        The digest in hex; None for a file that is not ours and never had one.

    Raises:
        IntegrityError: A byte changed, or there is a card or part of a seal but no intact seal.
        FormatError: Not a model file.
    """
    module = formats.module(formats.sniff(content))
    if not hasattr(module, "seal_span"):
        return None
    span = module.seal_span(content)
    if span is None:
        if module.seal_traces(content):
            raise IntegrityError(
                "the file was made by littoral but its seal is missing or damaged: "
                "get the file again from where it came"
            )
        return None
    record = module.decode_seal(content[span[0] : span[1]])
    if record is None or not _is_plausible(record):
        raise IntegrityError("the file's seal is damaged: get the file again from where it came")
    digest = _digest(content, span, module, record)
    if digest != record[_DIGEST]:
        raise IntegrityError(
            f"the file was changed after it was written: its digest is {digest.hex()[:12]}..., "
            f"its seal says {record[_DIGEST].hex()[:12]}...; get the file again from where it came"
        )
    return digest.hex()


def read_card(content: bytes) -> Card | None:
    """The card inside a .tflite, .onnx or .keras file.

    Args:
        content: The whole file.

    Returns:
        The card, None for a file without one.

    Raises:
        FormatError: Not a model file, a damaged one, or a card that cannot be read.
    """
    text = formats.module(formats.sniff(content)).read_card(content)
    if text is None:
        return None
    from littoral.card import Card

    return Card.from_json(text)


def _sealable(content: bytes) -> ModuleType:
    name = formats.sniff(content)
    module = formats.module(name)
    if not hasattr(module, "seal_span"):
        raise FormatError(f"a {name} file cannot carry a seal, only .tflite and .onnx files can")
    return module


def _digest(content: bytes, span: tuple[int, int], module: ModuleType, record: bytes) -> bytes:
    """SHA-256 of the file with the digest's own bytes as zeros."""
    import hashlib

    blank = record[: _DIGEST.start] + bytes(32) + record[_DIGEST.stop :]
    view = memoryview(content)
    digest = hashlib.sha256(view[: span[0]])
    digest.update(module.encode_seal(blank))
    digest.update(view[span[1] :])
    return digest.digest()


def _is_plausible(record: bytes) -> bool:
    """The magic and padding are right, and there is no signature without a key or the reverse."""
    signed = any(record[_SIGNATURE]), any(record[_KEY_ID])
    return record[: len(MAGIC)] == MAGIC and not any(record[_PADDING]) and signed[0] == signed[1]
