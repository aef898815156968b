"""Put the padding of steps right in front of the convolution that reads it.

TensorFlow pads (batch, steps, channels), as a causal convolution and ZeroPadding1D do, and then
adds an axis for its convolution of two dimensions. XNNPACK takes a PAD into the convolution behind
it, but not past that axis: four causal layers over 128 steps took 1.5 times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import (
    OP,
    add_constant,
    add_tensor,
    code_of,
    integers,
    links,
    new_operator,
    shape_signature,
    sole_reader,
)


def pad_last(model: Any) -> None:
    """Exchange every PAD of three axes and what adds one behind the batch, in place.

    Args:
        model: Object tree of a float32 .tflite; its inputs and outputs keep their values.
    """
    for graph in model.subgraphs:
        _, readers = links(graph)
        for at, operator in enumerate(graph.operators):
            place = _widened(model, graph, operator, readers)
            if place is not None:
                exchanged = _exchanged(model, graph, operator, graph.operators[place])
                graph.operators[at], graph.operators[place] = exchanged


def _widened(
    model: Any, graph: Any, operator: Any, readers: Mapping[int, Sequence[int]]
) -> int | None:
    """Where an operator stands that alone reads a PAD, and adds an axis; None where none does."""
    if code_of(model, operator) != OP.PAD:
        return None
    padded = int(operator.outputs[0])
    place = sole_reader(graph, readers, padded)
    if place is None:
        return None
    reader = graph.operators[place]
    if code_of(model, reader) not in (OP.RESHAPE, OP.EXPAND_DIMS):
        return None
    ends = graph.tensors[padded], graph.tensors[reader.outputs[0]]
    shape, wide = ([int(size) for size in tensor.shape] for tensor in ends)
    is_known = all(-1 not in shape_signature(tensor)[1:] for tensor in ends)
    counts = integers(model, graph.tensors[operator.inputs[1]])
    is_added = len(shape) == 3 and wide == [shape[0], 1, *shape[1:]]
    return place if is_added and is_known and counts is not None and not any(counts[:2]) else None


def _exchanged(model: Any, graph: Any, pad: Any, widening: Any) -> tuple[Any, Any]:
    """The axis added to what is not padded yet, and the padding of the result."""
    source, counts = graph.tensors[pad.inputs[0]], integers(model, graph.tensors[pad.inputs[1]])
    batch, *sizes = (int(size) for size in source.shape)
    name = graph.tensors[pad.outputs[0]].name
    wide = add_tensor(graph, name, [batch, 1, *sizes], source.type)
    options = schema.ReshapeOptionsT()
    options.newShape = [shape_signature(source)[0], 1, *sizes]
    if options.newShape[0] < 0:
        graph.tensors[wide].shapeSignature = list(options.newShape)
    shape = add_constant(model, graph, np.array(options.newShape, np.int32))
    table = np.insert(np.array(counts, np.int32).reshape(3, 2), 1, 0, axis=0)
    given = [wide, add_constant(model, graph, table)]
    return (
        new_operator(model, OP.RESHAPE, options, [int(pad.inputs[0]), shape], [wide]),
        new_operator(model, OP.PAD, schema.PadOptionsT(), given, list(widening.outputs)),
    )
