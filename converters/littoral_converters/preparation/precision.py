"""Models in half precision computed in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from littoral_converters.nesting import every_layer
from littoral_converters.stand_ins import stand_ins

_HALF = ("bfloat16", "float16")


@contextmanager
def full_precision(model: Any) -> Iterator[None]:
    """Let layers that compute in half precision compute in float32, for a while.

    Half precision is for training on a GPU; on a CPU it only costs accuracy. What a file is held
    against is the model without that rounding.

    Args:
        model: A built keras.Model.

    Yields:
        Nothing. Variables stay as they are stored, and are cast where they are used.
    """
    with stand_ins() as put:
        for layer in every_layer(model):
            if layer.compute_dtype in _HALF:
                put(layer, "_dtype_policy", _stored_as(layer.variable_dtype))
        yield


def _stored_as(dtype: str) -> Any:
    """A policy to compute in float32 with variables of another dtype."""
    policy = keras.DTypePolicy("float32")
    policy._variable_dtype = dtype
    return policy
