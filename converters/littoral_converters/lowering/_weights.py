"""Weights in a trace: those that lowerings hold, and those that a model sets while it answers.

The latter no lowering knows before the trace: a layer around another one may normalize the weights
of that, and assign them, or put a tensor in their place, before it calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.func_graph import FuncGraph

LARGE = 1024
"""Elements from which a constant is kept out of a graph that is traced."""


def array_of(variable: Any) -> Any:
    """A weight's values in float32; None for no weight."""
    return None if variable is None else np.asarray(variable.numpy(), np.float32)


def constant(array: NDArray[Any]) -> Any:
    """A constant of the graph that is traced; a large one is put into it when it is frozen.

    Until then TensorFlow would copy the graph, its constants with it, half a dozen times.

    Args:
        array: The values.
    """
    graph = tf.compat.v1.get_default_graph()
    is_whole = isinstance(graph, FuncGraph) and not isinstance(graph.outer_graph, FuncGraph)
    if array.size < LARGE or not is_whole:
        return tf.constant(array)
    with tf.init_scope():
        held = tf.constant(array)
    return graph.capture(held, name="weight")


def replaced(layers: Iterable[Any]) -> frozenset[int]:
    """The ids of the learned weights of Keras's own layers that something else stands in for."""
    found = set()
    for layer in layers:
        # Other layers than Keras's may hold theirs in lists.
        if type(layer).__module__.startswith("keras."):
            held = {id(value) for value in vars(layer).values()}
            found |= {id(weight) for weight in layer._trainable_variables} - held
    return frozenset(found)


def changed(graph: Any, layers: Sequence[Any]) -> frozenset[int]:
    """The ids of the learned weights that a traced model assigns to, or has replaced.

    Args:
        graph: Its FuncGraph.
        layers: All of its layers.
    """
    targets = {
        id(operation.inputs[0])
        for operation in graph.get_operations()
        if operation.type.startswith("Assign") and operation.inputs
    }
    handles = {id(outer) for outer, inner in graph.captures if id(inner) in targets}
    assigned = {
        id(weight)
        for layer in layers
        for weight in layer._trainable_variables
        if id(getattr(weight.value, "handle", None)) in handles
    }
    return replaced(layers) | assigned
