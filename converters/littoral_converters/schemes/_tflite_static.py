"""int8 activations in a .tflite, where that pays.

1. Operators with constant weights carry the work and become int8, but for convolutions whose few
   channels would leave int8 kernels half empty.
2. Operators between them (reshape, pooling, residual additions) follow when everything around
   them is int8; otherwise they stay float, and the borders get QUANTIZE and DEQUANTIZE.
3. A weight that several operators share is a recurrence written out: its operators quantize their
   input at run time, since the range of a state differs from step to step.

Ranges come from running the float file on representative data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from littoral_converters.schemes import NOTHING, KeepFloat, Samples
from littoral_converters.schemes._tflite_calibration import Range, ranges_of
from littoral_converters.schemes._tflite_ties import Ties
from littoral_converters.schemes._tflite_weights import (
    WEIGHTED,
    bias_of,
    fills_its_kernel,
    finest_steps,
    has_float_weights,
    kind_of,
    make_dynamic,
    parameters,
    store_int8,
)
from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_like,
    add_tensor,
    code_of,
    constant,
    conversion,
    links,
    name_of,
    parse,
    raise_version,
    serialize,
)

FOLLOWERS = {
    OP.ADD: 2,
    OP.AVERAGE_POOL_2D: 2,
    OP.CONCATENATION: 2,
    OP.MAX_POOL_2D: 2,
    OP.MEAN: 2,
    OP.MUL: 2,
    OP.PAD: 2,
    OP.RESHAPE: 1,
    OP.SUB: 2,
    OP.TRANSPOSE: 2,
}
"""Operators that may follow, with the version that takes int8."""

SAME_SCALE = frozenset(
    {OP.AVERAGE_POOL_2D, OP.CONCATENATION, OP.MAX_POOL_2D, OP.PAD, OP.RESHAPE, OP.TRANSPOSE}
)
"""Operators that only move values: input and output must share their scale."""

ONE_ACTIVATION = frozenset(
    {OP.AVERAGE_POOL_2D, OP.MAX_POOL_2D, OP.MEAN, OP.PAD, OP.RESHAPE, OP.TRANSPOSE}
)
"""Operators whose first input alone is an activation."""

SMALLEST_SCALE = 1e-20
"""Below, a tensor counts as zero; its products with the scales of weights stay normal numbers."""


@dataclass
class _Graph:
    """The main subgraph of a file, with who makes and who reads each tensor."""

    model: Any
    main: Any
    makers: dict[int, int] = field(init=False)
    readers: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.makers, self.readers = links(self.main)

    def code(self, at: int) -> int:
        return code_of(self.model, self.main.operators[at])

    def is_constant(self, index: int) -> bool:
        data = self.model.buffers[self.main.tensors[index].buffer].data
        return data is not None and len(data) > 0

    def activations(self, at: int) -> list[int]:
        """Float inputs of an operator that are computed, and float constants it adds to them."""
        operator, code = self.main.operators[at], self.code(at)
        if code in WEIGHTED:
            return [int(operator.inputs[WEIGHTED[code].data])]
        inputs = operator.inputs[:1] if code in ONE_ACTIVATION else operator.inputs
        return [int(index) for index in inputs]

    def outputs(self, at: int) -> list[int]:
        return [int(index) for index in self.main.operators[at].outputs]


def make_static(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """Quantize a float32 .tflite, with int8 activations where that pays and float I/O.

    Args:
        content: The float32 file.
        samples: Representative feeds by input name.
        keep_float: Names of operators that stay as they are, weights too.

    Returns:
        The quantized file.
    """
    model = parse(content)
    graph = _Graph(model, model.subgraphs[0])
    chosen = _choose(graph, keep_float)
    if chosen:
        touched = {i for at in chosen for i in (*graph.activations(at), *graph.outputs(at))}
        computed = sorted(index for index in touched if not graph.is_constant(index))
        ranges = _unified(graph, chosen, ranges_of(content, computed, samples))
        _rewrite(graph, chosen, ranges)
    make_dynamic(model, keep_float)
    return serialize(model)


def _choose(graph: _Graph, keep_float: KeepFloat) -> frozenset[int]:
    """Positions of the operators that become int8."""
    weights = Counter(
        int(op.inputs[kind_of(graph.model, op).weights])
        for op in graph.main.operators
        if has_float_weights(graph.model, graph.main, op)
    )
    able = {
        at
        for at, op in enumerate(graph.main.operators)
        if has_float_weights(graph.model, graph.main, op)
        and weights[int(op.inputs[kind_of(graph.model, op).weights])] == 1
        and name_of(graph.main, op) not in keep_float
    }
    operators = graph.main.operators
    carriers = {at for at in able if fills_its_kernel(graph.model, graph.main, operators[at])}
    followers = {
        at
        for at in range(len(graph.main.operators))
        if graph.code(at) in FOLLOWERS and _is_float(graph, at)
    }
    while True:
        chosen = carriers | followers
        strays = {at for at in followers if not _is_surrounded(graph, at, chosen, able - carriers)}
        if not strays:
            return frozenset(chosen)
        followers -= strays


def _is_float(graph: _Graph, at: int) -> bool:
    kinds = {
        graph.main.tensors[index].type for index in (*graph.activations(at), *graph.outputs(at))
    }
    return kinds == {schema.TensorType.FLOAT32}


def _is_surrounded(graph: _Graph, at: int, chosen: set[int], spared: set[int]) -> bool:
    """What it reads is int8, or made by a spared operator beside something that is int8.

    A PAD is quantized in front of what reads it, which engines take it into.
    """
    makers = [graph.makers.get(i) for i in graph.activations(at) if not graph.is_constant(i)]
    makers_fit = set(makers) <= chosen | spared and not set(makers) <= spared
    finals = {int(index) for index in graph.main.outputs}
    readers_fit = all(
        index not in finals and graph.readers[index] and set(graph.readers[index]) <= chosen
        for index in graph.outputs(at)
    )
    return readers_fit and (makers_fit or graph.code(at) == OP.PAD)


def _unified(graph: _Graph, chosen: Iterable[int], ranges: dict[int, Range]) -> dict[int, Range]:
    """Ranges with one for all tensors that operators in `SAME_SCALE` tie together."""
    ties = Ties(ranges)
    for at in chosen:
        if graph.code(at) in SAME_SCALE:
            ties.tie(*graph.activations(at), *graph.outputs(at))
    merged: dict[int, Range] = {}
    for members in ties.groups():
        lows, highs = zip(*(ranges[index] for index in members), strict=True)
        merged.update(dict.fromkeys(members, (min(lows), max(highs))))
    return merged


def _rewrite(graph: _Graph, chosen: frozenset[int], ranges: dict[int, Range]) -> None:
    """Give the chosen operators int8 tensors, and put conversions at the borders."""
    writer = _Writer(graph, ranges)
    for index in graph.main.inputs:
        writer.enter(int(index), chosen)
    for at, operator in enumerate(list(graph.main.operators)):
        results = graph.outputs(at)
        writer.operators.append(operator)
        if at in chosen:
            writer.int8_operator(at)
        for index in results:
            if at in chosen:
                writer.leave(index, chosen)
            else:
                writer.enter(index, chosen)
    graph.main.operators = writer.operators


class _Writer:
    """Collects the operators of the rewritten subgraph."""

    def __init__(self, graph: _Graph, ranges: dict[int, Range]) -> None:
        self.graph = graph
        self.ranges = ranges
        self.operators: list[Any] = []
        self._twins: dict[int, int] = {}
        self._finals = {int(index) for index in graph.main.outputs}

    def twin(self, index: int) -> int:
        """The int8 tensor that stands for a float one."""
        if index not in self._twins:
            main = self.graph.main
            self._twins[index] = add_like(main, index, b"_int8", schema.TensorType.INT8)
            twin = main.tensors[self._twins[index]]
            values = constant(self.graph.model, main.tensors[index])
            if values is not None:
                low, high = float(values.min()), float(values.max())
                scale, zero = affine(low, high)
                quanta = np.clip(np.rint(values / scale) + zero, -128, 127).astype(np.int8)
                twin.buffer = add_buffer(self.graph.model, quanta)
            else:
                scale, zero = affine(*self.ranges[index])
            twin.quantization = parameters(scale, zero)
        return self._twins[index]

    def enter(self, index: int, chosen: frozenset[int]) -> None:
        """QUANTIZE a float tensor that an int8 operator reads."""
        if any(
            at in chosen and index in self.graph.activations(at)
            for at in self.graph.readers.get(index, ())
        ):
            self._convert(OP.QUANTIZE, 1, index, self.twin(index))

    def leave(self, index: int, chosen: frozenset[int]) -> None:
        """DEQUANTIZE an int8 result that a float operator, or the caller, reads."""
        readers = self.graph.readers.get(index, [])
        if index in self._finals or any(reader not in chosen for reader in readers):
            self._convert(OP.DEQUANTIZE, 2, self.twin(index), index)

    def int8_operator(self, at: int) -> None:
        """Make one operator read and write int8 tensors."""
        graph, operator = self.graph, self.graph.main.operators[at]
        code = graph.code(at)
        activations = set(graph.activations(at))
        inputs = [self.twin(int(i)) if int(i) in activations else int(i) for i in operator.inputs]
        outputs = [self.twin(int(i)) for i in operator.outputs]
        if code in WEIGHTED:
            self._weights(operator, inputs)
        operator.inputs, operator.outputs = inputs, outputs
        version = WEIGHTED[code].static_version if code in WEIGHTED else FOLLOWERS[code]
        raise_version(graph.model, operator, version)

    def _weights(self, operator: Any, inputs: list[int]) -> None:
        model, main = self.graph.model, self.graph.main
        kind = kind_of(model, operator)
        alone = len(self.graph.readers[inputs[kind.weights]]) == 1
        given = bias_of(kind, operator)
        bias = None if given is None else main.tensors[given]
        values = None if bias is None else constant(model, bias)
        data_scale = main.tensors[inputs[kind.data]].quantization.scale[0]
        inputs[kind.weights] = store_int8(
            model,
            main,
            inputs[kind.weights],
            kind.channel_axis,
            alone,
            finest_steps(values, data_scale),
        )
        if bias is None:
            return
        if values is None:
            raise ValueError("a bias that is computed cannot be quantized")
        scales = data_scale * main.tensors[inputs[kind.weights]].quantization.scale
        limit = np.iinfo(np.int32)
        quanta = np.clip(np.rint(values / scales), limit.min, limit.max).astype(np.int32)
        inputs[kind.bias] = add_tensor(
            main,
            bias.name + b"_int32",
            bias.shape,
            schema.TensorType.INT32,
            add_buffer(model, quanta),
        )
        zeros = np.zeros(len(scales), np.int64)
        main.tensors[inputs[kind.bias]].quantization = parameters(scales, zeros)

    def _convert(self, code: int, version: int, source: int, target: int) -> None:
        self.operators.append(conversion(self.graph.model, code, version, source, target))


def affine(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point that map [low, high], widened to hold 0, onto -128..127."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    if scale < SMALLEST_SCALE:
        scale = 1.0
    return scale, int(np.clip(np.rint(-128 - low / scale), -128, 127))
