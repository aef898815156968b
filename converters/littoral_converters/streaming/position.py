"""The place of a step in its sequence, for position embeddings.

They count with ``keras.ops.arange`` over the length of what they are given; on one step that would
be 0 for ever. It is the number of the step instead, and stays at the last one that the model knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.streaming import Memory


def functions(memory: Memory) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.streaming`."""

    def arange(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if result.shape.as_list() != [1] or tf.get_static_value(result) != [0]:
            return result
        if memory.position is None:
            memory.position = _count(memory)
        return tf.cast(memory.position[0], result.dtype)

    return {"backend.tensorflow.numpy.arange": arange}


def _count(memory: Memory) -> Any:
    present, keep = memory.hold("position", np.zeros(1, np.int32))
    last = np.iinfo(np.int32).max if memory.context is None else memory.context
    keep(tf.minimum(present + 1, last - 1))
    return present
