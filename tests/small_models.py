"""The same small models in every format, for the suite that every engine goes through."""

from __future__ import annotations

import numpy as np
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


NUMBERS = ("float16", "int8", "uint8", "int16", "int32", "int64", "bool")


def upright(format: str, dtype: str) -> bytes:
    """y = x as a column; x [1, 3] of any dtype, text included; y [3, 1]."""
    if format == "onnx":
        node = ("Reshape", ["x", "s"], ["y"], {})
        constants = {"s": np.array([3, 1])}
        return onnx_writer.write([("x", dtype, [1, 3])], [("y", dtype, [3, 1])], [node], constants)
    kind = "string" if dtype == "str" else dtype
    shape = T("s", [2], "int32", data=np.array([3, 1]))
    operator = Op("RESHAPE", [0, 1], [2], "ReshapeOptions")
    tensors = [T("x", [1, 3], kind), shape, T("y", [3, 1], kind)]
    return tflite_writer.write(Graph(tensors, [0], [2], [operator]))


SCALAR = {
    "tflite": tflite_writer.write(Graph([T("x", []), T("y", [])], [0], [1], [add(0, 0, 1)])),
    "onnx": onnx_writer.write(
        [("x", "float32", [])], [("y", "float32", [])], [("Add", ["x", "x"], ["y"], {})]
    ),
}
"""y = x + x, float32 without axes."""

SIZELESS = {
    "tflite": tflite_writer.write(
        Graph(
            [
                T("x", [1, 1, 1, 2], open_shape=[1, -1, -1, 2]),
                T("y", [1, 1, 1, 2], open_shape=[1, -1, -1, 2]),
            ],
            [0],
            [1],
            [add(0, 0, 1)],
        )
    ),
    "onnx": onnx_writer.write(
        [("x", "float32", [1, "h", "w", 2])],
        [("y", "float32", [1, "h", "w", 2])],
        [("Add", ["x", "x"], ["y"], {})],
    ),
}
"""y = x + x, float32 [1, any, any, 2]."""

ODD_NAMES = ('{"in": [1]}', "x.1", "a/b:c", "größe")


def oddly_named(format: str) -> bytes:
    """Four outputs of one shape, x + c for c of 0 to 3, under odd names; x [1, 2] has one too."""
    name, *_ = ODD_NAMES
    outputs = [f"out {other}" for other in ODD_NAMES]
    if format == "onnx":
        nodes = [("Add", [name, f"c{k}"], [out], {}) for k, out in enumerate(outputs)]
        constants = {f"c{k}": np.array([[k, k]], np.float32) for k in range(4)}
        values = [(out, "float32", [1, 2]) for out in outputs]
        return onnx_writer.write([(name, "float32", [1, 2])], values, nodes, constants)
    constants = [T(f"c{k}", [1, 2], data=np.full((1, 2), k, np.float32)) for k in range(4)]
    tensors = [T(name, [1, 2]), *constants, *(T(out, [1, 2]) for out in outputs)]
    operators = [add(0, 1 + k, 5 + k) for k in range(4)]
    return tflite_writer.write(Graph(tensors, [0], [5, 6, 7, 8], operators))


def typed(format: str, dtype: str) -> bytes:
    """y = x + x for integers, y = not x for bool; [1, 3]."""
    if format == "onnx":
        node = ("Not", ["x"], ["y"], {}) if dtype == "bool" else ("Add", ["x", "x"], ["y"], {})
        return onnx_writer.write([("x", dtype, [1, 3])], [("y", dtype, [1, 3])], [node])
    operator = Op("LOGICAL_NOT", [0], [1], "LogicalNotOptions") if dtype == "bool" else add(0, 0, 1)
    tensors = [T("x", [1, 3], dtype), T("y", [1, 3], dtype)]
    return tflite_writer.write(Graph(tensors, [0], [1], [operator]))
