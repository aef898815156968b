"""The standard TFLITE_METADATA of somebody's .tflite, as the card that littoral would have written.

A FlatBuffer of its own (identifier ``M001``) in a metadata entry says what the tensors mean; a zip
archive behind the model holds the files that it names, labels one a line. Slots, types and
enumerations are numbered as in the published schema, in the order of its tables.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from littoral.errors import FormatError
from littoral.formats._flatbuffer import Table, root
from littoral.tensors import TensorSpec

_MODEL_NAME, _MODEL_GRAPHS, _MODEL_LICENSE = 0, 3, 5
_GRAPH_INPUTS, _GRAPH_OUTPUTS = 2, 3
_TENSOR_CONTENT, _TENSOR_PROCESS, _TENSOR_FILES = 3, 4, 6
_UNION_TYPE, _UNION_VALUE = 0, 1
_IMAGE, _NORMALIZATION = 2, 1
_MEAN, _STD = 0, 1
_FILE_NAME, _FILE_TYPE = 0, 2
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_LARGEST_LABELS_BYTES = 1 << 22


def card(
    metadata: bytes,
    content: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
) -> bytes | None:
    """A card's JSON from what others wrote.

    Args:
        metadata: The metadata FlatBuffer.
        content: The whole file, for the archive at its end.
        inputs: The file's inputs, in its order, which is the metadata's as well.
        outputs: The file's outputs.

    Returns:
        The card: labels of the outputs, and for a picture of fixed size how it becomes the input.
        None where the metadata cannot be read: the model itself may run all the same.
    """
    try:
        model = root(metadata)
        graphs = model.tables(_MODEL_GRAPHS)
        sides = [graphs[0].tables(slot) for slot in (_GRAPH_INPUTS, _GRAPH_OUTPUTS)]
        fields = {
            "schema": 1,
            "name": model.text(_MODEL_NAME) or "a model with TFLite metadata",
            "format": "tflite",
            "inputs": [_input(*pair) for pair in _pairs(inputs, sides[0])],
            "outputs": [_output(*pair, content) for pair in _pairs(outputs, sides[1])],
            "data": {"licence": licence} if (licence := model.text(_MODEL_LICENSE)) else {},
        }
    except (FormatError, IndexError):
        return None
    return json.dumps(fields).encode()


def _pairs(
    specs: Sequence[TensorSpec], tensors: Sequence[Table]
) -> list[tuple[TensorSpec, Table | None]]:
    """Each tensor of the file with what the metadata says of it, None where it says nothing."""
    described = tensors if len(tensors) == len(specs) else [None] * len(specs)
    return list(zip(specs, described, strict=True))


def _input(spec: TensorSpec, tensor: Table | None) -> dict[str, Any]:
    step = None if tensor is None else _picture(spec, tensor)
    return {**_named(spec), "preprocessing": [] if step is None else [step]}


def _output(spec: TensorSpec, tensor: Table | None, content: bytes) -> dict[str, Any]:
    files = [] if tensor is None else tensor.tables(_TENSOR_FILES)
    kinds = {file.number(_FILE_TYPE, "<b"): file.text(_FILE_NAME) for file in files}
    if _AXIS_LABELS not in kinds:
        name = kinds.get(_VALUE_LABELS)
        return {**_named(spec), "labels": [] if name is None else _lines(content, name)}
    labels = _lines(content, kinds[_AXIS_LABELS])
    # Published files exist whose metadata lists the outputs in another order than the graph.
    fits = not spec.shape or spec.shape[-1] in (None, len(labels))
    return {**_named(spec), "labels": labels if fits else []}


def _named(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "shape": spec.shape}


def _picture(spec: TensorSpec, tensor: Table) -> dict[str, Any] | None:
    """The image step of an input that takes one picture of a fixed size, else None."""
    content = tensor.table(_TENSOR_CONTENT)
    if content is None or content.number(_UNION_TYPE, "<B") != _IMAGE:
        return None
    if len(spec.shape) != 4 or None in spec.shape[1:] or spec.shape[3] not in (1, 3):
        return None
    _, height, width, channels = spec.shape
    mean, std = _normalization(tensor, channels or 1)
    size = {"height": height, "width": width, "channels": channels}
    return {"step": "image", **size, "mean": mean, "std": std}


def _normalization(tensor: Table, channels: int) -> tuple[list[float], list[float]]:
    """Mean and deviation by channel of pixels from 0 to 255; 0 and 1 where none are given."""
    for unit in tensor.tables(_TENSOR_PROCESS):
        options = unit.table(_UNION_VALUE)
        if options is not None and unit.number(_UNION_TYPE, "<B") == _NORMALIZATION:
            mean, std = list(options.numbers(_MEAN, "f")), list(options.numbers(_STD, "f"))
            if len(mean) in (1, channels) and len(std) in (1, channels) and 0 not in std:
                return mean, std
    return [0.0], [1.0]


def _lines(content: bytes, name: str) -> list[str]:
    """The lines of a file in the archive, empty where it is not there or not a text."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(name).file_size > _LARGEST_LABELS_BYTES:
                return []
            text = archive.read(name).decode()
    except (zipfile.BadZipFile, zlib.error, LookupError, ValueError, OSError):
        return []
    except (RuntimeError, EOFError):  # encrypted, packed in a way that zipfile lacks, or cut off
        return []
    return text.splitlines()
