"""What int16 kernels lack or compute roughly, in operators that they compute exactly.

They have no SUM, SQUARED_DIFFERENCE, HARD_SWISH, ELU or PRELU. RSQRT and LOG they look up in a
table of 512 pieces over all that an int16 holds, straight in between: below a hundredth of the
range, where a normalization's variance often lies, they are off by any factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.schemes._tflite_idioms import float_constant
from littoral_converters.schemes._tflite_weights import parameters
from littoral_converters.trees.tflite import (
    OP,
    add_like,
    code_of,
    conversion,
    new_operator,
    raise_version,
    shape_signature,
)

_STEPS_OF_MINIMUM = 4
_STEEP = {OP.RSQRT: OP.MINIMUM, OP.LOG: OP.MAXIMUM}
"""Operators with a table, and which of two tables' answers is the closer one: between the points of
a table the straight line is above a convex function and below a concave one."""

_FINER = 32
"""By how much the second table's steps are finer. It covers the first 8 pieces of the other, whose
error from there on is under 0.2%; its own is, from 32 steps of an int16 on."""

_OPTIONS = {
    OP.ADD: schema.AddOptionsT,
    OP.SUB: schema.SubOptionsT,
    OP.MUL: schema.MulOptionsT,
    OP.MINIMUM: schema.MaximumMinimumOptionsT,
    OP.MAXIMUM: schema.MaximumMinimumOptionsT,
    OP.MEAN: schema.ReducerOptionsT,
    OP.EXP: schema.ExpOptionsT,
}


class _Writer:
    """Operators in place of one; what they make has the shape of what that one makes."""

    def __init__(self, model: Any, graph: Any, replaced: Any) -> None:
        self.model, self.graph, self.replaced = model, graph, replaced
        self.operators: list[Any] = []

    def __call__(self, code: int, *inputs: int, activation: int = 0) -> int:
        made = add_like(
            self.graph, int(self.replaced.outputs[0]), b"_part", schema.TensorType.FLOAT32
        )
        operator = _operator(self.model, code, list(inputs), made)
        if activation:
            operator.builtinOptions.fusedActivationFunction = activation
        self.operators.append(operator)
        return made

    def number(self, value: float) -> int:
        return float_constant(self.model, self.graph, np.float32(value))


def spell_out(model: Any, graph: Any) -> None:
    """Write operators that have no int16 form as some that have, in place.

    ADD and SUB are told that scales may be any: kernels that find powers of two refuse some.

    Args:
        model: Object tree of a float .tflite.
        graph: One of its subgraphs.
    """
    operators: list[Any] = []
    for operator in graph.operators:
        spelled = _SPELLED.get(code_of(model, operator))
        writer = _Writer(model, graph, operator)
        if spelled is not None and _is_float(graph, operator):
            spelled(writer, *(int(index) for index in operator.inputs))
        if writer.operators:
            writer.operators[-1].outputs = operator.outputs
        operators.extend(writer.operators or [operator])
    for operator in operators:
        if hasattr(operator.builtinOptions, "potScaleInt16"):
            operator.builtinOptions.potScaleInt16 = False
    graph.operators = operators


def refined(
    model: Any, graph: Any, operator: Any, scales: Mapping[int, tuple[float, int]]
) -> list[Any]:
    """A quantized operator whose table is too coarse near 0, joined by a finer one that ends early.

    Args:
        model: Object tree of a .tflite.
        graph: One of its subgraphs.
        operator: Any operator on int16.
        scales: Scale and zero point by tensor.

    Returns:
        Operators in the order of computing; the last one writes what the operator wrote.
    """
    closer = _STEEP.get(code_of(model, operator))
    if closer is None:
        return [operator]
    source, target = int(operator.inputs[0]), int(operator.outputs[0])

    def like(index: int, scale: float) -> int:
        added = add_like(graph, index, b"_fine", schema.TensorType.INT16)
        graph.tensors[added].quantization = parameters(scale, 0)
        return added

    scale, wanted = scales[source][0], scales[target][0]
    fine, near, far = like(source, scale / _FINER), like(target, wanted), like(target, wanted)
    code = code_of(model, operator)
    operator.outputs = [far]
    again = _operator(model, code, [fine], near)
    chosen = _operator(model, closer, [near, far], target)
    raise_version(model, chosen, _STEPS_OF_MINIMUM)
    return [conversion(model, OP.QUANTIZE, 2, source, fine), operator, again, chosen]


def _sum(write: _Writer, x: int, axes: int) -> None:
    source, target = write.graph.tensors[x], write.graph.tensors[write.replaced.outputs[0]]
    if shape_signature(source).count(-1) != shape_signature(target).count(-1):
        return
    count = float(np.prod(source.shape) / np.prod(target.shape))
    mean = write(OP.MEAN, x, axes)
    write.operators[-1].builtinOptions.keepDims = write.replaced.builtinOptions.keepDims
    write(OP.MUL, mean, write.number(count))


def _squared_difference(write: _Writer, x: int, y: int) -> None:
    difference = write(OP.SUB, x, y)
    write(OP.MUL, difference, difference)


def _hard_swish(write: _Writer, x: int) -> None:
    six = schema.ActivationFunctionType.RELU6
    gate = write(OP.ADD, x, write.number(3), activation=six)
    write(OP.MUL, x, write(OP.MUL, gate, write.number(1 / 6)))


def _elu(write: _Writer, x: int) -> None:
    above = write(OP.RELU, x)
    below = write(OP.EXP, write(OP.MINIMUM, x, write.number(0)))
    write(OP.ADD, above, write(OP.SUB, below, write.number(1)))


def _prelu(write: _Writer, x: int, slope: int) -> None:
    above = write(OP.RELU, x)
    below = write(OP.MINIMUM, x, write.number(0))
    write(OP.ADD, above, write(OP.MUL, below, slope))


_SPELLED: dict[int, Callable[..., None]] = {
    OP.SUM: _sum,
    OP.SQUARED_DIFFERENCE: _squared_difference,
    OP.HARD_SWISH: _hard_swish,
    OP.ELU: _elu,
    OP.PRELU: _prelu,
}


def _is_float(graph: Any, operator: Any) -> bool:
    return bool(graph.tensors[operator.outputs[0]].type == schema.TensorType.FLOAT32)


def _operator(model: Any, code: int, inputs: list[int], output: int) -> Any:
    options = _OPTIONS[code]() if code in _OPTIONS else None
    return new_operator(model, code, options, inputs, [output])
