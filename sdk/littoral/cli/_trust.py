"""The option ``--trust KEY`` of the verbs that read a model file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Declare ``--trust``, which may be given for several keys."""
    parser.add_argument(
        "--trust",
        action="append",
        metavar="KEY",
        help="refuse files that this public key has not signed (a file, or the key in base64)",
    )


def check_files(files: Sequence[Path], trust: Sequence[str] | None) -> None:
    """Refuse files that no trusted key has signed; without ``--trust`` accept them all.

    Raises:
        IntegrityError: A file is not signed, or not by one of the keys.
        InputError: A file or a key cannot be read.
    """
    if not trust:
        return
    from littoral import integrity, keys, source

    trusted = keys.read_trust(trust)
    for file in files:
        name, content = source.read(file)
        with source.explained(name):
            integrity.check_signature(content, trusted)
