"""ONNX: a protobuf message (ModelProto). Field numbers are those of the published schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from littoral.errors import FormatError
from littoral.formats import Outline
from littoral.formats._protobuf import BYTES, VARINT, Message
from littoral.tensors import TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from littoral.formats._onnx_external import Buffer, Place

SUFFIX = ".onnx"
_CARD = "littoral_card"

_SEAL_START = b"\x72\x92\x03\x0a\x0dlittoral_seal\x12\x80\x03"
"""Field 14 of 402 bytes: key ``littoral_seal``, value of 384 bytes. Always the first field."""

_HEX_CHARACTERS = 384
_TELLING_BYTES = 7
_TRACES = (b"littoral_card", b"littoral_seal", b"LITTORAL-SEAL".hex().encode())

_IR_VERSION, _PRODUCER, _PRODUCER_VERSION, _DOC, _GRAPH, _OPSETS, _METADATA = 1, 2, 3, 6, 7, 8, 14
_FUNCTIONS, _FUNCTION_NODES = 25, 7
_NODES, _INITIALIZERS, _INPUTS, _OUTPUTS, _SPARSE = 1, 5, 11, 12, 15
_OP_TYPE, _ATTRIBUTES, _DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME = 1, 2, 8
_DEEPEST_GRAPH = 32

_DTYPES = {
    **{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64"},
    **{8: "str", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64"},
    **{
        14: "complex64",
        15: "complex128",
        16: "bfloat16",
        17: "float8e4m3fn",
        21: "uint4",
        22: "int4",
    },
}
_BITS = {"str": 0, "bool": 8, "bfloat16": 16, "uint4": 4, "int4": 4}
_KNOWN = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES}
_KNOWN |= {14: BYTES, 20: BYTES, 25: BYTES, 26: BYTES}


def claims(content: bytes) -> bool:
    """True when the bytes are one whole protobuf message with the fields of a ModelProto."""
    seen = set()
    try:
        for field in Message(content).fields():
            if _KNOWN.get(field.number, field.wire) != field.wire:
                return False
            seen.add(field.number)
    except FormatError:
        return False
    return {_IR_VERSION, _GRAPH} <= seen


def read_card(content: bytes) -> bytes | None:
    """The card's JSON, None when the file has no card.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    for entry in Message(content).all(_METADATA):
        if entry.text(1) == _CARD:
            return entry.blob(2)
    return None


def outline(content: bytes) -> Outline:
    """Inputs, outputs, operators and weights; see `littoral.formats.Outline`.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    model = Message(content)
    graph = _graph(model)
    constants = {tensor.text(_TENSOR_NAME) for tensor in graph.all(_INITIALIZERS)}
    operators: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for node in _nodes(graph):
        domain = node.text(_DOMAIN)
        operators[f"{domain}.{node.text(_OP_TYPE)}" if domain else node.text(_OP_TYPE)] += 1
    for tensor in _all_tensors(model):
        dtype, size = _weight(tensor)
        weights[dtype] += size
    producer = f"{model.text(_PRODUCER)} {model.text(_PRODUCER_VERSION)}".strip()
    specs = (_spec(value) for value in graph.all(_INPUTS))
    return Outline(
        inputs=tuple(spec for spec in specs if spec.name not in constants),
        outputs=tuple(_spec(value) for value in graph.all(_OUTPUTS)),
        operators=dict(operators.most_common()),
        requires=_requires(model),
        weights=dict(weights.most_common()),
        description=model.text(_DOC) or producer,
    )


def read_external(content: bytes, folder: str | None) -> Mapping[str, Buffer]:
    """The files that hold weights of this one, by their path as the file has it; often none.

    Args:
        content: The whole file.
        folder: Where it is, None where that is not known.

    Raises:
        FormatError: The file is damaged, or a file is missing, too short or not in the folder.
    """
    places = _external(content)
    if not places:
        return {}
    from littoral.formats import _onnx_external

    return _onnx_external.read(places, folder)


def external_arrays(content: bytes, files: Mapping[str, Buffer]) -> dict[str, NDArray[Any]]:
    """The weights in other files, by their names.

    Args:
        content: The whole file.
        files: As `read_external` gives them.

    Raises:
        FormatError: A type that NumPy does not have, or sizes that do not fit the bytes.
    """
    from littoral.formats import _onnx_external

    return _onnx_external.arrays(_external(content), files, _DTYPES)


def check_structure(content: bytes) -> None:
    """Refuse a file whose parts do not fit together.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    from littoral.formats import _onnx_structure  # here: a file with a sound digest needs no check

    _onnx_structure.check(content)


def external_tensor(content: bytes) -> str | None:
    """Name of a tensor whose values are in another file, None when the file is complete.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    places = _external(content)
    return places[0].tensor if places else None


def unranked(content: bytes) -> set[str]:
    """Names of the inputs of which the file does not say how many axes they have.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    inputs = _graph(Message(content)).all(_INPUTS)
    return {value.text(1) for value in inputs if _shape(value) is None}


def place_seal(content: bytes, record: bytes) -> bytes:
    """Put a seal's record in front, as an entry of ``metadata_props``."""
    return _SEAL_START + encode_seal(record) + content


def seal_span(content: bytes) -> tuple[int, int] | None:
    """Where the seal's text is, None when the file does not begin with one."""
    start, end = len(_SEAL_START), len(_SEAL_START) + _HEX_CHARACTERS
    return (start, end) if content.startswith(_SEAL_START) and len(content) >= end else None


def seal_traces(content: bytes) -> bool:
    """True when a file without a seal shows that it had one, or that littoral wrote it."""
    alike = sum(have == want for have, want in zip(content, _SEAL_START, strict=False))
    return alike >= _TELLING_BYTES or any(trace in content for trace in _TRACES)


def encode_seal(record: bytes) -> bytes:
    """The record as it stands in the file: lower-case hexadecimal."""
    return record.hex().encode()


def decode_seal(text: bytes) -> bytes | None:
    """The record out of the file; None when the text is not exactly what `encode_seal` writes."""
    try:
        record = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None
    return record if encode_seal(record) == text else None


def _graph(model: Message) -> Message:
    graph = model.first(_GRAPH)
    if graph is None:
        raise FormatError("the ONNX file holds no graph")
    return graph


def _nodes(graph: Message, depth: int = 0, field: int = _NODES) -> Iterator[Message]:
    """The nodes of a graph, or of a function (another `field`), and of the graphs inside them."""
    if depth > _DEEPEST_GRAPH:
        raise FormatError(f"graphs are nested more than {_DEEPEST_GRAPH} deep: the file is damaged")
    for node in graph.all(field):
        yield node
        for inner in _inside(node, _ATTRIBUTE_GRAPHS):
            yield from _nodes(inner, depth + 1)


def _tensors(graph: Message, depth: int = 0, field: int = _NODES) -> Iterator[Message]:
    """The constants of a graph: initializers, attributes, and those of the graphs inside."""
    if depth > _DEEPEST_GRAPH:
        raise FormatError(f"graphs are nested more than {_DEEPEST_GRAPH} deep: the file is damaged")
    if field == _NODES:
        yield from graph.all(_INITIALIZERS)
        for sparse in graph.all(_SPARSE):
            yield from _parts(sparse)
    for node in graph.all(field):
        yield from _inside(node, _ATTRIBUTE_TENSORS)
        for sparse in _inside(node, _ATTRIBUTE_SPARSE):
            yield from _parts(sparse)
        for inner in _inside(node, _ATTRIBUTE_GRAPHS):
            yield from _tensors(inner, depth + 1)


def _external(content: bytes) -> list[Place]:
    if b"location" not in content:
        return []
    from littoral.formats import _onnx_external

    return _onnx_external.places(_all_tensors(Message(content)))


def _parts(sparse: Message) -> Iterator[Message]:
    """Values and indices of a sparse tensor."""
    yield from (*sparse.all(1), *sparse.all(2))


def _all_tensors(model: Message) -> Iterator[Message]:
    """The constants of the graph and of the file's own functions."""
    yield from _tensors(_graph(model))
    for function in model.all(_FUNCTIONS):
        yield from _tensors(function, field=_FUNCTION_NODES)


def _inside(node: Message, numbers: tuple[int, ...]) -> Iterator[Message]:
    for attribute in node.all(_ATTRIBUTES):
        for field in attribute.fields():
            if field.number in numbers and field.wire == BYTES:
                yield attribute.sub(field)


def _weight(tensor: Message) -> tuple[str, int]:
    number = tensor.number(_TENSOR_TYPE)
    dtype = _DTYPES.get(number, f"type {number}")
    count = 1
    for size in tensor.numbers(_TENSOR_DIMS):
        count *= size
    digits = "".join(character for character in dtype if character.isdigit())
    bits = _BITS.get(dtype, int(digits) if digits else 8)
    return dtype, count * bits // 8


def _spec(value: Message) -> TensorSpec:
    kind = value.first(2)
    tensor = kind.first(1) if kind is not None else None
    shape = _shape(value)
    sizes = shape.all(1) if shape is not None else []
    number = tensor.number(1) if tensor is not None else 0
    return TensorSpec(
        name=value.text(1),
        shape=tuple(size.number(1) if size.number(1, -1) >= 0 else None for size in sizes),
        dtype=_DTYPES.get(number, "not a tensor" if tensor is None else f"type {number}"),
        is_ranked=tensor is None or shape is not None,
    )


def _shape(value: Message) -> Message | None:
    """The shape of an input or output, None where there is none or it is no tensor."""
    kind = value.first(2)
    tensor = kind.first(1) if kind is not None else None
    return tensor.first(2) if tensor is not None else None


def _requires(model: Message) -> dict[str, str]:
    found = {"ONNX IR": str(model.number(_IR_VERSION))}
    for opset in model.all(_OPSETS):
        found[f"{opset.text(1) or 'ai.onnx'} opset"] = str(opset.number(2))
    return found
