"""Weights beside the graph while TensorFlow's optimizer and tf2onnx work on it.

Both copy a graph over and over, with everything in it: a model took eighteen times its weights.
Here the place of a large weight is held in the TensorFlow graph by a constant of its shape that is
one number throughout, another for each weight, and in tf2onnx's graph by a tensor whose bytes are a
digest of the weight's: what is equal stays equal. Who asks for the values gets the weight itself,
which lies in the traced graph's bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
from littoral.formats._protobuf import Message
from numpy.typing import NDArray

from littoral_converters.stand_ins import stand_ins
from littoral_converters.trees.onnx import LARGE, graphs_in

_NODES, _ATTRIBUTES, _KEY, _VALUE, _TENSOR, _CONTENT = 1, 5, 1, 2, 8, 4
"""Field numbers of TensorFlow's GraphDef, NodeDef, a map's entries, AttrValue and TensorProto."""

_MAGIC = b"littoral weight "
_FIRST_MARK = 0x2B5A1E00
"""Bits of the float32 that the first weight is marked with, 8e-13; the next ones follow."""

Array = NDArray[Any]


class Weights:
    """The large weights of one traced graph, and the graph without them.

    Attributes:
        graph_def: The graph, with a constant of one number in each large weight's place.
    """

    def __init__(self, content: bytes) -> None:
        """Take the weights out.

        Args:
            content: A serialized GraphDef. The weights stay in it: it must not be changed.
        """
        self._content = content
        self._held: dict[float, Array] = {}
        self._by_digest: dict[bytes, Array] = {}
        self.graph_def = self._without(content)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Have tf2onnx ask here for values, while this lasts."""
        import tf2onnx.graph
        from tf2onnx import tf_loader, tf_utils
        from tf2onnx.onnx_opset import signal

        values = SimpleNamespace(to_array=self.to_array, from_array=self.from_array)
        with stand_ins() as put:
            put(tf_loader, "tf_optimize", self._optimizing(tf_loader.tf_optimize))
            put(tf_utils, "get_tf_tensor_data", self._reading(tf_utils.get_tf_tensor_data))
            put(signal, "to_array", self.to_array)
            for module in (tf2onnx.graph, tf_utils):
                put(module, "numpy_helper", values)
            yield

    def put_back(self, model: Any) -> None:
        """Put the weights into what tf2onnx made, in place.

        Args:
            model: A ModelProto.
        """
        for tensor in _tensors(model.graph):
            if tensor.raw_data in self._by_digest:
                tensor.raw_data = self.to_array(tensor).tobytes()

    def to_array(self, tensor: Any) -> Array:
        """The values of an ONNX tensor that may stand for a weight."""
        held = self._by_digest.get(tensor.raw_data)
        if held is None:
            own: Array = onnx.numpy_helper.to_array(tensor)
            return own
        return held.reshape(tuple(tensor.dims))

    def from_array(self, array: Array, name: str | None = None) -> Any:
        """An ONNX tensor of these values; one that stands for them where they are many."""
        if array.size < LARGE or array.dtype.kind not in "fiub" or not array.dtype.isnative:
            return onnx.numpy_helper.from_array(array, name)
        flat = np.ascontiguousarray(array).reshape(-1)
        digest = hashlib.sha256(array.dtype.str.encode())
        digest.update(flat.view(np.uint8).data)
        key = _MAGIC + digest.digest()
        self._by_digest.setdefault(key, flat)
        kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        return onnx.TensorProto(dims=array.shape, data_type=kind, name=name, raw_data=key)

    def _without(self, content: bytes) -> Any:
        import tensorflow as tf

        rest, start = [], 0
        for field in Message(content).fields():
            piece, start = content[start : field.end], field.end
            if field.number == _NODES and len(piece) >= 4 * LARGE:
                alone = tf.compat.v1.GraphDef.FromString(piece)
                bounds = _weight_in(Message(content, field.start, field.end))
                if bounds is not None and self._takes(alone.node[0], *bounds):
                    piece = alone.SerializeToString()
            rest.append(piece)
        return tf.compat.v1.GraphDef.FromString(b"".join(rest))

    def _takes(self, node: Any, start: int, end: int) -> bool:
        """Whether a constant is a weight to stand in for; it does then, in place."""
        import tensorflow as tf

        tensor = node.attr["value"].tensor
        shape = tuple(size.size for size in tensor.tensor_shape.dim)
        if node.op != "Const" or tensor.dtype != tf.float32.as_datatype_enum:
            return False
        values = np.frombuffer(self._content, np.dtype("<f4"), (end - start) // 4, start)
        if values.size < LARGE or values.size != prod(shape) or values.min() == values.max():
            return False  # of nothing but zeros the optimizer makes use
        mark = float(np.uint32(_FIRST_MARK + len(self._held)).view(np.float32))
        self._held[mark] = values.reshape(shape)
        tensor.ClearField("tensor_content")
        tensor.float_val[:] = [mark]
        return True

    def _held_in(self, tensor: Any) -> float | None:
        """The mark of the weight that a TensorFlow constant stands for."""
        mark = tensor.float_val[0] if len(tensor.float_val) == 1 else None
        if mark not in self._held:
            return None
        shape = tuple(size.size for size in tensor.tensor_shape.dim)
        return mark if shape == self._held[mark].shape else None

    def _reading(self, read: Any) -> Any:
        def values_of(tensor: Any) -> Any:
            mark = self._held_in(tensor)
            return read(tensor) if mark is None else self._held[mark]

        return values_of

    def _optimizing(self, optimize: Any) -> Any:
        """TensorFlow's optimizer, for which a weight is put back that it did not leave alone."""

        def optimized(inputs: list[str], outputs: list[str], graph_def: Any) -> Any:
            made = optimize(inputs, outputs, graph_def)
            before, after = self._readers(graph_def), self._readers(made)
            touched = {mark for mark, readers in before.items() if after.get(mark) != readers}
            if not touched:
                return made
            for node in graph_def.node:
                mark = self._mark_of(node)
                if mark in touched:
                    tensor = node.attr["value"].tensor
                    tensor.ClearField("float_val")
                    tensor.tensor_content = self._held.pop(mark).tobytes()
            return optimized(inputs, outputs, graph_def)

        return optimized

    def _mark_of(self, node: Any) -> float | None:
        """The mark of the weight that a node of a TensorFlow graph stands for."""
        return self._held_in(node.attr["value"].tensor) if node.op == "Const" else None

    def _readers(self, graph_def: Any) -> dict[float, set[tuple[str, int]]]:
        """Which inputs of which nodes read each weight, by its mark."""
        sources = {node.name: self._mark_of(node) for node in graph_def.node}
        same = {node.name: _source(node.input[0]) for node in graph_def.node if _is_same(node)}
        readers: dict[float, set[tuple[str, int]]] = {}
        for node in graph_def.node:
            for position, name in enumerate(() if _is_same(node) else node.input):
                source = _source(name)
                while source in same:
                    source = same[source]
                mark = sources.get(source)
                if mark is not None:
                    readers.setdefault(mark, set()).add((node.name, position))
        return readers


def _is_same(node: Any) -> bool:
    return bool(node.op == "Identity")


def _source(name: str) -> str:
    return name.partition(":")[0]


def _weight_in(node: Message) -> tuple[int, int] | None:
    """Where the bytes of a node's constant are, None for none."""
    for entry in node.all(_ATTRIBUTES):
        value = entry.first(_VALUE) if entry.text(_KEY) == "value" else None
        tensor = value.first(_TENSOR) if value is not None else None
        for field in tensor.fields() if tensor is not None else ():
            if field.number == _CONTENT:
                return field.start, field.end
    return None


def _tensors(graph: Any) -> Iterator[Any]:
    """The constants of a graph and of the graphs inside it."""
    yield from graph.initializer
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
        for inner in graphs_in(node):
            yield from _tensors(inner)
