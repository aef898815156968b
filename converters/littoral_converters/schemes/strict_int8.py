"""strict_int8: every operator and the inputs and outputs int8, for devices that know nothing else.

Microcontrollers, NPUs and Edge TPUs. ONNX has no such file: its QuantizeLinear and DequantizeLinear
leave to the engine which operators it computes in int8, and its inputs and outputs stay float.
"""

from __future__ import annotations

from littoral_converters.schemes import Samples

NEEDS_SAMPLES = True
MAX_ERROR = None
RMS_ERROR = 0.15
HALF_IO = False
MAX_DROP = 2.0
WEIGHT_BYTES = 1
INTEGER = True
NOT_SEARCHED = "for devices that know nothing but int8: ask for it by name"


def tflite(content: bytes, samples: Samples) -> bytes:
    """See `littoral_converters.schemes._tflite_full`."""
    from littoral_converters.schemes._tflite_full import make_full
    from littoral_converters.schemes._tflite_integers import INT8

    return make_full(content, samples, INT8)
