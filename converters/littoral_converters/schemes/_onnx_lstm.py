"""LSTM with int8 weights: onnxruntime's DynamicQuantizeLSTM."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx

from littoral_converters.schemes import KeepFloat
from littoral_converters.schemes._onnx_gains import LSTM_MIN_WEIGHTS
from littoral_converters.schemes._onnx_graph import (
    MULTIPLIED,
    add_constants,
    require_contrib,
    symmetric,
    weights_of,
)
from littoral_converters.trees.onnx import identity, replace_nodes


def quantize_lstm(model: Any, keep_float: KeepFloat) -> None:
    """Make every LSTM that gains by it a DynamicQuantizeLSTM, in place.

    onnxruntime's own quantizer writes a broken file when two LSTMs share their weights.

    Args:
        model: A ModelProto.
        keep_float: Nodes that stay as they are, by `identity`.
    """
    weights = weights_of(model)
    done: dict[str, list[str]] = {}
    for node in model.graph.node:
        names = node.input[1:3]
        if node.op_type != "LSTM" or not {*names} <= set(weights) or identity(node) in keep_float:
            continue
        if sum(prod(weights[name].dims[1:]) for name in names) < LSTM_MIN_WEIGHTS:
            continue
        for name in names:
            if name not in done:
                done[name] = _int8(model, name, weights[name])
        (w, *w_parameters), (r, *r_parameters) = (done[name] for name in names)
        inputs = [*node.input, *[""] * (8 - len(node.input))]
        node.input[:] = [inputs[0], w, r, *inputs[3:], *w_parameters, *r_parameters]
        node.op_type, node.domain = "DynamicQuantizeLSTM", "com.microsoft"
        require_contrib(model)
    replace_nodes(model.graph, model.graph.node)


def _int8(model: Any, name: str, tensor: Any) -> list[str]:
    """Add weights (directions, gates * units, inputs) as the operator takes them.

    Returns:
        Names of the integers (directions, inputs, gates * units), the scales, the zero points.
    """
    values = onnx.numpy_helper.to_array(tensor)
    rows, scales = symmetric(values.reshape(-1, values.shape[2]), 0, MULTIPLIED)
    scales = scales.reshape(values.shape[:2])
    return add_constants(
        model,
        name,
        int8=rows.reshape(values.shape).transpose(0, 2, 1).copy(),
        scale=scales,
        zero_point=np.zeros(scales.shape, np.int8),
    )
