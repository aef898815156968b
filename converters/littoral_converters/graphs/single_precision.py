"""Frozen graphs in double or half precision, written in single precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.nodes import become

Dtypes = Mapping[int, int]
"""Dtypes of TensorFlow by those that they stand in for."""

DOUBLE: Dtypes = {
    tf.float64.as_datatype_enum: tf.float32.as_datatype_enum,
    tf.complex128.as_datatype_enum: tf.complex64.as_datatype_enum,
}
HALF: Dtypes = {
    tf.float16.as_datatype_enum: tf.float32.as_datatype_enum,
    tf.bfloat16.as_datatype_enum: tf.float32.as_datatype_enum,
}


def write_in_single(graph_def: Any, dtypes: Dtypes = DOUBLE) -> None:
    """Rewrite a graph to single precision where it is in another, in place.

    The formats have few operators in these, and their engines fewer. What the rounding of doubles
    costs shows in the proof: the file is held against Keras, which computes in double.

    Args:
        graph_def: A frozen tf.compat.v1.GraphDef. Its placeholders keep their dtypes.
        dtypes: Which other: `DOUBLE` or `HALF`.
    """
    inputs = {
        node.name: _single_of(node, graph_def, dtypes)
        for node in list(graph_def.node)
        if node.op == "Placeholder" and node.attr["dtype"].type in dtypes
    }
    kept = {*inputs, *inputs.values()}
    for node in graph_def.node:
        if node.name not in kept:
            node.input[:] = [inputs.get(name.removesuffix(":0"), name) for name in node.input]
            _rewrite(node, dtypes)
            _without_cast(node)
    for function in graph_def.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            argument.type = dtypes.get(argument.type, argument.type)
        for node in function.node_def:
            _rewrite(node, dtypes)


def rename_functions(graph_def: Any, suffix: str) -> None:
    """Give the functions of a graph other names, in place: TensorFlow knows each name once."""
    names = {function.signature.name for function in graph_def.library.function}
    for function in graph_def.library.function:
        function.signature.name += suffix
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    for node in nodes:
        if node.op in names:
            node.op += suffix
        for value in node.attr.values():
            kind = value.WhichOneof("value")
            called = [value.func] if kind == "func" else value.list.func if kind == "list" else []
            for each in called:
                each.name += suffix if each.name in names else ""


def has_dtypes(node: Any, dtypes: Dtypes) -> bool:
    """Whether a node of a graph computes in one of some dtypes."""
    return any(
        value.type in dtypes for value in node.attr.values() if value.WhichOneof("value") == "type"
    )


def _single_of(placeholder: Any, graph_def: Any, dtypes: Dtypes) -> str:
    """Put a Cast behind a placeholder. Returns its name."""
    given = placeholder.attr["dtype"].type
    cast = graph_def.node.add(name=f"{placeholder.name}/in_single", op="Cast")
    cast.input.append(placeholder.name)
    cast.attr["SrcT"].type = given
    cast.attr["DstT"].type = dtypes[given]
    return str(cast.name)


def _rewrite(node: Any, dtypes: Dtypes) -> None:
    for value in node.attr.values():
        _rewrite_value(value, dtypes)


def _without_cast(node: Any) -> None:
    """Not in a function, where what takes the result calls it by the name that a Cast gives it."""
    if node.op == "Cast" and node.attr["SrcT"].type == node.attr["DstT"].type:
        become(node, "Identity", [*node.input], T=node.attr["DstT"].type)


def _rewrite_value(value: Any, dtypes: Dtypes) -> None:
    kind = value.WhichOneof("value")
    if kind == "type":
        value.type = dtypes.get(value.type, value.type)
    elif kind == "list":
        value.list.type[:] = [dtypes.get(dtype, dtype) for dtype in value.list.type]
    elif kind == "tensor" and value.tensor.dtype in dtypes:
        array = tf.make_ndarray(value.tensor)
        single = tf.as_dtype(dtypes[value.tensor.dtype])
        value.tensor.CopyFrom(tf.make_tensor_proto(array, dtype=single))
    elif kind == "func":
        for inner in value.func.attr.values():
            _rewrite_value(inner, dtypes)
