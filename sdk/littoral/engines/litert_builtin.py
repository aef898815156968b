"""LiteRT with its own kernels alone: no XNNPACK delegate. Taken only when asked for by name.

XNNPACK is the faster one on nearly every file and processor, but it is not on all of them, and it
takes memory and time to prepare a file. So this is something to measure, not to guess.
"""

from __future__ import annotations

from littoral.engines import litert

FORMATS = litert.FORMATS
EXTRA = litert.EXTRA
AUTO = False

version = litert.version


def open_session(content: bytes, threads: int) -> litert.LiteRTSession:
    """Load a .tflite file's bytes; see `littoral.engines.Engine`."""
    return litert.LiteRTSession(content, threads, delegates=False)
