"""Values that a graph's constants decide, through whatever operators they go."""

from __future__ import annotations

from collections.abc import Sequence
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
    if value is not None or not _is_small(tensor):
        return value
    operations = _of_constants(tensor)
    return None if operations is None else _computed(tensor, operations)


def _computed(tensor: Any, operations: Sequence[Any]) -> Any | None:
    """The value of a tensor, in a graph of what it comes of: a session opens a whole one anew."""
    if any(_calls(operation) for operation in operations):
        graph = tensor.graph
    else:
        nodes = [operation.node_def for operation in operations]
        for node in nodes:
            node.attr.pop("_class", None)  # it may name what is not there
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(tf.compat.v1.GraphDef(node=nodes), name="")
    with tf.compat.v1.Session(graph=graph) as session:
        try:
            return session.run(tensor.name)
        except tf.errors.OpError:
            return None  # it lies on a branch that is not taken


def _calls(operation: Any) -> bool:
    """Whether it runs functions of its graph."""
    attributes = operation.node_def.attr.values()
    return any(value.HasField("func") or value.list.func for value in attributes)


def _is_small(tensor: Any) -> bool:
    count = tensor.shape.num_elements()
    return count is not None and count <= MOST_VALUES


def _of_constants(tensor: Any) -> Sequence[Any] | None:
    """What it comes of, where that is few operators and constants alone."""
    waiting, seen = [tensor.op], dict[str, Any]()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen[operation.name] = operation
        is_input = not operation.inputs and operation.type != "Const"
        if is_input or operation.type in _UNSETTLED or len(seen) > MOST_OPERATIONS:
            return None
        waiting.extend(each.op for each in operation.inputs)
        waiting.extend(operation.control_inputs)
    return list(seen.values())


_UNSETTLED = frozenset(
    {"Enter", "Merge", "NextIteration", "RandomStandardNormal", "RandomUniform", "Switch"}
)
"""Operators whose value is not settled by what goes into them, or that may have none."""
