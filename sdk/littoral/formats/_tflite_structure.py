"""What must hold of a .tflite file before an engine sees it.

Engines check some of this, by release; what they do not check kills the process. Each rule here was
broken by a damaged file that did, or is what a kernel takes for granted. None says that a model is
good: the aim is that no sound file of whatever origin is refused.

    tables        vtables, fields and vectors inside the file
    operators     a known opcode, tensors that exist, as many as the kernel reads, none read before
                  it is made; graphs that do not call themselves
    tensors       a buffer that exists and holds what shape and type need, less than 4 GiB
    quantization  scales that are numbers, zero points that the type can hold
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import FormatError
from littoral.formats._flatbuffer_columns import Tables, Vectors, root
from littoral.formats._tflite_arity import CALLS, SPREADS, TABLE

_MODEL_CODES, _MODEL_SUBGRAPHS, _MODEL_BUFFERS = 1, 2, 4
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_SHAPE, _TYPE, _BUFFER, _NAME, _QUANTIZATION, _VARIABLE, _SPARSITY = 0, 1, 2, 3, 4, 5, 6
_SIGNATURE = 7
_SCALE, _ZERO_POINT, _AXIS = 2, 3, 6
_CODE, _OPTIONS_TYPE, _OPTIONS, _CUSTOM_OPTIONS, _INTERMEDIATES, _OPTIONS_2 = 0, 3, 4, 5, 8, 12

_LARGEST_TENSOR_BYTES = float(1 << 32)
_SMALLEST_SCALE = float(np.finfo(np.float32).tiny)

# Bits of one item by type number; 0: not known, or of no fixed size.
_BITS = np.array(
    [32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16, 2] + [0] * 236
)
_QUANTIZED = {3: (0, 255), 7: (-(1 << 15), (1 << 15) - 1), 9: (-128, 127)}
"""What uint8, int16 and int8 can hold, by type number."""


def check(content: bytes) -> None:
    """Refuse a file that would make an engine read what is not there.

    Args:
        content: The whole file.

    Raises:
        FormatError: A rule does not hold; the message says which and where.
    """
    model = root(content)
    codes = model.vectors(_MODEL_CODES, 4).tables()
    numbers = np.maximum(codes.numbers(0, "i1").astype(np.int64), codes.numbers(3, "<i4"))
    held = _buffers(model.vectors(_MODEL_BUFFERS, 4).tables(), len(content))
    graphs = model.vectors(_MODEL_SUBGRAPHS, 4).tables()
    if not graphs.count:
        raise FormatError("the TFLite file holds no graph")
    tensors = graphs.vectors(_TENSORS, 4)
    ready = _tensors(tensors.tables(), held)
    firsts = np.cumsum(tensors.counts) - tensors.counts
    inputs = graphs.vectors(_INPUTS, 4)
    given = _indices(inputs, tensors.counts, "a graph")
    ready[(firsts[inputs.rows] + given)[given >= 0]] = True
    _indices(graphs.vectors(_OUTPUTS, 4), tensors.counts, "a graph")
    operators = graphs.vectors(_OPERATORS, 4)
    of = operators.rows
    _operators(operators.tables(), numbers, _Graphs(of, tensors.counts[of], firsts[of], ready))


@dataclass(frozen=True)
class _Graphs:
    """Where the operators of all graphs are, and what they find.

    Attributes:
        of: For each operator, its graph.
        counts: For each operator, how many tensors its graph has.
        firsts: For each operator, how many tensors the graphs before its own have.
        ready: For each tensor of all graphs, whether it has a value before any operator runs.
    """

    of: NDArray[np.int64]
    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    ready: NDArray[np.bool_]


def _buffers(buffers: Tables, size: int) -> NDArray[np.float64]:
    """Bytes that each buffer holds, inside the FlatBuffer or behind it."""
    held = buffers.vectors(0, 1).counts.astype(np.float64)
    offsets = buffers.numbers(1, "<u8").astype(np.float64)
    outside = offsets > 1
    if outside.any():
        lengths = buffers.numbers(2, "<u8").astype(np.float64)
        if (offsets + lengths)[outside].max() > size:
            raise FormatError("weights behind the FlatBuffer end outside the file: it is truncated")
        held = np.where(outside, lengths, held)
    return held


def _tensors(tensors: Tables, held: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Check every tensor; returns which need no operator to have a value."""
    tensors.vectors(_NAME, 1)
    tensors.vectors(_SIGNATURE, 4)
    tensors.tables(_SPARSITY)
    buffers = tensors.numbers(_BUFFER, "<u4")
    _demand(buffers < len(held), "tensor", "is said to be in a buffer that is not there")
    shapes = tensors.vectors(_SHAPE, 4)
    kinds = tensors.numbers(_TYPE, "u1")
    items = np.ones(tensors.count)
    # An open size, -1, counts as 1; a size of 0 leaves nothing to be stored.
    with np.errstate(over="ignore"):
        np.multiply.at(items, shapes.rows, np.abs(shapes.flat("<i4").astype(np.float64)))
    needed = np.ceil(items * _BITS[kinds] / 8)
    _demand(needed < _LARGEST_TENSOR_BYTES, "tensor", "is said to have 4 GiB or more")
    stored = held[buffers]
    dense = tensors.fields(_SPARSITY, 4) == 0
    sound = (stored == 0) | ~dense | (needed <= stored)
    _demand(sound, "tensor", "is larger than the buffer that its values are in")
    _quantization(*tensors.tables(_QUANTIZATION), kinds, shapes.counts)
    ready: NDArray[np.bool_] = (stored > 0) | (needed == 0)
    return ready | (tensors.numbers(_VARIABLE, "u1") > 0)


def _quantization(
    parameters: Tables, rows: NDArray[np.int64], kinds: NDArray[Any], ranks: NDArray[np.int64]
) -> None:
    if not parameters.count:
        return
    scales, zero_points = parameters.vectors(_SCALE, 4), parameters.vectors(_ZERO_POINT, 8)
    kinds = kinds[rows]
    quantized = np.isin(kinds, list(_QUANTIZED))
    values, of = scales.flat("<f4"), scales.rows
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(values) & ((values == 0) | (values >= _SMALLEST_SCALE))
    _demand(sound | ~quantized[of], "quantization scale", "is no positive number")
    zeros, of = zero_points.flat("<i8"), zero_points.rows
    for kind, (least, most) in _QUANTIZED.items():
        sound = (kinds[of] != kind) | ((zeros >= least) & (zeros <= most))
        _demand(sound | (scales.counts[of] == 0), "zero point", "is beyond what its type can hold")
    axes = parameters.numbers(_AXIS, "<i4")
    several = quantized & (scales.counts > 1)
    _demand(
        ~several | ((axes >= 0) & (axes < ranks[rows])),
        "quantized tensor",
        "has scales along an axis that is not there",
    )


def _operators(operators: Tables, numbers: NDArray[np.int64], graphs: _Graphs) -> None:
    """Check every operator of every graph, whose operator numbers the file names."""
    codes = operators.numbers(_CODE, "<u4")
    _demand(codes < len(numbers), "operator", "is of a kind that the file does not name")
    kinds = numbers[codes]
    known = np.clip(kinds, -1, len(TABLE) - 2)
    least_in, most_in, needed, least_out, most_out = TABLE[known].T
    inputs, outputs = operators.vectors(1, 4), operators.vectors(2, 4)
    sound = (inputs.counts >= least_in) & (inputs.counts <= most_in)
    _demand(sound, "operator", "has too few or too many inputs")
    sound = (outputs.counts >= least_out) & (outputs.counts <= most_out)
    _demand(sound, "operator", "has too few or too many outputs")
    read = _indices(inputs, graphs.counts, "an operator")
    sound = (read >= 0) | (inputs.columns >= needed[inputs.rows])
    _demand(sound, "operator input", "is left out")
    written = _indices(outputs, graphs.counts, "an operator")
    sound = (written >= 0) | (least_out == 0)[outputs.rows]
    _demand(sound, "operator output", "is left out")
    _order(inputs, read, outputs, written, graphs)
    _indices(operators.vectors(_INTERMEDIATES, 4), graphs.counts, "an operator")
    operators.vectors(_CUSTOM_OPTIONS, 1)
    operators.tables(_OPTIONS)
    operators.tables(_OPTIONS_2)
    _options(operators, kinds, outputs.counts, graphs.of)


def _options(
    operators: Tables,
    kinds: NDArray[np.int64],
    outputs: NDArray[np.int64],
    graphs: NDArray[np.int64],
) -> None:
    types = operators.numbers(_OPTIONS_TYPE, "u1")
    for kind, expected in SPREADS.items():
        mine = kinds == kind
        if mine.any():
            options, rows = operators.tables(_OPTIONS, mine & (types == expected))
            stated = np.full(operators.count, -1)
            stated[rows] = options.numbers(0, "<i4")
            sound = ~mine | (stated == outputs)
            _demand(sound, "operator", "has another number of outputs than its options say")
    calls: list[tuple[int, int]] = []
    for kind, (expected, count) in CALLS.items():
        mine = (kinds == kind) & (types == expected)
        if mine.any():
            options, rows = operators.tables(_OPTIONS, mine)
            for place in range(count):
                called = options.numbers(place, "<i4").tolist()
                calls += zip(graphs[rows].tolist(), called, strict=True)
    _acyclic(calls)


def _acyclic(calls: list[tuple[int, int]]) -> None:
    """Take away, over and over, the graphs that call none of the rest: all must go."""
    calls = sorted(set(calls))
    while calls:
        callers = {caller for caller, _ in calls}
        left = [call for call in calls if call[1] in callers]
        if len(left) == len(calls):
            raise FormatError("a graph of the TFLite file calls itself: the file is damaged")
        calls = left


def _order(
    inputs: Vectors,
    read: NDArray[Any],
    outputs: Vectors,
    written: NDArray[Any],
    graphs: _Graphs,
) -> None:
    """Check that what an operator reads has been given, stored or made by an earlier one."""
    made_by = np.full(len(graphs.ready), len(graphs.of))
    places = graphs.firsts[outputs.rows] + written
    there = written >= 0
    np.minimum.at(made_by, places[there], outputs.rows[there])
    made_by[graphs.ready] = -1
    there = read >= 0
    readers = inputs.rows[there]
    sound = made_by[graphs.firsts[readers] + read[there]] < readers
    if not np.logical_and.reduce(sound):
        reader = int(readers[~sound][0])
        raise FormatError(
            f"operator {reader} of the TFLite file reads a tensor that nothing has made: the file "
            "is damaged"
        )


def _indices(items: Vectors, tensors: NDArray[np.int64], whose: str) -> NDArray[Any]:
    """Check indices of tensors, -1 for none; returns them."""
    values = items.flat("<i4")
    if ((values < -1) | (values >= tensors[items.rows])).any():
        raise FormatError(f"{whose} names a tensor that is not there: the file is damaged")
    return values


def _demand(sound: NDArray[np.bool_], what: str, trouble: str) -> None:
    if not np.logical_and.reduce(sound):
        place = int(np.flatnonzero(~sound)[0])
        raise FormatError(f"{what} {place} of the TFLite file {trouble}: the file is damaged")
