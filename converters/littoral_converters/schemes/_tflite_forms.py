"""Which TFLite operators compute in integers, and what they ask of their tensors. Data.

Source: the kernels of tflite-runtime 2.14 and ai-edge-litert 2.3, whose type checks every row was
tried against, and TensorFlow's published 8-bit quantization specification for fixed scales.
"""

from __future__ import annotations

from dataclasses import dataclass

from littoral_converters.trees.tflite import OP


@dataclass(frozen=True)
class Form:
    """An operator's integer form.

    Attributes:
        int8: Version that takes int8 activations.
        int16: Version that takes int16 activations; None when there is none.
        activations: Positions of the inputs that are activations; None for all of them.
        moves: Whether it only moves or selects values, so that all share one scale.
        fixed: Its output's scale for int8, int16 and zero point for int8; None where it is free.
    """

    int8: int
    int16: int | None
    activations: tuple[int, ...] | None = (0,)
    moves: bool = False
    fixed: tuple[float, float, int] | None = None


_UNIT = (1 / 256, 1 / 32768, -128)
_SIGNED_UNIT = (1 / 128, 1 / 32768, 0)

FORMS = {
    OP.ADD: Form(2, 3, None),
    OP.SUB: Form(2, 5, None),
    OP.MUL: Form(3, 4, None),
    OP.SQUARED_DIFFERENCE: Form(2, None, None),
    OP.BATCH_MATMUL: Form(2, 3, None),
    OP.MEAN: Form(2, 3),
    OP.SUM: Form(2, None),
    OP.ABS: Form(2, 3),
    OP.EXP: Form(2, 2),
    OP.LOG: Form(2, 2),
    OP.RSQRT: Form(2, 3),
    OP.RELU: Form(2, 3),
    OP.RELU6: Form(2, 3),
    OP.RELU_N1_TO_1: Form(1, None),
    OP.LEAKY_RELU: Form(1, 2),
    OP.PRELU: Form(1, None, None),
    OP.ELU: Form(1, None),
    OP.GELU: Form(2, 2),
    OP.HARD_SWISH: Form(1, None),
    OP.LOGISTIC: Form(2, 3, fixed=_UNIT),
    OP.SOFTMAX: Form(2, 3, fixed=_UNIT),
    OP.TANH: Form(2, 3, fixed=_SIGNED_UNIT),
    OP.L2_NORMALIZATION: Form(2, None, fixed=_SIGNED_UNIT),
    OP.LOG_SOFTMAX: Form(2, None, fixed=(16 / 256, 0.0, 127)),
    OP.AVERAGE_POOL_2D: Form(2, 3, moves=True),
    OP.MAX_POOL_2D: Form(2, 3, moves=True),
    OP.REDUCE_MAX: Form(2, 3, moves=True),
    OP.REDUCE_MIN: Form(2, 3, moves=True),
    OP.MAXIMUM: Form(2, 4, None, moves=True),
    OP.MINIMUM: Form(2, 4, None, moves=True),
    OP.CONCATENATION: Form(2, 3, None, moves=True),
    OP.PACK: Form(2, 3, None, moves=True),
    OP.UNPACK: Form(2, 4, moves=True),
    OP.SPLIT: Form(2, 4, (1,), moves=True),
    OP.SPLIT_V: Form(2, 2, moves=True),
    OP.SLICE: Form(2, 4, moves=True),
    OP.STRIDED_SLICE: Form(2, 4, moves=True),
    OP.GATHER: Form(2, 4, moves=True),
    OP.GATHER_ND: Form(1, 3, moves=True),
    OP.RESHAPE: Form(1, 1, moves=True),
    OP.SQUEEZE: Form(1, 1, moves=True),
    OP.EXPAND_DIMS: Form(1, 1, moves=True),
    OP.TRANSPOSE: Form(2, 5, moves=True),
    OP.REVERSE_V2: Form(3, 3, moves=True),
    OP.TILE: Form(3, 3, moves=True),
    OP.BROADCAST_TO: Form(3, 3, moves=True),
    OP.PAD: Form(2, 3, moves=True),
    OP.PADV2: Form(2, 3, (0, 2), moves=True),
    OP.MIRROR_PAD: Form(2, 3, moves=True),
    OP.SPACE_TO_BATCH_ND: Form(2, 4, moves=True),
    OP.BATCH_TO_SPACE_ND: Form(2, 4, moves=True),
    OP.SPACE_TO_DEPTH: Form(2, None, moves=True),
    OP.DEPTH_TO_SPACE: Form(2, None, moves=True),
    OP.RESIZE_BILINEAR: Form(3, 4, moves=True),
    OP.RESIZE_NEAREST_NEIGHBOR: Form(3, 4, moves=True),
    OP.SELECT: Form(2, 2, (1, 2), moves=True),
    OP.SELECT_V2: Form(1, 1, (1, 2), moves=True),
    OP.TOPK_V2: Form(2, 3, moves=True),
    OP.ARG_MAX: Form(2, None),
    OP.ARG_MIN: Form(2, None),
    OP.EQUAL: Form(2, 4, None, moves=True),
    OP.NOT_EQUAL: Form(2, 3, None, moves=True),
    OP.LESS: Form(2, 3, None, moves=True),
    OP.LESS_EQUAL: Form(2, 2, None, moves=True),
    OP.GREATER: Form(2, 2, None, moves=True),
    OP.GREATER_EQUAL: Form(2, 3, None, moves=True),
}

WEIGHTED_INT16 = {
    OP.FULLY_CONNECTED: 7,
    OP.CONV_2D: 4,
    OP.DEPTHWISE_CONV_2D: 5,
    OP.TRANSPOSE_CONV: 3,
}
"""Versions of the operators with weights that take int16 activations."""
