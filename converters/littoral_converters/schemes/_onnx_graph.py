"""What quantizers ask of a ModelProto (weights, shapes, surroundings), and constants for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from littoral_converters.trees.onnx import inferred

Float = NDArray[np.float32]

MIN_ELEMENTS = 64
"""Weights with fewer elements stay float: their scales and zero points would outweigh the gain."""

MULTIPLIED = 63
"""The largest weight where onnxruntime multiplies uint8 by int8.

x86 processors without int8 dot products add two of these products in 16 bits, which holds
2 * 255 * 64 and cuts off what is more.
"""


def weights_of(model: Any) -> dict[str, Any]:
    """Float constants that are large enough to quantize, as TensorProto by name."""
    return {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= MIN_ELEMENTS
    }


def shapes_of(model: Any) -> dict[str, list[int]]:
    """Static shapes by tensor name; an open axis counts as 1."""
    return {
        value.name: [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]
        for value in inferred(model)
    }


def attribute(node: Any, name: str, default: Any) -> Any:
    """The value of a node's attribute."""
    found = [a for a in node.attribute if a.name == name]
    return onnx.helper.get_attribute_value(found[0]) if found else default


def symmetric(values: Float, axis: int, most: int = 127) -> tuple[NDArray[np.int8], Float]:
    """Quantize to int8 around 0, with a scale for each index of an axis.

    Args:
        values: Weights of any shape.
        axis: The channels; negative counts from the end.
        most: The largest integer.

    Returns:
        The integers, and scales that broadcast against them.
    """
    others = tuple(a for a in range(values.ndim) if a != axis % values.ndim)
    scales = np.maximum(np.abs(values).max(axis=others, keepdims=True) / most, 1e-12)
    return np.rint(values / scales).astype(np.int8), scales.astype(np.float32)


def add_constants(model: Any, name: str, **values: NDArray[Any]) -> list[str]:
    """Add initializers called after `name` and return their names."""
    for suffix, array in values.items():
        tensor = onnx.numpy_helper.from_array(array, f"{name}__{suffix}")
        model.graph.initializer.append(tensor)
    return [f"{name}__{suffix}" for suffix in values]


def require_contrib(model: Any) -> None:
    """Declare onnxruntime's own operators as used."""
    if all(entry.domain != "com.microsoft" for entry in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


class Surroundings:
    """What stands before and after the nodes of a model.

    Args:
        model: A ModelProto.
        shapes: Static shapes by tensor name.
        carried: Operators that hand quantized values on.
    """

    def __init__(self, model: Any, shapes: dict[str, list[int]], carried: Collection[str]) -> None:
        self._shapes = shapes
        self._carried = carried
        self._producers = {name: node for node in model.graph.node for name in node.output}
        self._users: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._users.setdefault(name, []).append(node)

    def handed_over(self, node: Any) -> int:
        """Elements that a node takes from or gives to operators that do not carry int8."""
        source, result = node.input[0], node.output[0]
        before = self._producers.get(source)
        count = 0 if before is None or before.op_type in self._carried else self._size(source)
        users = self._users.get(result, [])
        if users and all(user.op_type not in self._carried for user in users):
            count += self._size(result)
        return count

    def pooled_before(self, node: Any) -> int:
        """Elements that a MaxPool right before a node reads; 0 for none."""
        before = self._producers.get(node.input[0])
        if before is None or before.op_type != "MaxPool":
            return 0
        return self._size(before.input[0])

    def _size(self, name: str) -> int:
        return int(np.prod(self._shapes.get(name, [0])))
