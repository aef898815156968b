"""Large models in little memory.

Shapes are inferred, and a graph is checked, on a copy that has large weights as inputs.

Every pass of tf2onnx's optimizer works on a copy of the whole graph. The copies hold on to
themselves in circles, and Python looks for such circles by the number of objects, not by their
size: a graph of a few dozen operators with 500 MB of weights is copied dozens of times before the
first copy is given back. So they are looked for before each pass, among the objects that are new
since the conversion began.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

LARGE = 1024
"""Elements from which a constant is a weight: shapes and axes are far smaller."""


@contextmanager
def frugal() -> Iterator[None]:
    """Give the memory of each pass back before the next one, while this lasts."""
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    optimize = GraphOptimizerBase.optimize

    def collected(self: Any, graph: Any, iteration: int) -> Any:
        gc.collect()
        return optimize(self, graph, iteration)

    GraphOptimizerBase.optimize = collected
    gc.freeze()
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = optimize
        gc.unfreeze()


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
