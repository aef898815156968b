"""Ed25519 keys: made, read from whatever form a person has them in, used to sign and to check.

Reading a public key needs nothing but this module, so that a wrong `trust` is told at once; signing
and checking are done by the `cryptography` package (``pip install 'littoral[sign]'``). A key's id
is the SHA-256 of its 32 raw bytes, in hex.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from littoral.errors import EngineNotInstalled, InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KeySource: TypeAlias = str | os.PathLike[str] | bytes
Trust: TypeAlias = KeySource | Sequence[KeySource]

_RAW_BYTES = 32
_DER_HEAD = bytes.fromhex("302a300506032b6570032100")
"""What precedes the 32 bytes in a SubjectPublicKeyInfo of Ed25519 (RFC 8410, section 4)."""

_SSH_HEAD = bytes.fromhex("0000000b") + b"ssh-ed25519" + bytes.fromhex("00000020")
_LARGEST_KEY_FILE_BYTES = 64 << 10
_FORMS = "an Ed25519 public key as PEM, DER, base64 or 32 raw bytes, or a file with one"


@dataclass(frozen=True)
class PublicKey:
    """The key that others check a signature with.

    Attributes:
        raw: Its 32 bytes.
    """

    raw: bytes

    @property
    def id(self) -> str:
        """SHA-256 of the raw bytes, 64 hex digits: what a signed file names its key by."""
        import hashlib

        return hashlib.sha256(self.raw).hexdigest()

    @property
    def text(self) -> str:
        """The raw bytes in base64, 44 characters that `load(trust=...)` takes."""
        return base64.b64encode(self.raw).decode()

    def to_pem(self) -> str:
        """The key as other tools read it (SubjectPublicKeyInfo)."""
        body = base64.b64encode(_DER_HEAD + self.raw).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature of 64 bytes was made for a message by this key.

        Raises:
            EngineNotInstalled: The package that checks signatures is missing.
        """
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError as error:
            raise _missing("checking a signature") from error
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """The key that signs. It is never shown.

    Attributes:
        public: The key to give to those who check.
    """

    _native: Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """The message's signature, 64 bytes; the same key and message give the same one."""
        return self._native.sign(message)

    def __repr__(self) -> str:
        return f"<littoral.keys.PrivateKey {self.public.id[:16]}>"


def new_private_key(path: Path, passphrase: bytes | None = None) -> PublicKey:
    """Make a key pair: the private key into a file that only its owner may read.

    Args:
        path: The private key's file, PKCS #8 in PEM; it must not exist yet.
        passphrase: Encrypts the file; None leaves it readable to whoever has it.

    Returns:
        The public key.

    Raises:
        InputError: The file exists or cannot be written.
        EngineNotInstalled: The package that makes keys is missing.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise _missing("making a key") from error
    native = Ed25519PrivateKey.generate()
    content = native.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise InputError(
            f"{path} exists: a key is never overwritten, choose another name"
        ) from error
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {(error.strerror or str(error)).lower()}"
        ) from error
    return PublicKey(native.public_key().public_bytes_raw())


def read_private_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """Read a private key, ours or anybody's Ed25519 key in PEM or OpenSSH form.

    Args:
        path: Its file.
        passphrase: What it is encrypted with, None when it is not.

    Raises:
        InputError: No such file, another kind of key, or the passphrase does not fit.
        EngineNotInstalled: The package that signs is missing.
    """
    content = _read_file(path)
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise _missing("signing") from error
    is_ssh = b"OPENSSH PRIVATE KEY" in content
    read = serialization.load_ssh_private_key if is_ssh else serialization.load_pem_private_key
    try:
        native = read(content, passphrase or None)
    except TypeError as error:  # the package's way of saying that a passphrase is due, or is not
        hint = "is not encrypted" if passphrase else "is encrypted: give its passphrase"
        raise InputError(f"the key {path} {hint}") from error
    except Exception as error:  # the package also raises its own UnsupportedAlgorithm
        doubt = " or the passphrase is wrong" if passphrase else ""
        raise InputError(f"{path} is no private key in PEM form{doubt}") from error
    if not isinstance(native, Ed25519PrivateKey):
        raise InputError(f"{path} is no Ed25519 key: make one with littoral sign --new-key FILE")
    return PrivateKey(native, PublicKey(native.public_key().public_bytes_raw()))


def is_encrypted(path: Path) -> bool:
    """Whether a private key's file asks for a passphrase (PKCS #8 says so in its first line).

    Raises:
        InputError: No such file.
    """
    return b"BEGIN ENCRYPTED PRIVATE KEY" in _read_file(path)


def read_trust(trust: Trust) -> tuple[PublicKey, ...]:
    """Public keys in any of the forms that `load(trust=...)` takes.

    Args:
        trust: One key or several: a path, PEM, DER, an OpenSSH line, base64 text or 32 raw bytes.

    Raises:
        InputError: No key, or something that is none; the message says which.
    """
    if isinstance(trust, (str, bytes, os.PathLike)):
        return (_public_key(trust),)
    if not isinstance(trust, (list, tuple)):
        raise InputError(f"trust is a {type(trust).__name__}: expected {_FORMS}, or a list of them")
    if not trust:
        raise InputError("trust names no key: leave it out to accept every file")
    return tuple(_public_key(each) for each in trust)


def _public_key(source: KeySource) -> PublicKey:
    if isinstance(source, bytes):
        key, name = _parsed(source), f"{len(source)} bytes"
    elif isinstance(source, str) and (key := _parsed_text(source.encode())) is not None:
        return key
    elif isinstance(source, (str, os.PathLike)):
        key, name = _parsed(_read_file(Path(source), "trust: the key")), str(source)
    else:
        raise InputError(f"trust holds a {type(source).__name__}: expected {_FORMS}")
    if key is None:
        raise InputError(f"trust: {name}: expected {_FORMS}")
    return key


def _parsed(content: bytes) -> PublicKey | None:
    """The key in any form but a path, None when it is in no such form."""
    if len(content) == _RAW_BYTES:
        return PublicKey(content)
    if content.startswith(_DER_HEAD):
        return _bare(content)
    return _parsed_text(content)


def _parsed_text(content: bytes) -> PublicKey | None:
    if b"PRIVATE KEY-----" in content:
        raise InputError("trust is given a private key: keep that to yourself, give the public one")
    lines = [line for line in content.split(b"\n") if not line.startswith(b"-----")]
    words = b"".join(line.strip() for line in lines).split()
    if words[:1] == [b"ssh-ed25519"]:
        del words[0]
    try:
        return _bare(base64.b64decode(words[0], validate=True)) if words else None
    except binascii.Error:
        return None


def _bare(body: bytes) -> PublicKey | None:
    """The key without what a form puts in front of it."""
    for head in (_DER_HEAD, _SSH_HEAD, b""):
        if len(body) == len(head) + _RAW_BYTES and body.startswith(head):
            return PublicKey(body[len(head) :])
    return None


def _read_file(path: Path, what: str = "the key") -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST_KEY_FILE_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{what} {str(path)[:80]} cannot be read: {reason.lower()}") from error


def _missing(what: str) -> EngineNotInstalled:
    return EngineNotInstalled(f"{what} needs cryptography: pip install 'littoral[sign]'")
