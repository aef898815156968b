"""Kernels that a release of the TFLite runtime has under the right version and yet fails on. Data.

Source: measured. The files of some 360 small models in seven schemes were run in every release of
`littoral_converters.runtimes._tflite_versions` and their outputs compared, integer by integer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import OP, code_of, kind_name

_INT8, _INT16 = schema.TensorType.INT8, schema.TensorType.INT16
_INT32, _FLOAT16 = schema.TensorType.INT32, schema.TensorType.FLOAT16

BEFORE_1_1 = ("tflite-2.14", "litert-1.0")
BEFORE_1_3 = (*BEFORE_1_1, "litert-1.1", "litert-1.2")
BEFORE_2_1 = (*BEFORE_1_3, "litert-1.3", "litert-1.4", "litert-2.0")
BEFORE_2_2 = (*BEFORE_2_1, "litert-2.1")


@dataclass(frozen=True)
class Use:
    """An operator in a file.

    Attributes:
        graph: Its subgraph.
        operator: The operator.
        halves: Tensors that a DEQUANTIZE makes of float16 constants.
    """

    graph: Any
    operator: Any
    halves: frozenset[int]

    def reads(self, kind: int) -> bool:
        """Whether its first input is of a type of the schema."""
        return bool(self.graph.tensors[int(self.operator.inputs[0])].type == kind)

    def reads_rows(self) -> bool:
        """Whether its first input is int16 with more than two axes."""
        tensor = self.graph.tensors[int(self.operator.inputs[0])]
        return self.reads(_INT16) and tensor.shape is not None and len(tensor.shape) > 2

    def spreads_far(self) -> bool:
        """Whether its two inputs differ in shape and have more than four axes."""
        tensors = (self.graph.tensors[int(index)] for index in self.operator.inputs[:2])
        one, two = (() if each.shape is None else tuple(each.shape) for each in tensors)
        return one != two and max(len(one), len(two)) > 4

    def reads_halves(self) -> bool:
        """Whether its weights are stored as float16."""
        return bool(self.halves & {int(index) for index in self.operator.inputs})


@dataclass(frozen=True)
class Fault:
    """What fails where.

    Attributes:
        operator: The operator's name.
        what: The use that fails, for messages.
        applies: Whether a use is such a one.
        releases: The releases that fail on it.
    """

    operator: str
    what: str
    applies: Callable[[Use], bool]
    releases: tuple[str, ...]


def _int16(use: Use) -> bool:
    return use.reads(_INT16)


def _int8(use: Use) -> bool:
    return use.reads(_INT8)


def _spreads_int32(use: Use) -> bool:
    return use.reads(_INT32) and use.spreads_far()


FAULTS = (
    Fault("FULLY_CONNECTED", "on int16 rows", Use.reads_rows, BEFORE_1_1),
    Fault("GELU", "on int16", _int16, BEFORE_1_3),
    Fault("NOT_EQUAL", "on int16", _int16, BEFORE_2_1),
    Fault("GREATER", "on int16", _int16, BEFORE_2_2),
    Fault("LESS_EQUAL", "on int16", _int16, BEFORE_2_2),
    Fault("TILE", "on int16", _int16, BEFORE_2_2),
    Fault("BATCH_MATMUL", "on int8", _int8, ("litert-2.0", "litert-2.1")),
    # These three end the process; the product of floats runs in a delegate that spreads further.
    Fault(
        "MUL",
        "on int32 of different shapes with more than four axes",
        _spreads_int32,
        BEFORE_1_1[:1],
    ),
    *(
        Fault(name, "of different shapes with more than four axes", Use.spreads_far, BEFORE_2_2)
        for name in ("LOGICAL_AND", "BITWISE_XOR")
    ),
    *(
        Fault(name, "with float16 weights", Use.reads_halves, BEFORE_2_1[2:5])
        for name in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ),
)


def faults_of(model: Any, runtime: str) -> list[str]:
    """Uses in a file that a release fails on, for a message.

    Args:
        model: Object tree of a .tflite.
        runtime: A release.

    Returns:
        For example ``["TILE on int16"]``; each once.
    """
    asked = {fault.operator: fault for fault in FAULTS if runtime in fault.releases}
    found = []
    for graph in model.subgraphs:
        halves = _halves(model, graph)
        for operator in graph.operators:
            fault = asked.get(kind_name(code_of(model, operator)))
            if fault is not None and fault.applies(Use(graph, operator, halves)):
                found.append(f"{fault.operator} {fault.what}")
    return list(dict.fromkeys(found))


def _halves(model: Any, graph: Any) -> frozenset[int]:
    return frozenset(
        int(operator.outputs[0])
        for operator in graph.operators
        if code_of(model, operator) == OP.DEQUANTIZE
        and graph.tensors[int(operator.inputs[0])].type == _FLOAT16
    )
