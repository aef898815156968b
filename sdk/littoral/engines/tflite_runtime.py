"""TensorFlow Lite: the package ``tflite-runtime``, the last one for 32-bit ARM.

It runs where Python is 3.11 at most and numpy is 1.
"""

from __future__ import annotations

from littoral.engines import _interpreter

FORMATS = ("tflite",)
EXTRA = "tflite"
OPTIONS = _interpreter.OPTIONS
ALTERNATIVES = _interpreter.ALTERNATIVES
_PACKAGE = _interpreter.Package("tflite-runtime", "tflite_runtime.interpreter", EXTRA)

version = _PACKAGE.version
providers = _interpreter.providers
open_session = _PACKAGE.open_session
