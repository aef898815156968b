"""Values that a graph's constants decide, through whatever operators they go."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

MOST_VALUES = 64
"""Larger tensors are none of the sizes, scales and axes that a substitute asks for."""

MOST_OPERATIONS = 64


def known(tensor: Any) -> Any | None:
    """The value of a tensor in a frozen graph, or None where it depends on an input.

    Args:
        tensor: One of the graph's. Only where it is small is more done than to look for a constant.

    Returns:
        A NumPy array.
    """
    value = tf.get_static_value(tensor)
    if value is not None or not _is_small(tensor) or not _is_of_constants(tensor):
        return value
    with tf.compat.v1.Session(graph=tensor.graph) as session:
        try:
            return session.run(tensor)
        except tf.errors.OpError:
            return None  # it lies on a branch that is not taken


def _is_small(tensor: Any) -> bool:
    count = tensor.shape.num_elements()
    return count is not None and count <= MOST_VALUES


def _is_of_constants(tensor: Any) -> bool:
    """Whether it comes of few operators and of constants alone."""
    waiting, seen = [tensor.op], set()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        is_input = not operation.inputs and operation.type != "Const"
        if is_input or operation.type in _UNSETTLED or len(seen) > MOST_OPERATIONS:
            return False
        waiting.extend(each.op for each in operation.inputs)
        waiting.extend(operation.control_inputs)
    return True


_UNSETTLED = frozenset(
    {"Enter", "Merge", "NextIteration", "RandomStandardNormal", "RandomUniform", "Switch"}
)
"""Operators whose value is not settled by what goes into them, or that may have none."""
