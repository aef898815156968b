"""Operators that a format lacks, in operators that it has. One file a family.

A lowering stands in for a layer or a function of Keras. What is left in the traced graph, whether
`keras.ops` or a custom layer that calls TensorFlow put it there, is looked up here by the name of
its operator. A module offers one function:

    substitutes(format_name) -> Mapping[str, Substitute]

for the operators that the format lacks. A `Substitute` builds the same values from an operation's
inputs, and raises NotImplementedError for what it cannot: the operation then stays, and the
format's converter says what it makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from littoral import plugins

Substitute = Callable[[Any, Sequence[Any]], Any]
"""(the operation, its inputs) -> its output; both in a graph of their own."""


def substitute(graph_def: Any, format_name: str) -> Any:
    """Replace the operators that a format lacks.

    Args:
        graph_def: A frozen tf.compat.v1.GraphDef. What is inside its functions stays.
        format_name: ``"tflite"`` or ``"onnx"``.

    Returns:
        The graph, the same one where there was nothing to do.
    """
    found = _substitutes(format_name)
    if not any(node.op in found for node in graph_def.node):
        return graph_def
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    made = tf.compat.v1.GraphDef(versions=graph_def.versions, library=graph_def.library)
    renamed: dict[str, str] = {}
    for node in graph_def.node:
        operation = graph.get_operation_by_name(node.name)
        nodes = _built(operation, found[node.op]) if node.op in found else None
        if nodes is None:
            made.node.append(node)
        else:
            made.node.extend(nodes)
            renamed[node.name] = nodes[-1].name
    for node in made.node:
        node.input[:] = [renamed.get(name.removesuffix(":0"), name) for name in node.input]
    return made


def _substitutes(format_name: str) -> Mapping[str, Substitute]:
    package = sys.modules[__name__]
    found: dict[str, Substitute] = {}
    for name in plugins.names(package):
        found.update(plugins.load(package, name).substitutes(format_name))
    return found


def _built(operation: Any, build: Substitute) -> list[Any] | None:
    """Nodes in the place of an operation, the last of them its output; None for none."""
    with tf.Graph().as_default() as graph:
        inputs = [_stand_in(tensor) for tensor in operation.inputs]
        try:
            output = tf.identity(build(operation, inputs), name="result")
        except NotImplementedError:
            return None
    named = {
        tensor.op.name: source.name for tensor, source in zip(inputs, operation.inputs, strict=True)
    }
    nodes = [node for node in graph.as_graph_def().node if node.name not in named]
    for node in nodes:
        node.name = f"{operation.name}/{node.name}"
        node.input[:] = [_outside(name, named, operation.name) for name in node.input]
    nodes.sort(key=lambda node: node.name == f"{operation.name}/{output.op.name}")
    return nodes


def _stand_in(tensor: Any) -> Any:
    """A constant where the input is known, for what is decided by its value, or a placeholder."""
    value = tf.get_static_value(tensor)
    if value is not None:
        return tf.constant(value, tensor.dtype)
    return tf.compat.v1.placeholder(tensor.dtype, tensor.shape)


def _outside(name: str, named: Mapping[str, str], scope: str) -> str:
    """An input's name in the whole graph: what stood in for it, or a node beside it."""
    control, bare = ("^", name[1:]) if name.startswith("^") else ("", name)
    if bare.removesuffix(":0") in named:
        return control + named[bare.removesuffix(":0")]
    return f"{control}{scope}/{bare}"
