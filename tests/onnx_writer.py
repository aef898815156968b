"""Small .onnx files, written with the onnx package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Value = tuple[str, str, Sequence[int | str | None] | None]
Node = tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]


def write(
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    nodes: Sequence[Node],
    constants: Mapping[str, np.ndarray] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The file's bytes. A value is (name, dtype, shape), a node (operator, in, out, attributes)."""
    graph = helper.make_graph(
        [helper.make_node(kind, into, out, **dict(more)) for kind, into, out, more in nodes],
        "graph",
        [_value(*value) for value in inputs],
        [_value(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="a test")
    if metadata:
        helper.set_model_props(model, dict(metadata))
    content: bytes = model.SerializeToString()
    return content


def _value(name: str, dtype: str, shape: Sequence[int | str | None] | None) -> Any:
    number = onnx.TensorProto.STRING if dtype == "str" else _number(dtype)
    return helper.make_tensor_value_info(name, number, shape)


def _number(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
