"""Large models in little memory.

Shapes are inferred, and a graph is checked, on a copy that has large weights as inputs.

tf2onnx copies the whole graph before each pass of its optimizer, to have it where one fails. None
does that it is known for, so one copy is made for all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from littoral_converters.stand_ins import stand_ins

LARGE = 1024
"""Elements from which a constant is a weight: shapes and axes are far smaller."""


@contextmanager
def copied_once() -> Iterator[None]:
    """Optimize a graph in place, and a copy pass by pass where that fails, while this lasts."""
    from tf2onnx import optimizer

    optimize = optimizer.optimize_graph

    def optimized(graph: Any, catch_errors: bool = True, optimizers: Any = None) -> Any:
        spare = copy.deepcopy(graph)
        try:
            return optimize(graph, False, optimizers)
        except Exception:
            return optimize(spare, catch_errors, optimizers)

    with stand_ins() as put:
        put(optimizer, "optimize_graph", optimized)
        yield


def inferred(model: Any) -> list[Any]:
    """What is known of the shapes of a graph's tensors, but for its constants.

    Args:
        model: A ModelProto; it stays as it is.

    Returns:
        ValueInfoProto of what is between, the inputs, the outputs.
    """
    import onnx

    constants = {tensor.name for tensor in model.graph.initializer}
    graph = onnx.shape_inference.infer_shapes(without_weights(model)).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return [value for value in values if value.name not in constants]


def without_weights(model: Any) -> Any:
    """A copy of a model whose large constants are inputs of their shape.

    Args:
        model: A ModelProto; it stays as it is.
    """
    import onnx

    copy = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    copy.functions.extend(model.functions)
    graph, source = copy.graph, model.graph
    graph.name = source.name
    for field in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(graph, field).extend(getattr(source, field))
    known = {value.name for value in source.input}
    for tensor in source.initializer:
        if prod(tensor.dims) < LARGE:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            kind, shape = tensor.data_type, list(tensor.dims)
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, kind, shape))
    return copy


def drop_unused(graph: Any, used: Container[str]) -> None:
    """Take out the constants that nothing reads. Those that stay are not copied.

    Args:
        graph: A GraphProto.
        used: Names that are read.
    """
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]
