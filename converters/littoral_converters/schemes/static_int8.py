"""static_int8: int8 weights and activations where that pays, float where it does not, float I/O."""

from __future__ import annotations

from littoral_converters.schemes import NOTHING, KeepFloat, Samples

NEEDS_SAMPLES = True
MAX_ERROR = None
RMS_ERROR = 0.15
GOOD_ERROR = 0.05
MAX_DROP = 1.0
KEEPS_FLOAT = True
WEIGHT_BYTES = 1


def tflite(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """See `littoral_converters.schemes._tflite_static`."""
    from littoral_converters.schemes._tflite_static import make_static

    return make_static(content, samples, keep_float)


def onnx(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """Quantize- and dequantize-linear around the operators that int8 helps."""
    from littoral_converters.schemes import _onnx_int8

    return _onnx_int8.make_static(content, samples, keep_float)
