"""SHA-256 for a model that starts: the fast implementation is slow to come.

`hashlib` brings OpenSSL, which takes 3 ms and 3.5 MB to load and then 0.6 ms a megabyte. Python's
own implementation takes 3.4 ms a megabyte and is there at once, so it is the quicker one for a
first file of up to a megabyte.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_SMALL_BYTES = 1 << 20
_OWN = ("_sha2", "_sha256")
"""Where Python keeps its own, since 3.12 and before; a build may leave it out."""


def sha256(size_bytes: int) -> Any:
    """An empty SHA-256, with ``update`` and ``digest`` as `hashlib` has them.

    Args:
        size_bytes: How much will be hashed, about.
    """
    if size_bytes <= _SMALL_BYTES and "_hashlib" not in sys.modules:
        for name in _OWN:
            try:
                return importlib.import_module(name).sha256()
            except (ImportError, AttributeError):
                continue
    import hashlib

    return hashlib.sha256()
