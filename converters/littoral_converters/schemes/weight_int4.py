"""weight_int4: weights of 4 bits, float activations; an eighth of the float size."""

from __future__ import annotations

from littoral_converters.schemes import NOTHING, KeepFloat, Samples

NEEDS_SAMPLES = False
MAX_ERROR = None
RMS_ERROR = 0.2
MAX_DROP = 2.0
KEEPS_FLOAT = True
WEIGHT_BYTES = 0.5


def tflite(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """Store the weights of matrix products and convolutions with one scale per output channel."""
    from littoral_converters.schemes._tflite_int4 import make_int4
    from littoral_converters.trees.tflite import parse, serialize

    del samples
    model = parse(content)
    make_int4(model, keep_float)
    return serialize(model)


def onnx(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """MatMulNBits for matrix products, packed weights elsewhere; see `_onnx_int4`."""
    from littoral_converters.schemes import _onnx_int4

    del samples
    return _onnx_int4.make_int4(content, keep_float)
