"""The same small models in every format, for the suite that every engine goes through."""

from __future__ import annotations

import onnx_writer
import tflite_writer
from tflite_writer import Graph, Op, T, add, sub

ONE = {
    "tflite": tflite_writer.write(
        Graph([T("x", [1, 3]), T("y", [1, 3])], [0], [1], [add(0, 0, 1)]),
        signature=({"x": 0}, {"y": 1}),
    ),
    "onnx": onnx_writer.write(
        [("x", "float32", [1, 3])], [("y", "float32", [1, 3])], [("Add", ["x", "x"], ["y"], {})]
    ),
}
"""y = x + x, float32 [1, 3]."""

SEVERAL = {
    "tflite": tflite_writer.write(
        Graph(
            [T("b", [1, 2]), T("a", [1, 2]), T("sum", [1, 2]), T("difference", [1, 2])],
            [0, 1],
            [3, 2],
            [add(1, 0, 2), sub(1, 0, 3)],
        ),
        signature=({"a": 1, "b": 0}, {"sum": 2, "difference": 3}),
    ),
    "onnx": onnx_writer.write(
        [("b", "float32", [1, 2]), ("a", "float32", [1, 2])],
        [("difference", "float32", [1, 2]), ("sum", "float32", [1, 2])],
        [("Add", ["a", "b"], ["sum"], {}), ("Sub", ["a", "b"], ["difference"], {})],
    ),
}
"""difference = a - b, sum = a + b; all float32 [1, 2]; inputs b, a and outputs difference, sum."""

OPEN = {
    "tflite": tflite_writer.write(
        Graph(
            [T("x", [1, 3], open_shape=[-1, 3]), T("y", [1, 3], open_shape=[-1, 3])],
            [0],
            [1],
            [add(0, 0, 1)],
        )
    ),
    "onnx": onnx_writer.write(
        [("x", "float32", ["n", 3])],
        [("y", "float32", ["n", 3])],
        [("Add", ["x", "x"], ["y"], {})],
    ),
}
"""y = x + x, float32 [any, 3]."""

FOUR = {
    "tflite": tflite_writer.write(
        Graph([T("x", [4, 2]), T("y", [4, 2])], [0], [1], [add(0, 0, 1)]),
    ),
    "onnx": onnx_writer.write(
        [("x", "float32", [4, 2])], [("y", "float32", [4, 2])], [("Add", ["x", "x"], ["y"], {})]
    ),
}
"""y = x + x, float32 [4, 2]: four samples at once."""


def typed(format: str, dtype: str) -> bytes:
    """y = x + x for integers, y = not x for bool; [1, 3]."""
    if format == "onnx":
        node = ("Not", ["x"], ["y"], {}) if dtype == "bool" else ("Add", ["x", "x"], ["y"], {})
        return onnx_writer.write([("x", dtype, [1, 3])], [("y", dtype, [1, 3])], [node])
    operator = Op("LOGICAL_NOT", [0], [1], "LogicalNotOptions") if dtype == "bool" else add(0, 0, 1)
    tensors = [T("x", [1, 3], dtype), T("y", [1, 3], dtype)]
    return tflite_writer.write(Graph(tensors, [0], [1], [operator]))
