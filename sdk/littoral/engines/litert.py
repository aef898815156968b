"""LiteRT: the package ``ai-edge-litert``."""

from __future__ import annotations

from littoral.engines import _interpreter

FORMATS = ("tflite",)
EXTRA = "litert"
OPTIONS = _interpreter.OPTIONS
ALTERNATIVES = _interpreter.ALTERNATIVES
_PACKAGE = _interpreter.Package("ai-edge-litert", "ai_edge_litert.interpreter", EXTRA)

version = _PACKAGE.version
providers = _interpreter.providers
open_session = _PACKAGE.open_session
