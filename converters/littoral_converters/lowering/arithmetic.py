"""Additions that Keras writes as a bias of the first axis, which the converters get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from littoral_converters.lowering import Plan


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """None: additions are lowered where layers and `keras.ops` meet, in `functions`."""
    del layer, plan
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    del plan
    return {"backend.tensorflow.numpy.add": _add}


def _add(original: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """A plain addition where Keras takes x2 for a bias of axis 1."""
    both = all(tf.is_tensor(x) and x.shape.rank is not None for x in (x1, x2))
    if not both or x1.dtype != x2.dtype:
        return original(x1, x2)
    long = [size for size in x2.shape if size != 1]
    if len(long) != 1 or long[0] in (None, x1.shape[-1]) or len(x1.shape) < 3:
        return original(x1, x2)
    if long[0] == x1.shape[1] and len(x2.shape) == 1:
        return original(x1, x2)
    return tf.add(x1, x2)
