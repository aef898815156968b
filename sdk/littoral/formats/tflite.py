"""TFLite: a FlatBuffer with the file identifier ``TFL3`` (schema version 3).

Field ids are those of the published schema, in the order of its tables.
"""

from __future__ import annotations

from littoral.errors import FormatError
from littoral.formats._flatbuffer import Table, root

SUFFIX = ".tflite"
IDENTIFIER = b"TFL3"
_CARD = "littoral_card"

_MODEL_CODES, _MODEL_SUBGRAPHS, _MODEL_BUFFERS, _MODEL_METADATA, _MODEL_SIGNATURES = 1, 2, 4, 6, 7
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_NAME, _TENSOR_IS_VARIABLE = 3, 5
_OPERATOR_CODE, _OPERATOR_OPTIONS = 0, 4
_CALL_ONCE, _ASSIGN_VARIABLE = 129, 144


def claims(content: bytes) -> bool:
    """True when the file identifier stands where a FlatBuffer has it."""
    return content[4:8] == IDENTIFIER


def io_names(content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a caller calls the inputs and outputs, in the order of the file's first subgraph.

    A single signature names them; failing that the tensors do, without what TensorFlow's exporters
    add to a name (``serving_default_`` in front, ``:0`` behind), unless two would then be the same.

    Args:
        content: The whole file.

    Returns:
        Names of the inputs and names of the outputs.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    graphs = model.tables(_MODEL_SUBGRAPHS)
    if not graphs:
        raise FormatError("the TFLite file holds no graph")
    tensors = graphs[0].tables(_GRAPH_TENSORS)
    signatures = model.tables(_MODEL_SIGNATURES)
    signature = signatures[0] if len(signatures) == 1 else None
    if signature is not None and signature.number(4, "<I"):
        signature = None
    inputs = _names(graphs[0].numbers(_GRAPH_INPUTS, "i"), tensors, signature, 0)
    outputs = _names(graphs[0].numbers(_GRAPH_OUTPUTS, "i"), tensors, signature, 1)
    return inputs, outputs


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


def operator_code(code: Table) -> int:
    """The builtin operator's number: the old one-byte field saturates at 127, the newer does not."""
    return max(code.number(0, "<b"), code.number(3, "<i"))


def read_card(content: bytes) -> bytes | None:
    """The card's JSON, None when the file has no card.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    for entry in model.tables(_MODEL_METADATA):
        if entry.text(0) == _CARD:
            buffers = model.tables(_MODEL_BUFFERS)
            index = entry.number(1, "<I")
            if index >= len(buffers):
                raise FormatError(f"the card is said to be in buffer {index}, which is not there")
            return buffers[index].blob(0)
    return None


def _names(
    indices: tuple[int, ...], tensors: list[Table], signature: Table | None, side: int
) -> tuple[str, ...]:
    for index in indices:
        if not 0 <= index < len(tensors):
            raise FormatError(f"the graph names tensor {index} of {len(tensors)}: it is damaged")
    raw = tuple(tensors[index].text(_TENSOR_NAME) for index in indices)
    if signature is not None:
        names = {entry.number(1, "<I"): entry.text(0) for entry in signature.tables(side)}
        if all(index in names for index in indices):
            raw = tuple(names[index] for index in indices)
            return raw if len(set(raw)) == len(raw) else _numbered(raw)
    plain = tuple(_plain(name) for name in raw)
    if len(set(plain)) == len(plain):
        return plain
    return raw if len(set(raw)) == len(raw) else _numbered(raw)


def _plain(name: str) -> str:
    name = name.removeprefix("serving_default_")
    head, colon, tail = name.rpartition(":")
    return head if colon and tail.isdigit() else name


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}#{position}" for position, name in enumerate(names))


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
