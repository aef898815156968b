"""ONNX: every tensor of the main graph is made an output of a copy of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from littoral_converters.debugging.interiors import Place

Array = NDArray[Any]

_SCALE_AT = {
    "QuantizeLinear": 1,
    "QLinearConv": 6,
    "QLinearMatMul": 6,
    "QLinearAdd": 6,
    "QLinearMul": 6,
    "QGemm": 7,
    "QLinearSigmoid": 3,
    "QLinearLeakyRelu": 3,
    "QLinearSoftmax": 3,
    "QLinearAveragePool": 3,
    "QLinearGlobalAveragePool": 3,
    "QLinearConcat": 0,
}
"""Operators that put out integers, and which of their inputs is the scale; the zero point follows.

From the operators' definitions in ONNX and in onnxruntime's contrib operators.
"""

_SAME_UNITS = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "MaxPool", "Slice"}
_QUICK = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL


def describe(content: bytes) -> list[Place]:
    """Every tensor that a node of the main graph computes, in order."""
    return [
        Place(output, f"{output};{node.name}", node.op_type)
        for node in onnx.load_from_string(content).graph.node
        for output in node.output
        if output and node.op_type != "Constant"
    ]


def read(content: bytes, feeds: Iterable[Mapping[str, Array]]) -> Iterator[dict[str, Array]]:
    """Run the feeds one after the other."""
    model = onnx.load_from_string(content)
    units = _units(model.graph)
    names = [place.name for place in describe(content)]
    there = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in there)
    session = _session(model.SerializeToString())
    dtypes = {value.name: _dtype(value.type) for value in session.get_inputs()}
    for feed in feeds:
        given = {name: feed[name].astype(dtype) for name, dtype in dtypes.items()}
        results = zip(names, session.run(names, given), strict=True)
        found = ((name, _values(result, units.get(name))) for name, result in results)
        yield {name: values for name, values in found if values is not None}


def _session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = _QUICK
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _units(graph: Any) -> dict[str, tuple[float, int]]:
    """Scale and zero point of each tensor of integers that stand for real numbers."""
    constants = {one.name: one for one in graph.initializer}
    units: dict[str, tuple[float, int]] = {}
    for node in graph.node:
        found = _own_units(node, constants)
        if node.op_type in _SAME_UNITS:
            found = units.get(node.input[0])
        if found is not None:
            units[node.output[0]] = found
    return units


def _own_units(node: Any, constants: Mapping[str, Any]) -> tuple[float, int] | None:
    at = _SCALE_AT.get(node.op_type)
    if at is None or len(node.input) <= at or node.input[at] not in constants:
        return None
    scale = onnx.numpy_helper.to_array(constants[node.input[at]])
    if scale.size != 1:
        return None
    zero = constants.get(node.input[at + 1]) if len(node.input) > at + 1 else None
    return float(scale.item()), 0 if zero is None else int(onnx.numpy_helper.to_array(zero).item())


def _dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype of onnxruntime's ``"tensor(float16)"``."""
    inner = name.removeprefix("tensor(").removesuffix(")")
    return np.dtype({"float": "float32", "double": "float64"}.get(inner, inner))


def _values(result: Any, units: tuple[float, int] | None) -> Array | None:
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiub":
        return None
    return (
        result if units is None else np.asarray((result.astype(np.float32) - units[1]) * units[0])
    )
