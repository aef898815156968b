"""Models trained in mixed precision, computed in float32: what their variables hold anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from littoral_converters.lowering import every_layer

_POLICY = "_dtype_policy"
_HALF = ("bfloat16", "float16")


@contextmanager
def full_precision(model: Any) -> Iterator[None]:
    """Let layers with float32 variables compute in float32, for a while.

    Half precision is for training on a GPU; on a CPU it only costs accuracy. What a file is held
    against is the model without that rounding.

    Args:
        model: A built keras.Model.

    Yields:
        Nothing. Layers whose variables are half precision too stay as they are.
    """
    mixed = [
        layer
        for layer in every_layer(model)
        if layer.compute_dtype in _HALF and layer.variable_dtype == "float32"
    ]
    before = [vars(layer)[_POLICY] for layer in mixed]
    try:
        for layer in mixed:
            object.__setattr__(layer, _POLICY, keras.dtype_policies.get("float32"))
        yield
    finally:
        for layer, policy in zip(mixed, before, strict=True):
            object.__setattr__(layer, _POLICY, policy)
