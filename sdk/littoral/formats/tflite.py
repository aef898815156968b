"""TFLite: a FlatBuffer with the file identifier ``TFL3`` (schema version 3).

Field ids are those of the published schema, in the order of its tables.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping

from littoral.errors import FormatError
from littoral.formats import Outline, Signature, _tflite_entry
from littoral.formats._flatbuffer import Table, root
from littoral.formats._tflite_entry import EntryPoint
from littoral.formats._tflite_operators import NAMES
from littoral.tensors import TensorSpec

SUFFIX = ".tflite"
IDENTIFIER = b"TFL3"
_CARD = "littoral_card"
_STANDARD = "TFLITE_METADATA"
_MAGIC = b"LITTORAL-SEAL-1\x00"
_SEAL_START, _SEAL_END = 8, 200
_TELLING_BYTES = 5

_MODEL_VERSION, _MODEL_CODES, _MODEL_SUBGRAPHS, _MODEL_DESCRIPTION, _MODEL_BUFFERS = 0, 1, 2, 3, 4
_MODEL_METADATA = 6
_GRAPH_TENSORS, _GRAPH_OPERATORS = 0, 3
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_QUANTIZATION = 0, 1, 2, 4
_TENSOR_IS_VARIABLE, _TENSOR_SIGNATURE = 5, 7
_OPERATOR_CODE, _OPERATOR_OPTIONS = 0, 4
_CALL_ONCE, _ASSIGN_VARIABLE = 129, 144
_CUSTOM = 32
_MIN_RUNTIME = "min_runtime_version"

_DTYPES = (
    *("float32", "float16", "int32", "uint8", "int64", "str", "bool", "int16", "complex64"),
    *("int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16"),
    *("int4", "bfloat16", "int2"),
)


def claims(content: bytes) -> bool:
    """True when the file identifier stands where a FlatBuffer has it."""
    return content[4:8] == IDENTIFIER


def entry_point(content: bytes, signature: str | None = None) -> EntryPoint:
    """The graph that a call runs, with the tensors and names of its inputs and outputs.

    Args:
        content: The whole file.
        signature: A signature's name, None for the usual one.

    Raises:
        FormatError: The file is damaged.
        InputError: No such signature.
    """
    return _tflite_entry.entry_point(root(content), signature)


def signatures(content: bytes) -> Mapping[str, Signature]:
    """Every signature of a file, by name; see `entry_point` for the errors."""
    return _tflite_entry.signatures(root(content))


def custom_operators(content: bytes) -> list[str]:
    """Names of the operators that are not in the published schema.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    codes = root(content).tables(_MODEL_CODES)
    return [code.text(1) for code in codes if operator_code(code) == _CUSTOM]


def state(content: bytes) -> str:
    """Whether a call leaves something behind that changes the next call.

    Args:
        content: The whole file.

    Returns:
        ``"none"``; ``"tensors"`` for variable tensors, which the engine can reset;
        ``"resources"`` for resource variables, which only a new interpreter resets.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    codes = [operator_code(code) for code in model.tables(_MODEL_CODES)]
    graphs = model.tables(_MODEL_SUBGRAPHS)
    if _ASSIGN_VARIABLE in codes and _assigns_each_call(graphs, codes):
        return "resources"
    variable = any(
        tensor.number(_TENSOR_IS_VARIABLE, "<B")
        for graph in graphs
        for tensor in graph.tables(_GRAPH_TENSORS)
    )
    return "tensors" if variable else "none"


def moves_memory(content: bytes) -> bool:
    """Whether an engine may move its inputs while it runs a file.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    from littoral.formats import _tflite_moving  # here: inspecting a file needs no NumPy

    return _tflite_moving.moves_memory(content)


def operator_code(code: Table) -> int:
    """The operator's number: the old one-byte field saturates at 127, the newer one does not."""
    return max(code.number(0, "<b"), code.number(3, "<i"))


def read_card(content: bytes) -> bytes | None:
    """The card's JSON; failing that one from the standard metadata; None when there is neither.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    entries = _metadata(model)
    if _CARD in entries or _STANDARD not in entries:
        return entries.get(_CARD)
    from littoral.formats import _tflite_metadata

    return _tflite_metadata.card(entries[_STANDARD], content, *_specs(model))


def outline(content: bytes) -> Outline:
    """Inputs, outputs, operators and weights; see `littoral.formats.Outline`.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    graphs = model.tables(_MODEL_SUBGRAPHS)
    inputs, outputs = _specs(model)
    kinds = [operator_name(code) for code in model.tables(_MODEL_CODES)]
    used: Counter[str] = Counter()
    for graph in graphs:
        for operator in graph.tables(_GRAPH_OPERATORS):
            index = operator.number(_OPERATOR_CODE, "<I")
            used[kinds[index] if index < len(kinds) else f"#{index}"] += 1
    return Outline(
        inputs=inputs,
        outputs=outputs,
        operators=dict(used.most_common()),
        requires=_requires(model, kinds),
        weights=_weights(model, graphs),
        description=model.text(_MODEL_DESCRIPTION),
        signatures=_tflite_entry.signatures(model),
    )


def check_structure(content: bytes) -> None:
    """Refuse a file whose parts do not fit together.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    from littoral.formats import _tflite_structure  # here: inspecting a file needs no NumPy

    _tflite_structure.check(content)


def place_seal(content: bytes, record: bytes) -> bytes:
    """Put a seal's record between the file identifier and everything else.

    Args:
        content: A file without a seal.
        record: 192 bytes, a multiple of the 16 to which weights are aligned.

    Raises:
        FormatError: The file is damaged, or keeps weights outside the FlatBuffer (over 2 GB),
            where positions count from the file's start.
    """
    if any(buffer.number(1, "<Q") > 1 for buffer in root(content).tables(_MODEL_BUFFERS)):
        raise FormatError("weights outside the FlatBuffer cannot be sealed: files over 2 GB")
    start = struct.unpack_from("<I", content)[0] + len(record)
    return struct.pack("<I", start) + IDENTIFIER + record + content[_SEAL_START:]


def seal_span(content: bytes) -> tuple[int, int] | None:
    """Where the seal is, None when its magic is not in its place or the file ends before it."""
    found = content[_SEAL_START:].startswith(_MAGIC) and len(content) >= _SEAL_END
    return (_SEAL_START, _SEAL_END) if found else None


def seal_traces(content: bytes) -> bool:
    """True when a file without a seal shows that it had one, or that littoral wrote it.

    Raises:
        FormatError: The file ends before its root.
    """
    root(content)  # cut off before the seal's magic, its root lies outside
    head = content[_SEAL_START : _SEAL_START + len(_MAGIC)]
    alike = sum(have == want for have, want in zip(head, _MAGIC, strict=False))
    return alike >= _TELLING_BYTES or _MAGIC[:13] in content or _CARD.encode() in content


def encode_seal(record: bytes) -> bytes:
    """The record as it stands in the file."""
    return record


def decode_seal(text: bytes) -> bytes | None:
    """The record out of the file."""
    return text


def _specs(model: Table) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """The inputs and the outputs of the usual entry point."""
    entry = _tflite_entry.entry_point(model)
    tensors = model.tables(_MODEL_SUBGRAPHS)[entry.graph].tables(_GRAPH_TENSORS)
    inputs, outputs = (
        tuple(_spec(tensors[index], name) for index, name in side)
        for side in (entry.inputs, entry.outputs)
    )
    return inputs, outputs


def _spec(tensor: Table, name: str) -> TensorSpec:
    sizes = tensor.numbers(_TENSOR_SIGNATURE, "i") or tensor.numbers(_TENSOR_SHAPE, "i")
    scale, zero_point = None, None
    quantization = tensor.table(_TENSOR_QUANTIZATION)
    if quantization is not None:
        scales, zero_points = quantization.numbers(2, "f"), quantization.numbers(3, "q")
        if len(scales) == 1 and scales[0] != 0:
            scale = float(scales[0])
            zero_point = int(zero_points[0]) if zero_points else 0
    return TensorSpec(
        name=name,
        shape=tuple(None if size < 0 else size for size in sizes),
        dtype=_dtype(tensor),
        scale=scale,
        zero_point=zero_point,
    )


def _dtype(tensor: Table) -> str:
    number = tensor.number(_TENSOR_TYPE, "<b")
    return _DTYPES[number] if 0 <= number < len(_DTYPES) else f"type {number}"


def operator_name(code: Table) -> str:
    """The operator's name in the schema; of a custom one its own."""
    number = operator_code(code)
    if number == _CUSTOM:
        return f"CUSTOM {code.text(1)}"
    return NAMES[number] if 0 <= number < len(NAMES) else f"operator {number}"


def _requires(model: Table, kinds: list[str]) -> dict[str, str]:
    found = {"TFLite schema": str(model.number(_MODEL_VERSION, "<I"))}
    runtime = _metadata(model).get(_MIN_RUNTIME, b"").rstrip(b"\x00").decode("ascii", "replace")
    if runtime:
        found["TFLite runtime"] = runtime
    for kind, code in zip(kinds, model.tables(_MODEL_CODES), strict=True):
        found[kind] = f"version {code.number(2, '<i', 1)}"
    return found


def _weights(model: Table, graphs: list[Table]) -> dict[str, int]:
    sizes = [buffer.length(0) for buffer in model.tables(_MODEL_BUFFERS)]
    found: Counter[str] = Counter()
    for graph in graphs:
        for tensor in graph.tables(_GRAPH_TENSORS):
            index = tensor.number(_TENSOR_BUFFER, "<I")
            if index < len(sizes) and sizes[index]:
                found[_dtype(tensor)] += sizes[index]
                sizes[index] = 0
    return dict(found.most_common())


def _metadata(model: Table) -> dict[str, bytes]:
    """Metadata by name; what points to a buffer that is not there counts as damage."""
    entries = model.tables(_MODEL_METADATA)
    buffers = model.tables(_MODEL_BUFFERS) if entries else []
    found = {}
    for entry in entries:
        index = entry.number(1, "<I")
        if index >= len(buffers):
            raise FormatError(f"metadata is said to be in buffer {index}, which is not there")
        found[entry.text(0)] = buffers[index].blob(0)
    return found


def _assigns_each_call(graphs: list[Table], codes: list[int]) -> bool:
    """True when a graph other than a run-once initialiser writes a resource variable."""
    once: set[int] = set()
    writers: set[int] = set()
    for position, graph in enumerate(graphs):
        for operator in graph.tables(_GRAPH_OPERATORS):
            index = operator.number(_OPERATOR_CODE, "<I")
            code = codes[index] if index < len(codes) else -1
            if code == _CALL_ONCE:
                options = operator.table(_OPERATOR_OPTIONS)
                once.add(options.number(0, "<i") if options else 0)
            elif code == _ASSIGN_VARIABLE:
                writers.add(position)
    return bool(writers - once)
