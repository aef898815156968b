"""int4 weights in a .tflite: one symmetric scale per output channel, two weights in a byte."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.schemes import NOTHING, KeepFloat
from littoral_converters.schemes._int4 import nibbles, quantize
from littoral_converters.schemes._tflite_weights import (
    has_float_weights,
    kind_of,
    make_dynamic,
    parameters,
    restore,
)
from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_tensor,
    code_of,
    constant,
    name_of,
    raise_version,
)

MIN_ELEMENTS = 8192
"""Smaller weights become int8: they weigh little, and are often the ones that matter most."""

_PRODUCT, _RESTORE = 12, 6
"""Versions of FULLY_CONNECTED and DEQUANTIZE that take int4."""


def make_int4(model: Any, keep_float: KeepFloat = NOTHING) -> None:
    """Store weights as int4, in place; activations stay float.

    FULLY_CONNECTED reads int4 weights itself, quantizing its input at run time. The weights of
    convolutions are restored to float by a DEQUANTIZE that engines run once, when they load.

    Args:
        model: Object tree of a float .tflite.
        keep_float: Names of operators whose weights stay as they are.
    """
    for graph in model.subgraphs:
        large = [op for op in graph.operators if _is_large(model, graph, op)]
        kept = {_weights(model, op) for op in large if name_of(graph, op) in keep_float}
        chosen = [op for op in large if _weights(model, op) not in kept]
        stored: dict[int, int] = {}
        restored: dict[int, int] = {}
        for operator in chosen:
            kind = kind_of(model, operator)
            weights = _weights(model, operator)
            if weights not in stored:
                stored[weights] = _store(model, graph, weights, kind.channel_axis)
            now = stored[weights]
            if code_of(model, operator) == OP.FULLY_CONNECTED:
                operator.builtinOptions.asymmetricQuantizeInputs = True
                raise_version(model, operator, _PRODUCT)
            else:
                if now not in restored:
                    restored[now] = restore(model, graph, now, _RESTORE)
                now = restored[now]
            inputs = list(operator.inputs)
            inputs[kind.weights] = now
            operator.inputs = inputs
    make_dynamic(model, keep_float)


def _weights(model: Any, operator: Any) -> int:
    """The tensor that holds an operator's weights."""
    return int(operator.inputs[kind_of(model, operator).weights])


def _is_large(model: Any, graph: Any, operator: Any) -> bool:
    if not has_float_weights(model, graph, operator):
        return False
    shape = graph.tensors[_weights(model, operator)].shape
    return bool(np.prod(shape) >= MIN_ELEMENTS)


def _store(model: Any, graph: Any, index: int, axis: int) -> int:
    tensor = graph.tensors[index]
    values = constant(model, tensor)
    assert values is not None
    columns = np.moveaxis(values, axis, -1)
    quanta, scales = quantize(columns.reshape(-1, columns.shape[-1]))
    shaped = np.moveaxis(quanta.reshape(columns.shape), -1, axis)
    added = add_tensor(
        graph,
        tensor.name + b"_int4",
        tensor.shape,
        schema.TensorType.INT4,
        add_buffer(model, nibbles(shaped)),
    )
    zeros = np.zeros(len(scales), np.int64)
    graph.tensors[added].quantization = parameters(scales, zeros, axis)
    return added
