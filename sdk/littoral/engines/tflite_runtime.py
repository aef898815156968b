"""TensorFlow Lite: the package ``tflite-runtime``, the last one for 32-bit ARM.

It runs where Python is 3.11 at most and numpy is 1.
"""

from __future__ import annotations

from littoral.engines import Settings, _interpreter
from littoral.engines._interpreter import InterpreterSession, Package

FORMATS = ("tflite",)
EXTRA = "tflite"
OPTIONS = _interpreter.OPTIONS
ALTERNATIVES = _interpreter.ALTERNATIVES
_PACKAGE = Package("tflite-runtime", "tflite_runtime.interpreter", EXTRA)


def version() -> str | None:
    """The installed library and its version, or None."""
    return _PACKAGE.version()


def providers() -> tuple[str, ...]:
    """The processor; anything else takes a delegate."""
    return ("CPU",)


def open_session(content: bytes, settings: Settings) -> InterpreterSession:
    """Load a .tflite file's bytes; see `littoral.engines.Engine`."""
    return InterpreterSession(content, settings, _PACKAGE)
