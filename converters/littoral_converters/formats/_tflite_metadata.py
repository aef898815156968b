"""The standard TFLITE_METADATA of a .tflite, for tools that do not know the card.

Two parts, both made from the card: a FlatBuffer of its own (identifier ``M001``) in a metadata
entry of the model, and a zip archive behind the model with the files that the FlatBuffer names.
Slots, types and enumerations are numbered as in the published schema, in the order of its tables;
nothing here needs a reader newer than version 1.0.0 of it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from littoral.card import Card, CardTensor
from littoral.errors import ConversionError
from littoral.integrity import RECORD_BYTES
from numpy.typing import NDArray

NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"

_MODEL_NAME, _MODEL_DESCRIPTION, _MODEL_VERSION, _MODEL_GRAPHS = 0, 1, 2, 3
_MODEL_AUTHOR, _MODEL_LICENSE, _MODEL_PARSER_VERSION = 4, 5, 7
_GRAPH_INPUTS, _GRAPH_OUTPUTS = 2, 3
_TENSOR_NAME, _TENSOR_DESCRIPTION, _TENSOR_CONTENT = 0, 1, 3
_TENSOR_PROCESS, _TENSOR_STATS, _TENSOR_FILES = 4, 5, 6
_UNION_TYPE, _UNION_VALUE = 0, 1
_FEATURE, _IMAGE = 1, 2
_COLOURS = {1: 2, 3: 1}  # channels -> GRAYSCALE, RGB
_NORMALIZATION = 1
_FILE_NAME, _FILE_DESCRIPTION, _FILE_TYPE = 0, 1, 2
_TENSOR_AXIS_LABELS = 2

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o644 << 16


def metadata(card: Card) -> bytes:
    """The metadata FlatBuffer.

    Args:
        card: Inputs and outputs in the order of the file's.

    Returns:
        A ModelMetadata with one subgraph. An image's normalisation is ``(x - mean) / std`` with x
        from 0 to 255, as the standard has it.
    """
    builder = flatbuffers.Builder(1024)
    files = label_files(card)
    inputs = [_input(builder, tensor) for tensor in card.inputs]
    outputs = [_output(builder, tensor, files) for tensor in card.outputs]
    graph = _table(
        builder,
        {_GRAPH_INPUTS: _vector(builder, inputs), _GRAPH_OUTPUTS: _vector(builder, outputs)},
    )
    fields = {slot: _text(builder, text) for slot, text in _model_texts(card).items() if text}
    builder.Finish(
        _table(builder, {**fields, _MODEL_GRAPHS: _vector(builder, [graph])}), _IDENTIFIER
    )
    return bytes(builder.Output())


def archive(card: Card, model_bytes: int) -> bytes:
    """The zip archive for the end of the file: stored, and the same for the same card.

    Some readers take offsets from the file's start; those that take them from the archive's make up
    for data in front. So they count from the file's, with the room that the seal will take.

    Args:
        card: Whose outputs have the labels.
        model_bytes: Size of the model without archive and seal.

    Returns:
        The archive; empty when no output has labels.
    """
    files = label_files(card)
    if not files:
        return b""
    start = model_bytes + RECORD_BYTES
    stream = io.BytesIO()
    stream.seek(start)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
        for labels, name in files.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system, member.external_attr = _UNIX, _READABLE
            lines = (" ".join(label.splitlines()) for label in labels)
            packed.writestr(member, "".join(f"{line}\n" for line in lines))
    return bytes(stream.getbuffer()[start:])


def label_files(card: Card) -> dict[tuple[str, ...], str]:
    """File name by labels; outputs with the same labels share a file."""
    found = dict.fromkeys(tensor.labels for tensor in card.outputs if tensor.labels)
    return {
        labels: f"labels_{position}.txt" if position else "labels.txt"
        for position, labels in enumerate(found)
    }


def _model_texts(card: Card) -> dict[int, str]:
    kind = " ".join(part for part in (card.family, card.task) if part) or "somebody's"
    licence = "; ".join(card.data[key] for key in ("licence", "attribution") if key in card.data)
    return {
        _MODEL_NAME: card.name,
        _MODEL_DESCRIPTION: f"Keras model ({kind}), {card.scheme}",
        _MODEL_VERSION: (card.source_digest or "")[:12],
        _MODEL_AUTHOR: f"littoral {card.versions.get('littoral', '')}".strip(),
        _MODEL_LICENSE: licence and f"training data: {licence}",
        _MODEL_PARSER_VERSION: _PARSER_VERSION,
    }


def _input(builder: Any, tensor: CardTensor) -> int:
    fields = {_TENSOR_NAME: _text(builder, tensor.name)}
    step: Mapping[str, Any] = {}
    try:
        told = []
        for step in tensor.preprocessing:
            told.append(_DESCRIPTIONS.get(str(step.get("step")), _by_name)(step))
        if told:
            fields[_TENSOR_DESCRIPTION] = _text(builder, "; ".join(told))
        is_image = len(told) == 1 and step.get("step") == "image"
        content = _image(builder, step) if is_image else {_TENSOR_CONTENT: _feature(builder)}
    except (KeyError, TypeError, ValueError) as error:
        raise ConversionError(
            f"input {tensor.name!r}: the card's step {step['step']!r} lacks or misstates a "
            f"setting ({error}): mend the card in the Keras file"
        ) from error
    return _table(builder, fields | content)


def _output(builder: Any, tensor: CardTensor, files: Mapping[tuple[str, ...], str]) -> int:
    fields = {_TENSOR_NAME: _text(builder, tensor.name), _TENSOR_CONTENT: _feature(builder)}
    if tensor.labels:
        name = _text(builder, files[tensor.labels])
        description = _text(builder, "names along the last axis, one a line")
        offsets = {_FILE_NAME: name, _FILE_DESCRIPTION: description}
        file = _table(builder, offsets, {_FILE_TYPE: _TENSOR_AXIS_LABELS})
        fields[_TENSOR_FILES] = _vector(builder, [file])
    return _table(builder, fields)


def _image(builder: Any, step: Mapping[str, Any]) -> dict[int, int]:
    """Content, normalisation and range of a picture."""
    fields = {_TENSOR_CONTENT: _picture(builder, step)}
    scale = np.float64(step.get("scale", 1.0))
    mean, std = (np.asarray(step.get(key, default)) for key, default in (("mean", 0), ("std", 1)))
    if not (np.all(std) and scale):
        return fields
    # The card scales before it subtracts, the standard does not scale.
    mean, std = np.broadcast_arrays(np.atleast_1d(mean / scale), np.atleast_1d(std / scale))
    ends = np.sort([(0 - mean) / std, (255 - mean) / std], axis=0)
    if np.ptp(mean) == np.ptp(std) == 0:  # MediaPipe takes one number for all channels only
        mean, std, ends = mean[:1], std[:1], ends[:, :1]
    options = _table(builder, {0: _floats(builder, mean), 1: _floats(builder, std)})
    unit = _table(builder, {_UNION_VALUE: options}, {_UNION_TYPE: _NORMALIZATION})
    fields[_TENSOR_PROCESS] = _vector(builder, [unit])
    most, least = _floats(builder, ends[1]), _floats(builder, ends[0])
    fields[_TENSOR_STATS] = _table(builder, {0: most, 1: least})
    return fields


def _picture(builder: Any, step: Mapping[str, Any]) -> int:
    builder.StartObject(2)
    builder.PrependUint32Slot(0, int(step["width"]), 0)
    builder.PrependUint32Slot(1, int(step["height"]), 0)
    size = builder.EndObject()
    # The standard has no name for blue before red.
    colours = 0 if step.get("order") == "bgr" else _COLOURS.get(int(step["channels"]), 0)
    picture = _table(builder, {1: size}, {0: colours})
    return _table(builder, {_UNION_VALUE: picture}, {_UNION_TYPE: _IMAGE})


def _feature(builder: Any) -> int:
    return _table(builder, {_UNION_VALUE: _table(builder, {})}, {_UNION_TYPE: _FEATURE})


def _by_name(step: Mapping[str, Any]) -> str:
    return str(step.get("step"))


def _bands(step: Mapping[str, Any]) -> str:
    return (
        f"of sound at {step['sample_rate']} Hz: window {step['frame_length']}, "
        f"step {step['frame_step']}, {step['mel_bins']} mel bins"
    )


_DESCRIPTIONS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "image": lambda step: (
        f"a picture, {step.get('fit', 'stretch')} to size ({step.get('filter', 'bilinear')}), "
        f"{step.get('order', 'rgb')}, {step.get('layout', 'channels_last')}"
    ),
    "audio": lambda step: f"sound at {step['sample_rate']} Hz, from -1 to 1",
    "log_mel": lambda step: f"levels {_bands(step)}",
    "mfcc": lambda step: f"mel-frequency cepstral coefficients {_bands(step)}",
    "tabular": lambda step: f"columns: {', '.join(map(str, step['columns']))}",
    "bytes": lambda step: "a text's UTF-8 bytes, each plus 1; 0 is padding at the end",
    "vocabulary": lambda step: f"a text's {step.get('unit', 'word')}s by their place in a list",
}


def _table(
    builder: Any, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None
) -> int:
    """A table of references by slot and one-byte numbers by slot."""
    numbers = numbers or {}
    builder.StartObject(1 + max((*offsets, *numbers), default=-1))
    for slot, value in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    for slot, value in numbers.items():
        builder.PrependUint8Slot(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, values: NDArray[Any]) -> int:
    return int(builder.CreateNumpyVector(np.ascontiguousarray(values, np.float32)))


def _text(builder: Any, text: str) -> int:
    return int(builder.CreateSharedString(text))
