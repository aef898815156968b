"""Where a TFLite file is entered: a graph, its inputs and outputs, and what a caller calls them.

Names come from a signature where there is one; failing that the tensors have some, without what
TensorFlow's exporters add (``serving_default_`` in front, ``:0`` behind), unless two would then be
the same. The order is the graph's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from littoral.errors import FormatError, InputError
from littoral.formats import Signature
from littoral.formats._flatbuffer import Table

_MODEL_SUBGRAPHS, _MODEL_SIGNATURES = 2, 7
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS = 0, 1, 2
_TENSOR_NAME = 3
_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS, _SIGNATURE_KEY, _SIGNATURE_GRAPH = 0, 1, 2, 4
_USUAL = "serving_default"

Side = tuple[tuple[int, str], ...]


class EntryPoint(NamedTuple):
    """What one call of a file runs.

    Attributes:
        graph: Number of the subgraph.
        inputs: Tensor number and name of each input.
        outputs: Tensor number and name of each output.
    """

    graph: int
    inputs: Side
    outputs: Side


def entry_point(model: Table, signature: str | None = None) -> EntryPoint:
    """Where to enter.

    Args:
        model: The file's root.
        signature: A signature's name; None for the first graph, under the names of its signature:
            the only one, or the one called ``serving_default``.

    Raises:
        FormatError: The file is damaged.
        InputError: No such signature; the message lists the ones there are.
    """
    graphs = model.tables(_MODEL_SUBGRAPHS)
    if not graphs:
        raise FormatError("the TFLite file holds no graph")
    entries = model.tables(_MODEL_SIGNATURES)
    chosen = _usual(entries) if signature is None else _of_name(entries, signature)
    number = chosen.number(_SIGNATURE_GRAPH, "<I") if chosen is not None else 0
    if number >= len(graphs):
        raise FormatError(f"a signature names graph {number} of {len(graphs)}: it is damaged")
    graph = graphs[number]
    tensors = graph.tables(_GRAPH_TENSORS)
    taken, given = (
        () if chosen is None else _mapping(chosen, side)
        for side in (_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS)
    )
    indices = graph.numbers(_GRAPH_OUTPUTS, "i")
    if signature is not None:
        # A signature may give less than its graph, what is inside, or one tensor twice.
        order = (*indices, *(index for index, _ in given)).index
        given = tuple(sorted(given, key=lambda pair: order(pair[0])))
        indices = tuple(index for index, _ in given)
    return EntryPoint(
        number,
        _side(graph.numbers(_GRAPH_INPUTS, "i"), tensors, taken),
        _side(indices, tensors, given),
    )


def signatures(model: Table) -> Mapping[str, Signature]:
    """Every signature of a file, by name.

    Args:
        model: The file's root.

    Raises:
        FormatError: The file is damaged.
    """
    return {
        entry.text(_SIGNATURE_KEY): Signature(
            tuple(name for _, name in _mapping(entry, _SIGNATURE_INPUTS)),
            tuple(name for _, name in _mapping(entry, _SIGNATURE_OUTPUTS)),
        )
        for entry in model.tables(_MODEL_SIGNATURES)
    }


def _usual(entries: list[Table]) -> Table | None:
    """The signature that names the first graph's tensors, None where it is not clear which."""
    first = [entry for entry in entries if not entry.number(_SIGNATURE_GRAPH, "<I")]
    if len(first) > 1:
        first = [entry for entry in first if entry.text(_SIGNATURE_KEY) == _USUAL]
    return first[0] if len(first) == 1 else None


def _of_name(entries: list[Table], name: str) -> Table:
    known = {entry.text(_SIGNATURE_KEY): entry for entry in entries}
    if name not in known:
        listed = ", ".join(map(repr, known)) or "the file has none"
        raise InputError(f"no signature {name!r}: {f'choose from {listed}' if known else listed}")
    return known[name]


def _mapping(signature: Table, side: int) -> Side:
    return tuple((entry.number(1, "<I"), entry.text(0)) for entry in signature.tables(side))


def _side(indices: tuple[int, ...], tensors: list[Table], mapping: Side) -> Side:
    for index in (*indices, *(index for index, _ in mapping)):
        if not 0 <= index < len(tensors):
            raise FormatError(f"the graph names tensor {index} of {len(tensors)}: it is damaged")
    names = dict(mapping)
    if tuple(index for index, _ in mapping) == indices:
        # Two names may mean one tensor.
        return _distinct(indices, tuple(name for _, name in mapping))
    if all(index in names for index in indices):
        return _distinct(indices, tuple(names[index] for index in indices))
    raw = tuple(tensors[index].text(_TENSOR_NAME) for index in indices)
    plain = tuple(_plain(name) for name in raw)
    return _distinct(indices, plain if len(set(plain)) == len(plain) else raw)


def _distinct(indices: tuple[int, ...], names: tuple[str, ...]) -> Side:
    """Names by position where some are alike or empty."""
    if len(set(names)) < len(names):
        names = tuple(f"{name}#{position}" for position, name in enumerate(names))
    return tuple(zip(indices, names, strict=True))


def _plain(name: str) -> str:
    name = name.removeprefix("serving_default_")
    head, colon, tail = name.rpartition(":")
    return head if colon and tail.isdigit() else name
