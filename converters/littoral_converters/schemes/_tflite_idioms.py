"""Float operators of a .tflite in words that have an integer form."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_tensor,
    code_of,
    constant,
    opcode,
)


def rewrite(model: Any, graph: Any) -> None:
    """Rewrite a subgraph in place.

    - NEG(x) becomes MUL(x, -1), SQUARE(x) becomes MUL(x, x);
    - DIV(x, constant) becomes MUL(x, 1 / constant);
    - CAST of a boolean becomes a choice between 1 and 0.

    Args:
        model: Object tree of a float .tflite.
        graph: One of its subgraphs.
    """
    for operator in graph.operators:
        code = code_of(model, operator)
        first = (
            int(operator.inputs[0]) if operator.inputs is not None and len(operator.inputs) else -1
        )
        if code == OP.CAST and _casts_boolean(graph, operator):
            _make_choice(model, graph, operator)
        if first < 0 or graph.tensors[first].type != schema.TensorType.FLOAT32:
            continue
        if code == OP.NEG:
            _make_product(model, operator, float_constant(model, graph, np.float32(-1)))
        elif code == OP.SQUARE:
            _make_product(model, operator, first)
        elif code == OP.DIV:
            divisor = constant(model, graph.tensors[int(operator.inputs[1])])
            if divisor is not None and divisor.all():
                activation = operator.builtinOptions.fusedActivationFunction
                inverse = (1 / divisor).astype(np.float32)
                _make_product(model, operator, float_constant(model, graph, inverse), activation)


def _casts_boolean(graph: Any, operator: Any) -> bool:
    source, target = graph.tensors[int(operator.inputs[0])], graph.tensors[int(operator.outputs[0])]
    kinds = source.type, target.type
    return bool(kinds == (schema.TensorType.BOOL, schema.TensorType.FLOAT32))


def _make_choice(model: Any, graph: Any, operator: Any) -> None:
    chosen = [float_constant(model, graph, np.float32(value)) for value in (1, 0)]
    operator.opcodeIndex = opcode(model, OP.SELECT_V2)
    operator.builtinOptionsType = schema.BuiltinOptions.SelectV2Options
    operator.builtinOptions = schema.SelectV2OptionsT()
    operator.inputs = [int(operator.inputs[0]), *chosen]


def _make_product(model: Any, operator: Any, other: int, activation: int = 0) -> None:
    options = schema.MulOptionsT()
    options.fusedActivationFunction = activation
    operator.opcodeIndex = opcode(model, OP.MUL)
    operator.builtinOptionsType = schema.BuiltinOptions.MulOptions
    operator.builtinOptions = options
    operator.inputs = [int(operator.inputs[0]), other]


def float_constant(model: Any, graph: Any, values: Any) -> int:
    """Add a float32 constant to a subgraph and return its index."""
    shape = list(np.shape(values)) or [1]
    buffer = add_buffer(model, np.asarray(values, np.float32))
    return add_tensor(graph, b"constant", shape, schema.TensorType.FLOAT32, buffer)
