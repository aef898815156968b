"""float32 constants of a .tflite as float16 with DEQUANTIZE in front."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import OP, add_like, conversion, parse, serialize


def halve(content: bytes, min_elements: int) -> bytes:
    """Store every float32 constant of at least `min_elements` elements as float16.

    Args:
        content: A float32 .tflite.
        min_elements: Smaller constants are left alone.

    Returns:
        The file with float16 constants; values beyond float16's range stay float32.
    """
    model = parse(content)
    chosen = {
        index: half
        for index, buffer in enumerate(model.buffers)
        if (half := _half(model, index, buffer, min_elements)) is not None
    }
    for graph in model.subgraphs:
        _dequantize(model, graph, chosen)
    for index, half in chosen.items():
        model.buffers[index].data = np.frombuffer(half.tobytes(), np.uint8)
    return serialize(model)


def _half(model: Any, index: int, buffer: Any, min_elements: int) -> Any:
    users = [t for g in model.subgraphs for t in g.tensors if t.buffer == index]
    if buffer.data is None or not users:
        return None
    if any(t.type != schema.TensorType.FLOAT32 or t.isVariable for t in users):
        return None
    values = np.frombuffer(bytes(buffer.data), np.float32)
    if values.size < min_elements or np.abs(values).max() > np.finfo(np.float16).max:
        return None
    return values.astype(np.float16)


def _dequantize(model: Any, graph: Any, chosen: dict[int, Any]) -> None:
    """In one subgraph, feed each halved constant through DEQUANTIZE to those who read it.

    What nobody reads any more, as weights that gave way to centered ones, is dropped with the file.
    """
    restored: dict[int, int] = {}
    operators = []
    outputs = {int(index) for index in graph.outputs}
    read = {int(index) for operator in graph.operators for index in operator.inputs}
    for index, tensor in enumerate(list(graph.tensors)):
        if tensor.buffer not in chosen or index in outputs:
            continue
        tensor.type = schema.TensorType.FLOAT16
        if index not in read:
            continue
        restored[index] = add_like(graph, index, b"_float32", schema.TensorType.FLOAT32)
        operators.append(conversion(model, OP.DEQUANTIZE, 2, index, restored[index]))
    for operator in graph.operators:
        operator.inputs = [restored.get(int(index), int(index)) for index in operator.inputs]
    graph.operators = [*operators, *graph.operators]
