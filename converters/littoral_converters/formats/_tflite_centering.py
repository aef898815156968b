"""Take the mean out of what normalizations read by their weights, not at every run.

A LayerNormalization first subtracts the mean over the channels. Where what it reads is a sum of
products with constant weights, as the residual stream of a Transformer is, the weights' own mean
over their output channels can be subtracted once, here: then every sum of them has no mean, and two
operators of each normalization are gone. Nothing else may read the stream, as its values change.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_tensor,
    code_of,
    constant,
    integers,
    links,
)

_WEIGHTED = {
    OP.FULLY_CONNECTED: {1: 0, 2: 0},
    OP.CONV_2D: {1: 0, 2: 0},
    OP.GATHER: {0: 1},
}
"""Operators whose output is a sum of constants: by position of these, the weights first, the axis
of the output channels."""


class _Graph:
    """A subgraph, with who makes and who reads each tensor."""

    def __init__(self, model: Any, graph: Any) -> None:
        self.model, self.graph = model, graph
        self._makers, self._readers = links(graph)

    def maker(self, index: int) -> Any:
        """The operator that makes a tensor; None for an input or a constant."""
        at = self._makers.get(index)
        return None if at is None else self.graph.operators[at]

    def readers(self, index: int) -> list[Any]:
        """The operators that read a tensor."""
        return [self.graph.operators[at] for at in self._readers.get(index, ())]

    def kind(self, operator: Any) -> int:
        return code_of(self.model, operator)

    def values(self, index: int) -> Any:
        """A float32 constant; None for anything else."""
        return None if index in self._makers else constant(self.model, self.graph.tensors[index])

    def own_values(self, index: int) -> Any:
        """A float32 constant that one operator reads; None where a change would make it two."""
        return self.values(index) if len(self.readers(index)) == 1 else None

    def integers(self, index: int) -> list[int] | None:
        """A constant of int32, such as axes; None for anything else."""
        made = index in self._makers
        return None if made else integers(self.model, self.graph.tensors[index])

    def width(self, index: int) -> int:
        """Size of the last axis; 0 for a scalar."""
        shape = self.graph.tensors[index].shape
        return int(shape[-1]) if shape is not None and len(shape) else 0


def center(model: Any) -> None:
    """Center the weights in front of normalizations, in place.

    Args:
        model: Object tree of a float32 .tflite; its inputs and outputs keep their values.
    """
    for graph in model.subgraphs:
        whole = _Graph(model, graph)
        subtractions = _subtractions(whole)
        done: set[int] = set()
        gone: set[int] = set()
        for stream in subtractions:
            if stream in done:
                continue
            members = _members(whole, stream, subtractions) or set()
            done |= members
            for member in members:
                _center_maker(whole, member, members)
                for mean, subtraction in subtractions.get(member, ()):
                    centered = int(subtraction.outputs[0])
                    for reader in whole.readers(centered):
                        _read_instead(reader, centered, member)
                    gone.update((id(mean), id(subtraction)))
        graph.operators = [one for one in graph.operators if id(one) not in gone]


def _subtractions(whole: _Graph) -> dict[int, list[tuple[Any, Any]]]:
    """By tensor the pairs of MEAN and SUB that take its mean over the last axis out of it."""
    found: dict[int, list[tuple[Any, Any]]] = defaultdict(list)
    outputs = {int(index) for index in whole.graph.outputs}
    for operator in whole.graph.operators:
        if whole.kind(operator) != OP.MEAN or not operator.builtinOptions.keepDims:
            continue
        source, axes = (int(index) for index in operator.inputs)
        rank = len(whole.graph.tensors[source].shape)
        readers = whole.readers(int(operator.outputs[0]))
        if whole.integers(axes) not in ([-1], [rank - 1]) or len(readers) != 1:
            continue
        (reader,) = readers
        given = [source, int(operator.outputs[0])]
        is_plain = whole.kind(reader) == OP.SUB and list(map(int, reader.inputs)) == given
        if is_plain and not _activates(reader) and int(reader.outputs[0]) not in outputs:
            found[source].append((operator, reader))
    return found


def _members(
    whole: _Graph, stream: int, subtractions: dict[int, list[tuple[Any, Any]]]
) -> set[int] | None:
    """All tensors that change when one is to have no mean; None where one of them must not."""
    fixed = {int(index) for index in (*whole.graph.inputs, *whole.graph.outputs)}
    members: set[int] = set()
    open_ones = [stream]
    while open_ones:
        index = open_ones.pop()
        if index in members:
            continue
        members.add(index)
        sources = _sources(whole, index)
        if index in fixed or sources is None or whole.width(index) != whole.width(stream):
            return None
        open_ones += sources
        normalizing = {id(one) for pair in subtractions.get(index, ()) for one in pair}
        for reader in whole.readers(index) if whole.maker(index) else ():
            if id(reader) not in normalizing:
                carried = _carried(whole, reader)
                if carried is None or index not in carried:
                    return None
                open_ones.append(int(reader.outputs[0]))
    return members


def _sources(whole: _Graph, index: int) -> list[int] | None:
    """What must have no mean for a tensor to have none; None where it cannot be given that."""
    operator = whole.maker(index)
    if operator is None:
        return None if whole.values(index) is None else []
    constants = _constants(whole, operator)
    if not constants:
        return _carried(whole, operator)
    weights, *biases = (index for index, _ in constants)
    known = whole.own_values(weights) is not None
    known &= all(whole.values(bias) is not None for bias in biases)
    if whole.kind(operator) == OP.GATHER:
        options = operator.builtinOptions
        is_table = options.axis == 0 and not options.batchDims
        return [] if known and is_table and len(whole.graph.tensors[weights].shape) == 2 else None
    return [] if known and not _activates(operator) else None


def _constants(whole: _Graph, operator: Any) -> list[tuple[int, int]]:
    """Weights and bias of an operator, each with the axis of its channels; else nothing."""
    inputs = [int(index) for index in operator.inputs]
    places = _WEIGHTED.get(whole.kind(operator), {}).items()
    return [(inputs[at], axis) for at, axis in places if at < len(inputs) and inputs[at] >= 0]


def _carried(whole: _Graph, operator: Any) -> list[int] | None:
    """Inputs of an operator whose output has no mean if they have none; None for another kind."""
    kind, inputs = whole.kind(operator), [int(index) for index in operator.inputs]
    if kind in (OP.ADD, OP.SUB):
        return None if _activates(operator) else inputs
    if kind == OP.MUL and not _activates(operator):
        return next(
            (
                [data]
                for data, factor in (inputs, inputs[::-1])
                if whole.values(factor) is not None and whole.values(factor).size == 1
            ),
            None,
        )
    if kind == OP.RESHAPE:
        keeps = whole.width(inputs[0]) == whole.width(int(operator.outputs[0]))
        return inputs[:1] if keeps else None
    if kind == OP.TRANSPOSE:
        order = whole.integers(inputs[1])
        return inputs[:1] if order and order[-1] == len(order) - 1 else None
    return None


def _activates(operator: Any) -> bool:
    return bool(operator.builtinOptions.fusedActivationFunction)


def _center_maker(whole: _Graph, index: int, members: set[int]) -> None:
    """Center the constants that a member is made of; one that is a sum of members has none."""
    operator = whole.maker(index)
    if operator is None:
        centered = _added(whole, index, _centered(whole.values(index), -1))
        for reader in whole.readers(index):
            if any(int(output) in members for output in reader.outputs):
                _read_instead(reader, index, centered)
        return
    for given, axis in _constants(whole, operator):
        _read_instead(operator, given, _added(whole, given, _centered(whole.values(given), axis)))


def _centered(values: Any, axis: int) -> Any:
    exact = values.astype(np.float64)
    return (exact - exact.mean(axis=axis, keepdims=True)).astype(np.float32)


def _added(whole: _Graph, index: int, values: Any) -> int:
    """Other values for a constant, which others may read as it is."""
    tensor = whole.graph.tensors[index]
    buffer = add_buffer(whole.model, values)
    return add_tensor(whole.graph, tensor.name, tensor.shape, tensor.type, buffer)


def _read_instead(reader: Any, old: int, new: int) -> None:
    reader.inputs = [new if int(one) == old else one for one in reader.inputs]
