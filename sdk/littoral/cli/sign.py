"""``littoral sign``: vouch for model files with an Ed25519 key, and make such a key."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.errors import InputError

if TYPE_CHECKING:
    from littoral.keys import PublicKey

SUMMARY = "sign model files with an Ed25519 key, or make such a key"
EXAMPLES = """examples:
  littoral sign --new-key release.pem                 private key; the public one goes to stdout
  littoral sign cnn.tflite cnn.onnx --key release.pem
  littoral run cnn.tflite photo.png --trust release.pem.pub

A signature goes into the file itself, which is replaced whole or not at all. load(..., trust=KEY)
and --trust KEY then refuse every other file. The passphrase of an encrypted key is asked for, or
taken from the environment variable LITTORAL_PASSPHRASE."""

_VARIABLE = "LITTORAL_PASSPHRASE"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=".tflite or .onnx")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", type=Path, metavar="K", help="the private key's file")
    keys.add_argument(
        "--new-key", type=Path, metavar="K", help="make a key: K is private, K.pub is for everybody"
    )
    parser.add_argument(
        "--passphrase", action="store_true", help="with --new-key: encrypt the private key"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Sign the files, all of them or none, or make a key.

    Returns:
        ``key_id public_key`` (base64), and ``signed`` (paths), or ``private_key_file
        public_key_file`` for a new key.

    Raises:
        InputError: No file, no such file, or a key that cannot be read.
        IntegrityError: A file was changed after it was written.
        FormatError: A file that cannot carry a signature.
    """
    if arguments.new_key is not None:
        return _new_key(arguments)
    return _sign(arguments)


def describe(payload: dict[str, Any]) -> str:
    """What was signed by which key, or the new key's public half."""
    if "signed" in payload:
        return "\n".join(
            f"{path}: signed by {payload['key_id'][:16]}" for path in payload["signed"]
        )
    return (
        f"private key {payload['private_key_file']} (keep it to yourself)\n"
        f"public key  {payload['public_key_file']}\n"
        f"            {payload['public_key']}\n"
        f"key id      {payload['key_id'][:16]}"
    )


def _new_key(arguments: argparse.Namespace) -> dict[str, Any]:
    from littoral import files, keys

    if arguments.files:
        raise InputError("--new-key makes a key and signs nothing: sign with --key afterwards")
    path = arguments.new_key
    public_path = path.with_name(f"{path.name}.pub")
    if public_path.exists():
        raise InputError(f"{public_path} exists: a key is never overwritten, choose another name")
    public = keys.new_private_key(
        path, _passphrase(path, new=True) if arguments.passphrase else None
    )
    files.write_atomically(public_path, public.to_pem().encode())
    return {
        **_named(public),
        "private_key_file": str(path),
        "public_key_file": str(public_path),
    }


def _sign(arguments: argparse.Namespace) -> dict[str, Any]:
    from littoral import files, integrity, keys, source

    if not arguments.files:
        raise InputError("no file to sign: name one or more .tflite or .onnx files")
    if arguments.passphrase:
        raise InputError("--passphrase goes with --new-key; an encrypted key asks by itself")
    path = arguments.key
    key = keys.read_private_key(path, _passphrase(path) if keys.is_encrypted(path) else None)
    signed: dict[Path, bytes] = {}
    for file in arguments.files:
        name, content = source.read(file)
        with source.explained(name):
            signed[file] = integrity.sign(content, key)
    files.write_together(signed)
    return {**_named(key.public), "signed": [str(file) for file in signed]}


def _named(public: PublicKey) -> dict[str, Any]:
    return {"key_id": public.id, "public_key": public.text}


def _passphrase(path: Path, new: bool = False) -> bytes:
    """The passphrase out of the environment, or from the person at the keyboard."""
    given = os.environ.get(_VARIABLE)
    if given is None:
        if not sys.stdin.isatty():
            raise InputError(f"the key {path} needs a passphrase: set {_VARIABLE}")
        import getpass

        given = getpass.getpass(f"passphrase of {path}: ")
        if new and given != getpass.getpass("the same again: "):
            raise InputError("the two passphrases differ: no key was made")
    if not given:
        raise InputError("the passphrase is empty: leave out --passphrase for a key without one")
    return given.encode()
