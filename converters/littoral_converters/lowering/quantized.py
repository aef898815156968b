"""Layers that Keras quantized itself, with ``model.quantize(...)``.

int8 and int4 multiply whole numbers, int4 after it unpacked them. TFLite has no product of raw
integers. In float32 sums of 1000 products of two bytes are exact, and longer ones nearly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering import Plan


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """None: products are lowered where layers and `keras.ops` meet, in `functions`.

    Raises:
        ConversionError: A layer that rounds to float8.
    """
    if getattr(layer, "quantization_mode", None) == "float8":
        raise ConversionError(
            f"layer {layer.name!r} ({type(layer).__name__}) is quantized to float8, which "
            f"{plan.format} has no numbers for: convert the model as it was before "
            "quantize('float8')"
        )
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    return {} if plan.format == "onnx" else {"backend.tensorflow.numpy.matmul": _matmul}


def are_bytes(*tensors: Any) -> bool:
    """Whether all of these are int8."""
    return all(tensor.dtype == tf.int8 for tensor in tensors)


def in_floats(product: Callable[..., Any], *tensors: Any) -> Any:
    """A product of int8 tensors, made of floats.

    Args:
        product: What takes the tensors as float32.
        *tensors: int8.

    Returns:
        int32.
    """
    return tf.cast(product(*(tf.cast(tensor, tf.float32) for tensor in tensors)), tf.int32)


def _matmul(original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """The product of int8 matrices as one of floats."""
    x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
    return in_floats(original, x1, x2) if are_bytes(x1, x2) else original(x1, x2)
