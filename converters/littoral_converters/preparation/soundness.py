"""Weights that training has ruined: no file of them can say anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from littoral.errors import InputError

from littoral_converters.nesting import every_layer


def check_finite(model: Any) -> None:
    """Refuse a model whose training diverged.

    Infinities among the weights that are not trained are constants that somebody put there, such as
    a mask's; NaN is one nowhere.

    Args:
        model: A built keras.Model.

    Raises:
        InputError: Which layer's weights are NaN or infinite, and how many of them.
    """
    found = [(layer, count) for layer in every_layer(model) if (count := _broken(layer))]
    if not found:
        return
    layer, count = found[0]
    more = f" (and those of {len(found) - 1} more layers)" if len(found) > 1 else ""
    raise InputError(
        f"layer {layer.name!r} ({type(layer).__name__}): {count} of its weights "
        f"{'is' if count == 1 else 'are'} not finite{more}: train it again, with a lower learning "
        "rate or clipped gradients, or take an earlier checkpoint"
    )


def _broken(layer: Any) -> int:
    """How many of a layer's own weights are NaN, or infinite though they are trained."""
    trained = sum(int((~np.isfinite(values)).sum()) for values in _floats(layer, "_trainable"))
    return trained + sum(int(np.isnan(values).sum()) for values in _floats(layer, "_non_trainable"))


def _floats(layer: Any, kind: str) -> Iterator[Any]:
    """A layer's own weights of a kind, without those of the layers inside it."""
    import keras

    for variable in getattr(layer, f"{kind}_variables", ()):
        if keras.backend.is_float_dtype(variable.dtype):
            yield keras.ops.convert_to_numpy(variable.value)
