"""int8 weights in a .tflite: one scale per output channel, symmetric."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from littoral_converters.schemes import NOTHING, KeepFloat
from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_tensor,
    code_of,
    constant,
    conversion,
    name_of,
    raise_version,
)


@dataclass(frozen=True)
class WeightedOperator:
    """Where an operator keeps its weights.

    Attributes:
        data: Position of the activation among its inputs.
        weights: Position of the weights.
        bias: Position of the bias.
        channel_axis: Axis of the weights that has one scale per entry.
        static_version: Operator version that takes int8 activations.
        dynamic_version: Version that takes float activations and int8 weights; None when there is
            none.
    """

    data: int
    weights: int
    bias: int
    channel_axis: int
    static_version: int
    dynamic_version: int | None


WEIGHTED = {
    OP.FULLY_CONNECTED: WeightedOperator(0, 1, 2, 0, 6, 12),
    OP.CONV_2D: WeightedOperator(0, 1, 2, 0, 3, 5),
    OP.DEPTHWISE_CONV_2D: WeightedOperator(0, 1, 2, 3, 3, None),
    OP.TRANSPOSE_CONV: WeightedOperator(2, 1, 3, 0, 3, None),
}

_MOST_BIAS = 2.0**30
"""Steps of a bias: products are still added, and engines drop factors below 2 ** -31."""

MIN_ELEMENTS = 64
"""Smaller weights stay float32: their scales cost more than they save."""

MIN_PRODUCTS = 128
"""Products summed per output value from which a convolution gains from quantizing its input at run
time. Measured: 3x3 over 16 channels runs in 0.72 of the float time, 1x1 over 32 in 2.1."""

MIN_INPUT_CHANNELS = 8
"""Input channels from which a convolution over several pixels gains from int8.

XNNPACK's int8 kernels take whole groups of channels at each tap, up to 64 with AMX, and fill up
what is missing. On such a processor, at 28x28 pixels, 3x3 over 1 channel to 16 takes 34.7 us where
float32 takes 7.1, over 8 channels 39.9 against 23.8, over 16 channels 43.1 against 48.7. A small
CNN with one such layer takes 19.3 us with it in float32, 43.6 with it in int8, 23.4 all in float32.
"""

MIN_TRANSPOSED_PRODUCTS = 200
"""Products summed per output value from which a transposed convolution gains from int8.

Measured as above, at 12x12 pixels, in float32 and in int8: 2x2 by steps of 2 over 32 channels, 32
products, 24 and 77 us; 3x3 by 2, 72 products, 44 and 93; 4x4 by 2, 128 products, 74 and 115; 3x3 by
1, 288 products, 23 and 10; 5x5 by 2 over 64 channels, 400 products, 290 and 134.
"""


def make_dynamic(model: Any, keep_float: KeepFloat = NOTHING) -> None:
    """Store weights as int8, in place.

    Matrix products and large convolutions quantize their float input at run time; the weights of
    other operators are restored to float by a DEQUANTIZE that engines run once, when they load.

    Args:
        model: Object tree of a .tflite.
        keep_float: Names of operators whose weights stay as they are.
    """
    for graph in model.subgraphs:
        users = Counter(int(index) for operator in graph.operators for index in operator.inputs)
        chosen = [
            op
            for op in graph.operators
            if has_float_weights(model, graph, op) and name_of(graph, op) not in keep_float
        ]
        ours = Counter(int(op.inputs[kind_of(model, op).weights]) for op in chosen)
        stored: dict[int, int] = {}
        restored: dict[int, int] = {}
        for operator in chosen:
            kind = kind_of(model, operator)
            weights = int(operator.inputs[kind.weights])
            if weights not in stored:
                alone = users[weights] == ours[weights]
                stored[weights] = store_int8(model, graph, weights, kind.channel_axis, alone)
            quantized = stored[weights]
            if _gains(model, graph, operator):
                _quantize_input(model, operator, kind)
            else:
                if quantized not in restored:
                    restored[quantized] = restore(model, graph, quantized)
                quantized = restored[quantized]
            inputs = list(operator.inputs)
            inputs[kind.weights] = quantized
            operator.inputs = inputs


def fills_its_kernel(model: Any, graph: Any, operator: Any) -> bool:
    """Whether int8 arithmetic is not wasted on channels that are not there.

    Args:
        model: Object tree of a .tflite.
        graph: The subgraph that holds the operator.
        operator: One with weights.

    Returns:
        False for a convolution over several pixels and few channels, forwards or transposed.
    """
    code = code_of(model, operator)
    shape = graph.tensors[operator.inputs[WEIGHTED[code].weights]].shape
    if code == OP.TRANSPOSE_CONV:
        steps = operator.builtinOptions.strideH * operator.builtinOptions.strideW
        return bool(np.prod(shape[1:]) // steps >= MIN_TRANSPOSED_PRODUCTS)
    is_spatial = code == OP.CONV_2D and int(np.prod(shape[1:3])) > 1
    return not is_spatial or int(shape[3]) >= MIN_INPUT_CHANNELS


def _gains(model: Any, graph: Any, operator: Any) -> bool:
    """Whether an operator is faster on int8 than on float, counting the conversion of its input."""
    code = code_of(model, operator)
    shape = graph.tensors[operator.inputs[WEIGHTED[code].weights]].shape
    if code == OP.CONV_2D:
        enough = int(np.prod(shape[1:])) >= MIN_PRODUCTS
        return enough and fills_its_kernel(model, graph, operator)
    return bool(code == OP.FULLY_CONNECTED)


def _quantize_input(model: Any, operator: Any, kind: WeightedOperator) -> None:
    if hasattr(operator.builtinOptions, "asymmetricQuantizeInputs"):
        operator.builtinOptions.asymmetricQuantizeInputs = True
    raise_version(model, operator, kind.dynamic_version or 1)


def restore(model: Any, graph: Any, index: int, version: int = 5) -> int:
    """Put a DEQUANTIZE of a version, of 5 for int8, behind a constant; return its float tensor."""
    tensor = graph.tensors[index]
    result = add_tensor(graph, tensor.name, tensor.shape, schema.TensorType.FLOAT32)
    graph.operators.insert(0, conversion(model, OP.DEQUANTIZE, version, index, result))
    return result


def kind_of(model: Any, operator: Any) -> WeightedOperator:
    """Where this operator keeps its weights; KeyError for one that has none."""
    return WEIGHTED[code_of(model, operator)]


def has_float_weights(model: Any, graph: Any, operator: Any) -> bool:
    """Whether an operator multiplies a float activation with constant weights worth quantizing."""
    kind = WEIGHTED.get(code_of(model, operator))
    if kind is None or len(operator.inputs) <= kind.weights:
        return False
    data = graph.tensors[operator.inputs[kind.data]]
    weights = constant(model, graph.tensors[operator.inputs[kind.weights]])
    return (
        weights is not None
        and weights.size >= MIN_ELEMENTS
        and data.type == schema.TensorType.FLOAT32
        and constant(model, data) is None
    )


def bias_of(kind: WeightedOperator, operator: Any) -> int | None:
    """The tensor of an operator's bias; None for an operator without one."""
    rest = [int(index) for index in operator.inputs[kind.bias : kind.bias + 1]]
    return rest[0] if rest and rest[0] >= 0 else None


def finest_steps(bias: NDArray[np.floating[Any]] | None, data_scale: float) -> Any:
    """The smallest scales of weights with which a bias, in their product with the data's, fits.

    A channel of no weights, or of faint ones, would scale its bias beyond 32 bits.
    """
    return 0.0 if bias is None else np.abs(bias) / (data_scale * _MOST_BIAS)


def store_int8(
    model: Any, graph: Any, index: int, axis: int, in_place: bool, finest: Any = 0.0
) -> int:
    """Store a constant tensor as int8 with one symmetric scale per channel.

    Args:
        model: The object tree.
        graph: The subgraph that the tensor belongs to.
        index: The tensor.
        axis: The channel axis.
        in_place: Whether the tensor itself may change; otherwise a new one is added.
        finest: The smallest scales to take; see `finest_steps`.

    Returns:
        Index of the int8 tensor.
    """
    tensor = graph.tensors[index]
    values = constant(model, tensor)
    if values is None:
        raise ValueError(f"tensor {index} is not a float32 constant")
    others = tuple(a for a in range(values.ndim) if a != axis)
    finest = np.maximum(finest, 1e-12)
    scales = np.maximum(np.abs(values).max(axis=others) / 127, finest).astype(np.float32)
    shape = [-1 if a == axis else 1 for a in range(values.ndim)]
    quanta = np.clip(np.rint(values / scales.reshape(shape)), -127, 127).astype(np.int8)
    if not in_place:
        index = add_tensor(graph, tensor.name + b"_int8", tensor.shape, tensor.type)
        tensor = graph.tensors[index]
    tensor.type = schema.TensorType.INT8
    tensor.buffer = add_buffer(model, quanta)
    tensor.quantization = parameters(scales, np.zeros(len(scales), np.int64), axis)
    return index


def parameters(scales: Any, zero_points: Any, axis: int = 0) -> Any:
    """Quantization parameters as the schema holds them."""
    entry = schema.QuantizationParametersT()
    entry.scale = np.atleast_1d(np.asarray(scales, np.float32))
    entry.zeroPoint = np.atleast_1d(np.asarray(zero_points, np.int64))
    entry.quantizedDimension = axis
    return entry
