"""How many inputs and outputs TFLite's kernels take for granted, by operator.

Only operators whose numbers are the same in every release; the others have no entry, and any number
passes. Kernels read their inputs by place, so a file that gives too few makes them read beyond the
list. Some of the inputs may be left out (index -1); a kernel follows the index of any other one.
"""

from __future__ import annotations

import numpy as np

from littoral.formats._tflite_operators import NAMES

ANY = 1 << 30

_UNARY = (
    "ABS NEG EXP LOG SQRT RSQRT SQUARE SIN COS FLOOR CEIL ROUND SIGN LOGISTIC TANH RELU RELU6 "
    "RELU_N1_TO_1 RELU_0_TO_1 ELU HARD_SWISH LEAKY_RELU GELU LOGICAL_NOT CAST DEQUANTIZE QUANTIZE "
    "SHAPE RANK ZEROS_LIKE SOFTMAX LOG_SOFTMAX L2_NORMALIZATION LOCAL_RESPONSE_NORMALIZATION "
    "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D DEPTH_TO_SPACE SPACE_TO_DEPTH FAKE_QUANT WHERE REAL "
    "IMAG COMPLEX_ABS SQUEEZE MATRIX_DIAG BITCAST READ_VARIABLE"
)
_BINARY = (
    "ADD SUB MUL DIV POW MAXIMUM MINIMUM FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE EQUAL NOT_EQUAL "
    "GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_OR ATAN2 BITWISE_XOR RIGHT_SHIFT "
    "PRELU GATHER GATHER_ND TRANSPOSE MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY "
    "REDUCE_ALL ARG_MAX ARG_MIN PAD MIRROR_PAD TILE BROADCAST_TO EXPAND_DIMS FILL RESIZE_BILINEAR "
    "RESIZE_NEAREST_NEIGHBOR REVERSE_V2 CUMSUM EMBEDDING_LOOKUP MATRIX_SET_DIAG RFFT2D "
    "BATCH_MATMUL REVERSE_SEQUENCE SEGMENT_SUM BROADCAST_ARGS"
)
_TERNARY = "PADV2 SLICE SELECT SELECT_V2 RANGE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND SCATTER_ND "
_TERNARY += "DYNAMIC_UPDATE_SLICE UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM "
_TERNARY += "UNSORTED_SEGMENT_MIN"

# inputs: least, most, how many of the first ones must be there; outputs: least, most
_ARITY: dict[str, tuple[int, int, int, int, int]] = {
    **dict.fromkeys(_UNARY.split(), (1, 1, 1, 1, 1)),
    **dict.fromkeys(_BINARY.split(), (2, 2, 2, 1, 1)),
    **dict.fromkeys(_TERNARY.split(), (3, 3, 3, 1, 1)),
    "STRIDED_SLICE": (4, 5, 4, 1, 1),
    "ONE_HOT": (4, 4, 4, 1, 1),
    "SPARSE_TO_DENSE": (4, 4, 4, 1, 1),
    "RESHAPE": (1, 2, 1, 1, 1),
    "CONV_2D": (2, 3, 2, 1, 1),
    "DEPTHWISE_CONV_2D": (3, 3, 2, 1, 1),  # without a bias tflite-runtime 2.14 and LiteRT 2.3 die
    "CONV_3D": (2, 3, 2, 1, 1),
    "TRANSPOSE_CONV": (3, 4, 3, 1, 1),
    "CONV_3D_TRANSPOSE": (3, 4, 3, 1, 1),
    "FULLY_CONNECTED": (2, 3, 2, 1, 2),
    "CONCATENATION": (1, ANY, ANY, 1, 1),
    "PACK": (1, ANY, ANY, 1, 1),
    "ADD_N": (1, ANY, ANY, 1, 1),
    "UNPACK": (1, 1, 1, 1, ANY),
    "SPLIT": (2, 2, 2, 1, ANY),
    "SPLIT_V": (3, 3, 3, 1, ANY),
    "TOPK_V2": (2, 2, 2, 2, 2),
    "UNIQUE": (1, 1, 1, 2, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (5, ANY, 2, 1, ANY),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (20, ANY, 1, 1, ANY),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (48, ANY, 1, 1, ANY),
    "SVDF": (5, 5, 3, 1, 2),
    "VAR_HANDLE": (0, 0, 0, 1, 1),
    "ASSIGN_VARIABLE": (2, 2, 2, 0, 0),
}

_FREE = (0, ANY, 0, 0, ANY)

TABLE = np.array([*(_ARITY.get(name, _FREE) for name in NAMES), _FREE, _FREE], np.int64)
"""By operator number: least and most inputs, needed first ones, least and most outputs. The last
two rows, for numbers beyond the list and below it, let everything pass."""

SPREADS = {
    NAMES.index(name): kind for name, kind in {"SPLIT": 35, "SPLIT_V": 79, "UNPACK": 64}.items()
}
"""Operators whose options begin with the number of outputs, and the type of these options."""

_CALLS = {"IF": (92, 2), "WHILE": (93, 2), "CALL_ONCE": (103, 1)}
CALLS = {NAMES.index(name): told for name, told in _CALLS.items()}
"""Operators whose options begin with the graphs that they call: the options' type, how many."""
