"""GELU, for ONNX, in the form that onnxruntime makes one operator of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import Plan


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for the activation of any layer that ends in exact GELU."""
    if plan.format != "onnx":
        return {}
    if getattr(layer, "activation", None) is not keras.activations.gelu:
        return {}
    return {"activation": gelu}


def gelu(value: Any) -> Any:
    """X times the normal distribution's probability of values up to x."""
    return value * (1 + tf.math.erf(value / math.sqrt(2))) * 0.5
