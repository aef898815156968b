"""float32: the file as the writer made it."""

from __future__ import annotations

from littoral_converters.schemes import Samples

NEEDS_SAMPLES = False
MAX_ERROR = 1e-4
RMS_ERROR = 1e-4
HALF_IO = False
MAX_DROP = 0.05


def tflite(content: bytes, samples: Samples) -> bytes:
    """The file itself."""
    del samples
    return content


def onnx(content: bytes, samples: Samples) -> bytes:
    """The file itself."""
    del samples
    return content
