"""An ONNX operator inside a TensorFlow graph.

TensorFlow has no operator for ONNX's LSTM, GRU or LayerNormalization. While a model is traced for
ONNX, a lowering puts a marker in their place: a ``PyFunc`` node, which takes any inputs, whose
token says as JSON which operator it stands for. It is never executed; the ONNX format's writer
turns it into the operator itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def operator(
    op_type: str,
    inputs: Sequence[Any],
    outputs: Sequence[tuple[Any, Sequence[int | None]]],
    attributes: Mapping[str, Any] | None = None,
    domain: str = "",
) -> list[Any]:
    """Write one ONNX operator into the graph being traced.

    Args:
        op_type: The operator's name in ONNX, for example ``"LSTM"``.
        inputs: Tensors in ONNX's order; None for an optional input that is left out.
        outputs: (dtype, shape) of each output, in ONNX's order.
        attributes: ONNX attributes: ints, floats, strings or lists of these.
        domain: Operator domain; the default is ONNX's own.

    Returns:
        One symbolic tensor per output.
    """
    token = {
        "op_type": op_type,
        "attributes": dict(attributes or {}),
        "given": [value is not None for value in inputs],
        "domain": domain,
    }
    results = tf.raw_ops.PyFunc(
        input=[value for value in inputs if value is not None],
        token=json.dumps(token),
        Tout=[dtype for dtype, _ in outputs],
    )
    # The marker tells nothing about shapes, and a shape set from outside is lost when the graph is
    # frozen: only an operator of its own keeps it.
    return [
        tf.ensure_shape(result, shape) for result, (_, shape) in zip(results, outputs, strict=True)
    ]
