"""Take out of an .onnx the reshapes between matrix products over sequences.

Each product folds the axes in front of the features into rows and unfolds them behind. What stands
between two products (a residual addition, an activation, a normalization) works on rows as well,
so unfolding is moved behind it until it meets the next folding, and both vanish.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
import onnx

from littoral_converters.trees.onnx import graphs_in, inferred, replace_nodes

UNARY = frozenset({"Erf", "Exp", "Neg", "Relu", "Sigmoid", "Tanh", "Sqrt", "Elu", "LeakyRelu"})
BINARY = frozenset({"Add", "Div", "Mul", "Sub"})
LAST_AXIS = frozenset({"LayerNormalization", "Softmax"})
"""Operators that work on the last axis alone when their attribute says so."""

Shape = tuple[int, ...]


def simplify(model: Any) -> None:
    """Move and merge reshapes in place. Graphs inside loops are left as they are.

    Args:
        model: A ModelProto with static shapes where anything is to be gained.
    """
    _Graph(model).rewrite()


class _Graph:
    """The main graph with its shapes and constants by name."""

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.shapes: dict[str, Shape] = {
            value.name: shape for value in inferred(model) if (shape := _static(value)) is not None
        }
        self.makers: dict[str, Any] = {}
        self.outputs = {value.name for value in self.graph.output}

    def rewrite(self) -> None:
        nodes: list[Any] = []
        for node in self.graph.node:
            for new in self._rewritten(node):
                nodes.append(new)
                self.makers.update(dict.fromkeys(new.output, new))
        _keep_needed(self.graph, nodes)

    def _rewritten(self, node: Any) -> list[Any]:
        if node.op_type == "Reshape":
            return self._merged(node)
        rows = self._rows(node)
        return [node] if rows is None else self._sunk(node, rows)

    def _merged(self, node: Any) -> list[Any]:
        """A reshape of a reshape as one; none at all when it ends where it began."""
        maker = self.makers.get(node.input[0])
        target = self._values(node.input[1])
        absolute = target is not None and bool(np.all(target != 0))
        if maker is not None and maker.op_type == "Reshape" and absolute:
            node.input[0] = maker.input[0]
        before, after = self.shapes.get(node.input[0]), self.shapes.get(node.output[0])
        if before is not None and before == after and node.output[0] not in self.outputs:
            node = onnx.helper.make_node("Identity", [node.input[0]], list(node.output))
        return [node]

    def _rows(self, node: Any) -> tuple[Shape, Shape] | None:
        """(unfolded, folded) shape of a node that could work on rows; None if it cannot."""
        if len(node.output) != 1 or not _is_rowwise(node):
            return None
        after = self.shapes.get(node.output[0])
        folded = [self._folded(name) for name in self._data(node)]
        shapes = {self.shapes[maker.input[0]] for maker in folded if maker is not None}
        if after is None or len(after) < 3 or len(shapes) != 1:
            return None
        (rows,) = shapes
        fits = len(rows) == 2 and rows[1] == after[-1] and prod(rows) == prod(after)
        known = all(
            self.shapes[name] == after
            if maker is not None
            else self._as_rows(name, after) is not None
            for name, maker in zip(self._data(node), folded, strict=True)
        )
        return (after, rows) if fits and known else None

    def _data(self, node: Any) -> list[str]:
        return list(node.input[:1] if node.op_type in LAST_AXIS else node.input)

    def _folded(self, name: str) -> Any:
        """The reshape that unfolded a tensor from rows, or None."""
        maker = self.makers.get(name)
        if maker is None or maker.op_type != "Reshape":
            return None
        before = self.shapes.get(maker.input[0])
        return maker if before is not None and len(before) == 2 and name in self.shapes else None

    def _as_rows(self, name: str, after: Shape) -> Any:
        """A constant operand in the shape that it has against rows; None if it has none."""
        values = self._values(name)
        if values is None:
            return None
        if values.size == 1:
            return values.reshape(())
        if values.shape[-1] == after[-1] and values.size == after[-1]:
            return values.reshape(-1)
        return values.reshape(-1, after[-1]) if values.size == prod(after) else None

    def _sunk(self, node: Any, shapes: tuple[Shape, Shape]) -> list[Any]:
        """The node on rows, and the reshape behind it."""
        after, rows = shapes
        (output,) = node.output
        for position, name in enumerate(self._data(node)):
            maker = self._folded(name)
            node.input[position] = (
                maker.input[0]
                if maker is not None
                else self._constant(f"{name}__rows", self._as_rows(name, after))
            )
        for attribute in node.attribute:
            if attribute.name == "axis":
                attribute.i = -1
        node.output[0] = f"{output}__rows"
        self.shapes[node.output[0]] = rows
        target = self._constant(f"{output}__shape", np.array(after, np.int64))
        return [node, onnx.helper.make_node("Reshape", [node.output[0], target], [output])]

    def _constant(self, name: str, values: Any) -> str:
        if name not in self.constants:
            self.constants[name] = onnx.numpy_helper.from_array(values, name)
            self.graph.initializer.append(self.constants[name])
        return name

    def _values(self, name: str) -> Any:
        """A constant as an array; None for anything else."""
        tensor = self.constants.get(name)
        return None if tensor is None else onnx.numpy_helper.to_array(tensor)


def _is_rowwise(node: Any) -> bool:
    if node.op_type in LAST_AXIS:
        return any(entry.name == "axis" and entry.i == -1 for entry in node.attribute)
    return node.op_type in UNARY or node.op_type in BINARY


def _static(value: Any) -> Shape | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    dimensions = kind.shape.dim
    if not all(dimension.HasField("dim_value") for dimension in dimensions):
        return None
    return tuple(dimension.dim_value for dimension in dimensions)


def _keep_needed(graph: Any, nodes: list[Any]) -> None:
    """Make these the graph's nodes, without identities and what nothing reads any more."""
    same: dict[str, str] = {}
    outputs = {value.name for value in graph.output}
    kept = []
    for node in nodes:
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            same[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    needed = set(outputs)
    alive = []
    for node in reversed(kept):
        if needed & set(node.output):
            alive.append(node)
            needed.update(node.input)
            needed.update(_inner_reads(node, same))
    replace_nodes(graph, reversed(alive))


def _inner_reads(node: Any, same: dict[str, str]) -> Iterable[str]:
    """Names that the graphs inside a node read, with identities taken out of them in place."""
    names: set[str] = set()
    for graph in graphs_in(node):
        for inner in graph.node:
            inner.input[:] = [same.get(name, name) for name in inner.input]
            names.update(inner.input)
            names.update(_inner_reads(inner, same))
        for value in graph.output:
            value.name = same.get(value.name, value.name)
            names.add(value.name)
    return names
