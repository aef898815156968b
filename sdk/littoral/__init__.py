"""littoral: run, prove and measure models that were trained with Keras, on the device.

    import littoral

    model = littoral.load("cnn.tflite")
    scores = model.run(image)

Importing this package imports neither an engine nor numpy: a public name is fetched on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.card import Card as Card
    from littoral.errors import ConversionError as ConversionError
    from littoral.errors import EngineBusy as EngineBusy
    from littoral.errors import EngineCrashed as EngineCrashed
    from littoral.errors import EngineError as EngineError
    from littoral.errors import EngineNotInstalled as EngineNotInstalled
    from littoral.errors import FormatError as FormatError
    from littoral.errors import InputError as InputError
    from littoral.errors import IntegrityError as IntegrityError
    from littoral.errors import LittoralError as LittoralError
    from littoral.errors import ModelError as ModelError
    from littoral.errors import TargetError as TargetError
    from littoral.errors import VerificationError as VerificationError
    from littoral.loading import load as load
    from littoral.measurement import Measurement as Measurement
    from littoral.measuring import measure as measure
    from littoral.model import Model as Model
    from littoral.observation import Observation as Observation
    from littoral.pool import Pool as Pool
    from littoral.stream import Stream as Stream
    from littoral.tensors import TensorSpec as TensorSpec
    from littoral.windows import Windows as Windows

__version__ = "0.1.0"

_HOME_OF = {
    "Card": "card",
    "ConversionError": "errors",
    "EngineBusy": "errors",
    "EngineCrashed": "errors",
    "EngineError": "errors",
    "EngineNotInstalled": "errors",
    "FormatError": "errors",
    "InputError": "errors",
    "IntegrityError": "errors",
    "LittoralError": "errors",
    "Measurement": "measurement",
    "Model": "model",
    "ModelError": "errors",
    "Observation": "observation",
    "Pool": "pool",
    "Stream": "stream",
    "TargetError": "errors",
    "TensorSpec": "tensors",
    "VerificationError": "errors",
    "Windows": "windows",
    "load": "loading",
    "measure": "measuring",
}

__all__ = [*sorted(_HOME_OF), "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'littoral' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"littoral.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
