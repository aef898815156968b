"""LiteRT: the package ``ai-edge-litert``."""

from __future__ import annotations

from littoral.engines import Settings, _interpreter
from littoral.engines._interpreter import InterpreterSession, Package

FORMATS = ("tflite",)
EXTRA = "litert"
OPTIONS = _interpreter.OPTIONS
ALTERNATIVES = _interpreter.ALTERNATIVES
_PACKAGE = Package("ai-edge-litert", "ai_edge_litert.interpreter", EXTRA)


def version() -> str | None:
    """The installed library and its version, or None."""
    return _PACKAGE.version()


def providers() -> tuple[str, ...]:
    """The processor; anything else takes a delegate."""
    return ("CPU",)


def open_session(content: bytes, settings: Settings) -> InterpreterSession:
    """Load a .tflite file's bytes; see `littoral.engines.Engine`."""
    return InterpreterSession(content, settings, _PACKAGE)
