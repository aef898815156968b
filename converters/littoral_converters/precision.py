"""Models in half precision computed in float32, and graphs in double precision written in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.lowering import every_layer

_POLICY = "_dtype_policy"
_HALF = ("bfloat16", "float16")
_SINGLE = {
    tf.float64.as_datatype_enum: tf.float32.as_datatype_enum,
    tf.complex128.as_datatype_enum: tf.complex64.as_datatype_enum,
}


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
    halves = [layer for layer in every_layer(model) if layer.compute_dtype in _HALF]
    before = [vars(layer)[_POLICY] for layer in halves]
    try:
        for layer in halves:
            object.__setattr__(layer, _POLICY, _stored_as(layer.variable_dtype))
        yield
    finally:
        for layer, policy in zip(halves, before, strict=True):
            object.__setattr__(layer, _POLICY, policy)


def write_in_single(graph_def: Any) -> None:
    """Rewrite a graph in double precision, where it is so, to single precision, in place.

    The formats have few operators in double, and their engines fewer. What the rounding costs
    shows in the proof: the file is held against Keras, which computes in double.

    Args:
        graph_def: A frozen tf.compat.v1.GraphDef. Its placeholders keep their dtypes.
    """
    inputs = {
        node.name: _single_of(node, graph_def)
        for node in list(graph_def.node)
        if node.op == "Placeholder" and node.attr["dtype"].type in _SINGLE
    }
    kept = {*inputs, *inputs.values()}
    for node in graph_def.node:
        if node.name not in kept:
            node.input[:] = [inputs.get(name.removesuffix(":0"), name) for name in node.input]
            _rewrite(node)
    for function in graph_def.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            argument.type = _SINGLE.get(argument.type, argument.type)
        for node in function.node_def:
            _rewrite(node)


def _stored_as(dtype: str) -> Any:
    """A policy to compute in float32 with variables of another dtype."""
    policy = keras.DTypePolicy("float32")
    policy._variable_dtype = dtype
    return policy


def _single_of(placeholder: Any, graph_def: Any) -> str:
    """Put a Cast behind a placeholder. Returns its name."""
    double = placeholder.attr["dtype"].type
    cast = graph_def.node.add(name=f"{placeholder.name}/in_single", op="Cast")
    cast.input.append(placeholder.name)
    cast.attr["SrcT"].type = double
    cast.attr["DstT"].type = _SINGLE[double]
    return str(cast.name)


def _rewrite(node: Any) -> None:
    for value in node.attr.values():
        _rewrite_value(value)
    if node.op == "Cast" and node.attr["SrcT"].type == node.attr["DstT"].type:
        dtype = node.attr["DstT"].type
        node.op = "Identity"
        node.attr.clear()
        node.attr["T"].type = dtype


def _rewrite_value(value: Any) -> None:
    kind = value.WhichOneof("value")
    if kind == "type":
        value.type = _SINGLE.get(value.type, value.type)
    elif kind == "list":
        value.list.type[:] = [_SINGLE.get(dtype, dtype) for dtype in value.list.type]
    elif kind == "tensor" and value.tensor.dtype in _SINGLE:
        array = tf.make_ndarray(value.tensor)
        single = tf.as_dtype(_SINGLE[value.tensor.dtype])
        value.tensor.CopyFrom(tf.make_tensor_proto(array, dtype=single))
    elif kind == "func":
        for inner in value.func.attr.values():
            _rewrite_value(inner)
