"""float16: weights as half precision, half the size; the arithmetic stays float32."""

from __future__ import annotations

import numpy as np

from littoral_converters.schemes import Samples

NEEDS_SAMPLES = False
MAX_ERROR = 2e-2
RMS_ERROR = 5e-3
MAX_DROP = 0.1

MIN_ELEMENTS = 32
"""Smaller constants stay float32: converting them costs more bytes than it saves."""


def tflite(content: bytes, samples: Samples) -> bytes:
    """Store float32 constants as float16, each followed by DEQUANTIZE.

    Engines undo that once when they load the file.
    """
    from littoral_converters.schemes import _tflite_float16

    del samples
    return _tflite_float16.halve(content, MIN_ELEMENTS)


def onnx(content: bytes, samples: Samples) -> bytes:
    """Store float32 initializers as float16, each followed by Cast.

    onnxruntime folds the cast once when it loads the file.
    """
    import onnx as onnx_package

    from littoral_converters.trees.onnx import replace_nodes

    del samples
    model = onnx_package.load_from_string(content)
    casts = []
    for tensor in model.graph.initializer:
        values = onnx_package.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < MIN_ELEMENTS:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = tensor.name
        half = onnx_package.numpy_helper.from_array(values.astype(np.float16), f"{name}__float16")
        tensor.CopyFrom(half)
        casts.append(
            onnx_package.helper.make_node(
                "Cast", [f"{name}__float16"], [name], to=onnx_package.TensorProto.FLOAT
            )
        )
    replace_nodes(model.graph, [*casts, *model.graph.node])
    return bytes(model.SerializeToString())
