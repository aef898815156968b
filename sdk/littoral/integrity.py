"""What makes a changed byte in a model file an error, and where the card is read from.

The seal is a record of 192 bytes: magic (16), SHA-256 digest (32), Ed25519 signature (64), key id
(32), zero padding (48). Signature and key id are zero in an unsigned file. A .tflite file carries
the record right after its file identifier: all offsets in a FlatBuffer are relative, so only the
root's changes, and 192 bytes keep the alignment of the weights. An .onnx file carries it as
hexadecimal text in a ``metadata_props`` entry that is the file's first field. Both places are at
the start, so that a truncated file still shows that it had a seal.

The digest covers the whole file with the digest's own bytes as zeros, the signature's included: a
changed signature is a changed byte too. What is signed is the 16 bytes ``LITTORAL-SIGN-1`` and NUL,
then the SHA-256 of the file with digest and signature as zeros (the key id is in its place): 48
bytes, however large the file. The key id is the SHA-256 of the raw public key.

A digest proves that nothing was changed by accident. It proves nothing about who wrote the file:
who changes a byte on purpose can write a new digest. A signature does, to whom knows the key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from littoral import digests, formats
from littoral.errors import FormatError, IntegrityError

if TYPE_CHECKING:
    from littoral.card import Card
    from littoral.keys import PrivateKey, PublicKey

MAGIC = b"LITTORAL-SEAL-1\x00"
RECORD_BYTES = 192
_DIGEST = slice(16, 48)
_SIGNATURE = slice(48, 112)
_KEY_ID = slice(112, 144)
_PADDING = slice(144, RECORD_BYTES)
_SIGNED = b"LITTORAL-SIGN-1\x00"
_AGAIN = "get the file again from where it came"


def seal(content: bytes) -> bytes:
    """Add the digest to a finished .tflite or .onnx file. The last thing done to a file.

    Args:
        content: The whole file; a seal that it has already is replaced, a signature dropped.

    Returns:
        The sealed file, 192 bytes longer (.tflite) or 405 (.onnx).

    Raises:
        FormatError: Not a .tflite or .onnx file, or a damaged one.
    """
    return _sealed(content, None)


def sign(content: bytes, key: PrivateKey) -> bytes:
    """Put a signature into the seal of a .tflite or .onnx file; one that it has is replaced.

    Args:
        content: The whole file; one without a seal gets one.
        key: The private key.

    Returns:
        The signed file.

    Raises:
        IntegrityError: The file was changed after it was written, so nobody should vouch for it.
        FormatError: Not a .tflite or .onnx file, a damaged one, or one whose weights are in
            another file, which a signature would not cover.
    """
    check(content)
    outside = _outside(content)
    if outside is not None:
        raise FormatError(
            f"the weights {outside!r} are in another file, which a signature would not cover: "
            "save the model as one file"
        )
    return _sealed(content, key)


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
                f"the file was made by littoral but its seal is missing or damaged: {_AGAIN}"
            )
        return None
    record = _record(content, span, module)
    digest = _hash(content, span, module, _without(record, _DIGEST))
    if digest != record[_DIGEST]:
        raise IntegrityError(
            f"the file was changed after it was written: its digest is {digest.hex()[:12]}..., "
            f"its seal says {record[_DIGEST].hex()[:12]}...; {_AGAIN}"
        )
    return digest.hex()


def key_id(content: bytes) -> str | None:
    """The key that a file says it was signed by. Only `check_signature` proves it.

    Args:
        content: The whole file.

    Returns:
        SHA-256 of the public key in hex; None for a file that is not signed.

    Raises:
        IntegrityError: The seal is damaged.
        FormatError: Not a model file.
    """
    module = formats.module(formats.sniff(content))
    span = module.seal_span(content) if hasattr(module, "seal_span") else None
    if span is None:
        return None
    named = _record(content, span, module)[_KEY_ID]
    return named.hex() if any(named) else None


def check_signature(content: bytes, trusted: Sequence[PublicKey]) -> str:
    """Check that a file is, byte for byte, what the owner of a trusted key signed.

    Args:
        content: The whole file.
        trusted: The keys to accept.

    Returns:
        The id of the key that signed it.

    Raises:
        IntegrityError: Not signed, signed by another key, changed since, or with weights in
            another file, which no signature covers.
        EngineNotInstalled: The package that checks signatures is missing.
        FormatError: Not a model file.
    """
    if check(content) is None or (named := key_id(content)) is None:
        raise IntegrityError("the file is not signed, and trust demands a signature")
    key = next((key for key in trusted if key.id == named), None)
    if key is None:
        known = ", ".join(f"{key.id[:16]}..." for key in trusted)
        raise IntegrityError(f"the file is signed by key {named[:16]}..., trusted is only {known}")
    module = formats.module(formats.sniff(content))
    span = module.seal_span(content)
    record = _record(content, span, module)
    if not key.verifies(record[_SIGNATURE], _message(content, span, module, record)):
        raise IntegrityError(
            f"the file was changed after key {named[:16]}... signed it: "
            f"card, weights or graph are not what was signed; {_AGAIN}"
        )
    outside = _outside(content)
    if outside is not None:
        raise IntegrityError(
            f"the weights {outside!r} are in another file, which the signature does not cover"
        )
    return named


def read_card(content: bytes) -> Card | None:
    """The card inside a .tflite, .onnx or .keras file.

    Args:
        content: The whole file.

    Returns:
        The card, None for a file without one.

    Raises:
        FormatError: Not a model file, a damaged one, or a card that cannot be read.
    """
    return card_reader(content)()


def card_reader(content: bytes) -> Callable[[], Card | None]:
    """A function that reads the card when it is wanted, and keeps no more of the file than that.

    Making sense of a card takes 4 ms and a megabyte, which a program that only runs the file need
    not pay.

    Args:
        content: The whole file.

    Returns:
        What gives the card, None for a file without one, or raises FormatError for one that cannot
        be read.

    Raises:
        FormatError: Not a model file, or a damaged one.
    """
    text = formats.module(formats.sniff(content)).read_card(content)
    signed_by = key_id(content) if text is not None else None

    def read() -> Card | None:
        if text is None:
            return None
        import dataclasses

        from littoral.card import Card

        return dataclasses.replace(Card.from_json(text), signed_by=signed_by)

    return read


def _sealable(content: bytes) -> ModuleType:
    name = formats.sniff(content)
    module = formats.module(name)
    if not hasattr(module, "seal_span"):
        raise FormatError(f"a {name} file cannot carry a seal, only .tflite and .onnx files can")
    return module


def _outside(content: bytes) -> str | None:
    """Name of a tensor whose values are in another file."""
    module = formats.module(formats.sniff(content))
    outside: str | None = module.external_tensor(content) if module.SUFFIX == ".onnx" else None
    return outside


def _sealed(content: bytes, key: PrivateKey | None) -> bytes:
    """The file with a fresh seal; with a key, a signed one."""
    module = _sealable(content)
    named = bytes.fromhex(key.public.id) if key is not None else b""
    record = _filled(MAGIC + bytes(RECORD_BYTES - len(MAGIC)), _KEY_ID, named)
    span = module.seal_span(content)
    if span is None:
        content = module.place_seal(content, record)
        span = module.seal_span(content)
    if key is not None:
        signature = key.sign(_message(content, span, module, record))
        record = _filled(record, _SIGNATURE, signature)
    record = _filled(record, _DIGEST, _hash(content, span, module, record))
    view = memoryview(content)
    return b"".join((view[: span[0]], module.encode_seal(record), view[span[1] :]))


def _record(content: bytes, span: tuple[int, int], module: ModuleType) -> bytes:
    record: bytes | None = module.decode_seal(content[span[0] : span[1]])
    if record is None or not _is_plausible(record):
        raise IntegrityError(f"the file's seal is damaged: {_AGAIN}")
    return record


def _message(content: bytes, span: tuple[int, int], module: ModuleType, record: bytes) -> bytes:
    """What is signed."""
    return _SIGNED + _hash(content, span, module, _without(record, _DIGEST, _SIGNATURE))


def _filled(record: bytes, part: slice, value: bytes) -> bytes:
    return record[: part.start] + value.ljust(part.stop - part.start, b"\x00") + record[part.stop :]


def _without(record: bytes, *parts: slice) -> bytes:
    for part in parts:
        record = _filled(record, part, b"")
    return record


def _hash(content: bytes, span: tuple[int, int], module: ModuleType, record: bytes) -> bytes:
    """SHA-256 of the file with this record in the seal's place."""
    view = memoryview(content)
    digest = digests.sha256(len(content))
    digest.update(view[: span[0]])
    digest.update(module.encode_seal(record))
    digest.update(view[span[1] :])
    return bytes(digest.digest())


def _is_plausible(record: bytes) -> bool:
    """The magic and padding are right, and there is no signature without a key or the reverse."""
    signed = any(record[_SIGNATURE]), any(record[_KEY_ID])
    return record[: len(MAGIC)] == MAGIC and not any(record[_PADDING]) and signed[0] == signed[1]
