"""dynamic_int8: int8 weights; activations are float and quantized at run time where that pays."""

from __future__ import annotations

from littoral_converters.schemes import NOTHING, KeepFloat, Samples

NEEDS_SAMPLES = False
MAX_ERROR = None
RMS_ERROR = 0.1
MAX_DROP = 0.5
KEEPS_FLOAT = True
WEIGHT_BYTES = 1


def tflite(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """Quantize the weights of matrix products and convolutions, one scale per output channel."""
    from littoral_converters.schemes._tflite_weights import make_dynamic
    from littoral_converters.trees.tflite import parse, serialize

    del samples
    model = parse(content)
    make_dynamic(model, keep_float)
    return serialize(model)


def onnx(content: bytes, samples: Samples, keep_float: KeepFloat = NOTHING) -> bytes:
    """Matrix products and LSTM as dynamically quantized operators, other weights as stored int8."""
    from littoral_converters.schemes import _onnx_int8

    del samples
    return _onnx_int8.make_dynamic(content, keep_float)
