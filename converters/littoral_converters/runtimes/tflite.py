"""Which release of the TFLite runtime a .tflite needs, and how to need an older one."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from littoral.errors import ConversionError
from littoral.formats._tflite_operators import NAMES

from littoral_converters.runtimes._tflite_faults import faults_of
from littoral_converters.runtimes._tflite_versions import CHANGES
from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    code_in,
    code_of,
    kind_name,
    parse,
    serialize,
)

RUNTIMES = tuple(CHANGES)

_PER_CHANNEL, _PER_TENSOR = 12, 9
"""Versions of FULLY_CONNECTED on float inputs and int8 weights: with a scale per output, and with a
single one. On int8 inputs every release takes a scale per output."""


def able(content: bytes) -> list[str]:
    """The releases that run a file right, oldest first; one in between may fail on it.

    Args:
        content: A .tflite.
    """
    model = parse(content)
    return [runtime for runtime in RUNTIMES if not _lacks(model, runtime)]


def fit(content: bytes, runtime: str) -> bytes:
    """Write a file for an older release: the same operators in versions that it has.

    Where a release does not take a scale per output in a FULLY_CONNECTED that quantizes its float
    input, the weights get a single one.

    Args:
        content: A .tflite.
        runtime: One of `RUNTIMES`.

    Returns:
        The file, unchanged when the release runs it as it is.

    Raises:
        ConversionError: The release lacks an operator or version; the message lists them.
    """
    model = parse(content)
    if not _lacks(model, runtime):
        return content
    if _newest(runtime)[OP.FULLY_CONNECTED] < _PER_CHANNEL and not _holds_int4(model):
        for graph in model.subgraphs:
            _single_scales(model, graph)
    lacking = _lacks(model, runtime)
    if lacking:
        needed = able(serialize(model))[:1]
        raise ConversionError(
            f"{runtime} does not have {', '.join(lacking)}; take another scheme"
            + "".join(f", or a runtime that has them: {other}" for other in needed)
        )
    return serialize(model)


def _lacks(model: Any, runtime: str) -> list[str]:
    """What a file asks for and a release does not have, or gets wrong."""
    known = _newest(runtime)
    missing = [
        f"{kind_name(code)} version {version} (it has "
        f"{f'up to {known[code]}' if code in known else 'none'})"
        for code, version in _versions(model).items()
        if version > known.get(code, 0)
    ]
    return [*missing, *faults_of(model, runtime)]


def _holds_int4(model: Any) -> bool:
    tensors = (tensor for graph in model.subgraphs for tensor in graph.tensors)
    return any(tensor.type == schema.TensorType.INT4 for tensor in tensors)


def _versions(model: Any) -> dict[int, int]:
    """The version that a file asks for, by operator."""
    asked: dict[int, int] = {}
    for entry in model.operatorCodes:
        code = code_in(entry)
        asked[code] = max(asked.get(code, 0), int(entry.version))
    return asked


def _newest(runtime: str) -> dict[int, int]:
    """The newest version of each operator that a release has."""
    known: dict[int, int] = {}
    for release, changes in CHANGES.items():
        pairs = (entry.split() for entry in changes.split(",") if entry.strip())
        known.update({NAMES.index(name): int(version) for name, version in pairs})
        if release == runtime:
            break
    return known


def _single_scales(model: Any, graph: Any) -> None:
    """Give each FULLY_CONNECTED that quantizes its float input a single scale for its weights."""
    for operator in graph.operators:
        if code_of(model, operator) != OP.FULLY_CONNECTED:
            continue
        entry = model.operatorCodes[operator.opcodeIndex]
        if entry.version == _PER_CHANNEL:
            entry.version = _PER_TENSOR
        data, weights = (graph.tensors[int(index)] for index in operator.inputs[:2])
        kinds = data.type, weights.type
        if kinds == (schema.TensorType.FLOAT32, schema.TensorType.INT8):
            _requantize(model, weights)


def _requantize(model: Any, tensor: Any) -> None:
    """Round an int8 constant of several symmetric scales to a single one, in place."""
    scales = np.asarray(tensor.quantization.scale, np.float32)
    if len(scales) == 1:
        return
    values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int8).reshape(tensor.shape)
    share = scales.reshape(-1, *[1] * (values.ndim - 1)) / scales.max()
    tensor.buffer = add_buffer(model, np.rint(values * share).astype(np.int8))
    tensor.quantization.scale = scales.max(keepdims=True)
    tensor.quantization.zeroPoint = np.zeros(1, np.int64)
    tensor.quantization.quantizedDimension = 0
