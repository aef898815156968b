"""From the ranges of a float .tflite's activations to scales and zero points of integers.

1. Operators that only move values tie the scales of their tensors together; those of LOGISTIC,
   TANH and SOFTMAX are given. A group whose operators give one and the same scale takes that.
2. Operators that share weights tie their inputs, so that they share a bias too.
3. An output that is all but constant gets no finer steps than kernels take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.schemes._tflite_calibration import Range
from littoral_converters.schemes._tflite_integers import Scale, Subject
from littoral_converters.schemes._tflite_ties import Ties
from littoral_converters.schemes._tflite_weights import WEIGHTED
from littoral_converters.trees.tflite import OP

_FINEST = 128
"""Into so many parts an output may cut the step that its operator sums in; kernels refuse 256."""

_HIGHEST = 2**30
"""Kernels refuse a bound of an output that is more steps than an int32 holds."""

_PRODUCTS = {OP.MUL, OP.BATCH_MATMUL, OP.SQUARED_DIFFERENCE}
_SUMS = {OP.ADD, OP.SUB, OP.MEAN, OP.SUM}


def scales_of(subject: Subject, ranges: Mapping[int, Range]) -> dict[int, Scale]:
    """Scale and zero point of every activation.

    Args:
        subject: The float graph.
        ranges: By tensor, constants among the activations too.
    """
    groups = _tied(subject, ranges).groups()
    given = _given(subject)
    moved = {int(i) for op in subject.main.operators if subject.moves(op) for i in op.outputs}
    scales: dict[int, Scale] = {}
    for members in groups:
        wanted = {given.get(index) for index in members if index not in moved}
        common = next(iter(wanted)) if len(wanted) == 1 else None
        if common is None:
            low = min(ranges[index][0] for index in members)
            high = max(ranges[index][1] for index in members)
            common = subject.width.affine(low, high)
        scales.update(dict.fromkeys(members, common))
    _coarsen(subject, scales, groups)
    return scales


def _tied(subject: Subject, ranges: Mapping[int, Range]) -> Ties:
    """The tensors that must share a scale."""
    ties = Ties(ranges)
    first_data: dict[int, int] = {}
    for operator in subject.main.operators:
        kind = WEIGHTED.get(subject.code(operator))
        if kind is not None and subject.is_float(operator):
            data = int(operator.inputs[kind.data])
            ties.tie(first_data.setdefault(int(operator.inputs[kind.weights]), data), data)
        elif subject.moves(operator):
            ties.tie(*subject.activations(operator))
    return ties


def _given(subject: Subject) -> dict[int, Scale]:
    """Outputs whose scale their operator's specification gives."""
    each = ((int(op.outputs[0]), subject.fixed(op)) for op in subject.main.operators)
    return {index: fixed for index, fixed in each if fixed is not None}


def _coarsen(subject: Subject, scales: dict[int, Scale], groups: list[list[int]]) -> None:
    """Leave no scale finer than the kernel of the operator whose output has it takes, in place."""
    group_of = {index: group for group in groups for index in group}
    for operator in subject.main.operators:
        index = int(operator.outputs[0])
        least = max(_step(subject, operator, scales) / _FINEST, _bound(operator) / _HIGHEST)
        if index in scales and scales[index][0] < least:
            scales.update(dict.fromkeys(group_of[index], (least, scales[index][1])))


def _step(subject: Subject, operator: Any, scales: Mapping[int, Scale]) -> float:
    """What an operator's sums are multiples of; 0 where it does not sum."""
    code = subject.code(operator)
    steps = [scales[index][0] for index in map(int, operator.inputs) if index in scales]
    if code in WEIGHTED and steps:
        weights = subject.values(int(operator.inputs[WEIGHTED[code].weights]))
        return math.prod(steps if weights is None else [steps[0], np.abs(weights).max() / 127])
    if code in _PRODUCTS:
        return math.prod(steps)
    return max(steps, default=0.0) if code in _SUMS else 0.0


def _bound(operator: Any) -> float:
    """Where an operator's activation ends; 0 where it has none that does."""
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", None)
    return 6.0 if fused == schema.ActivationFunctionType.RELU6 else 0.0
