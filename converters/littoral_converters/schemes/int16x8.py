"""int16x8: int16 activations and int8 weights, every operator; close to float, int8 in size.

For devices with an integer unit; on a CPU most of its kernels are plain reference code, many times
slower than float. ONNX has no operators of this kind.
"""

from __future__ import annotations

from littoral_converters.schemes import Samples

NEEDS_SAMPLES = True
MAX_ERROR = None
RMS_ERROR = 0.05
HALF_IO = False
MAX_DROP = 0.5
WEIGHT_BYTES = 1
INTEGER = True
NOT_SEARCHED = "for devices with an integer unit; slow on a CPU: ask for it by name"


def tflite(content: bytes, samples: Samples) -> bytes:
    """See `littoral_converters.schemes._tflite_full`."""
    from littoral_converters.schemes._tflite_full import make_full
    from littoral_converters.schemes._tflite_integers import INT16

    return make_full(content, samples, INT16)
