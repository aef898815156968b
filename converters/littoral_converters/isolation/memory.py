"""What this process holds of the system's memory, and what it can give back.

TensorFlow's graphs hold on to themselves in circles, and Python looks for such circles by the
number of objects, not by their size: of a model of 100 MB, its traced and frozen graphs alone kept
600 MB until long after they were of use.
"""

from __future__ import annotations

import ctypes
import gc

from littoral.first_result import resident_bytes

GROWTH_BYTES = 128 << 20
"""Less is not worth a look, which takes a quarter of a second among TensorFlow's objects."""

_settled: int | None = None
"""Resident bytes after the memory was last given back."""


def give_back() -> int | None:
    """Give back what nothing uses, where the process has grown since; the first call only looks.

    Returns:
        As `littoral.first_result.resident_bytes`, which only Linux tells cheaply.
    """
    global _settled
    now = resident_bytes()
    _settled = now if _settled is None else _settled
    if now is None or _settled is None or now - _settled < GROWTH_BYTES:
        return now
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of the GNU C library
    if trim is not None:
        trim(0)
    _settled = resident_bytes()
    return _settled
