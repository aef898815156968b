"""Keras models -> verified .tflite and .onnx files.

from littoral_converters import convert

variants = convert("cnn.keras", "build/", schemes=("float32", "static_int8"),
representative_data="train.npz", evaluation_data="eval.npz")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral_converters.calibration.doubts import DataWarning as DataWarning
    from littoral_converters.debugging import debug as debug
    from littoral_converters.debugging.drift import Drift as Drift
    from littoral_converters.debugging.drift import LayerDrift as LayerDrift
    from littoral_converters.exploration.outcome import Search as Search
    from littoral_converters.exploration.search import search as search
    from littoral_converters.pipeline import Variant as Variant
    from littoral_converters.pipeline import convert as convert
    from littoral_converters.proof import verify as verify
    from littoral_converters.verification import Verification as Verification

_HOME_OF = {
    "DataWarning": "calibration.doubts",
    "Drift": "debugging.drift",
    "LayerDrift": "debugging.drift",
    "Search": "exploration.outcome",
    "Variant": "pipeline",
    "Verification": "verification",
    "convert": "pipeline",
    "search": "exploration.search",
    "debug": "debugging",
    "verify": "proof",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'littoral_converters' has no attribute {name!r}")
    return getattr(importlib.import_module(f"littoral_converters.{home}"), name)
