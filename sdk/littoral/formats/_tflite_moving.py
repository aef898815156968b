"""Whether a .tflite makes its engine move memory while it runs.

The engine plans its memory when it is prepared, but leaves out what a kernel makes room for as it
runs: then it plans again in the middle of a call, and the inputs may lie elsewhere afterwards. A
file need not say so: a kernel may well know no size that the converter wrote down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from littoral.formats._flatbuffer_columns import Tables, Vectors, root
from littoral.formats._tflite_operators import NAMES

_MODEL_CODES, _MODEL_SUBGRAPHS = 1, 2
_TENSORS, _INPUTS, _OPERATORS = 0, 1, 3
_SIGNATURE = 7

_ALWAYS = (
    "CUSTOM EMBEDDING_LOOKUP_SPARSE HASHTABLE_FIND HASHTABLE_SIZE MULTINOMIAL "
    "NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 UNIQUE WHERE"
)
_DECIDED_BY: dict[tuple[int, ...], str] = {
    (0,): "CONV_3D_TRANSPOSE FILL RANDOM_STANDARD_NORMAL RANDOM_UNIFORM SPLIT TRANSPOSE_CONV",
    (1,): (
        "ARG_MAX ARG_MIN BROADCAST_TO EXPAND_DIMS MEAN MIRROR_PAD ONE_HOT PAD PADV2 REDUCE_ALL "
        "REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD RESHAPE RESIZE_BILINEAR "
        "RESIZE_NEAREST_NEIGHBOR RFFT2D SEGMENT_SUM SPARSE_TO_DENSE SUM TILE TOPK_V2 TRANSPOSE"
    ),
    (2,): "SCATTER_ND",
    (1, 2): (
        "BATCH_TO_SPACE_ND SLICE SPACE_TO_BATCH_ND SPLIT_V UNSORTED_SEGMENT_MAX "
        "UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_SUM"
    ),
    (0, 1, 2): "RANGE",
    (1, 2, 3): "STRIDED_SLICE",
}
"""Operators by the inputs that must be constants for the kernel to know its output's size."""
_PLACES = 5
"""One more than decide anything: it stands for all the inputs behind."""


def _table() -> NDArray[np.bool_]:
    """By operator number, and one row for all others: which inputs decide the output's size."""
    table = np.zeros((len(NAMES) + 1, _PLACES), bool)
    for places, names in _DECIDED_BY.items():
        for name in names.split():
            table[NAMES.index(name), list(places)] = True
    return table


_DECISIVE = _table()
_SELF_SIZED = [NAMES.index(name) for name in _ALWAYS.split()]


def moves_memory(content: bytes) -> bool:
    """Whether the size of some tensor of a file is known only while it runs.

    Args:
        content: The whole file.

    Raises:
        FormatError: The file is damaged.
    """
    model = root(content)
    codes = model.vectors(_MODEL_CODES, 4).tables()
    kinds = np.maximum(codes.numbers(0, "i1").astype(np.int64), codes.numbers(3, "<i4"))
    if np.isin(kinds, _SELF_SIZED).any():
        return True
    graphs = model.vectors(_MODEL_SUBGRAPHS, 4).tables()
    tensors = graphs.vectors(_TENSORS, 4)
    if (tensors.tables().vectors(_SIGNATURE, 4).flat("<i4") == -1).any():
        return True
    return _has_computed_sizes(graphs, tensors, kinds)


def _has_computed_sizes(graphs: Tables, tensors: Vectors, kinds: NDArray[np.int64]) -> bool:
    """Whether an operator takes its output's size from a tensor that is no constant."""
    firsts = np.cumsum(tensors.counts) - tensors.counts
    operators = graphs.vectors(_OPERATORS, 4)
    of, each = operators.rows, operators.tables()
    given, read, written = graphs.vectors(_INPUTS, 4), each.vectors(1, 4), each.vectors(2, 4)
    is_constant = np.ones(int(tensors.counts.sum()) + 1, bool)
    is_constant[firsts[given.rows] + given.flat("<i4")] = False
    is_constant[firsts[of[written.rows]] + written.flat("<i4")] = False
    is_constant[-1] = True  # what is left out
    index = read.flat("<i4")
    place = np.where(index < 0, -1, firsts[of[read.rows]] + index)
    kind = np.clip(kinds[each.numbers(0, "<u4")[read.rows]], -1, len(NAMES))
    is_decisive = _DECISIVE[kind, np.minimum(read.columns, _PLACES - 1)]
    return bool((is_decisive & ~is_constant[place]).any())
