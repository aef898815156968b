"""What is too large: for the formats themselves, and for this machine while it writes them."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from littoral.errors import ConversionError

MOST_BYTES = (1 << 31) - (1 << 20)
"""Both formats end at 2 GiB: FlatBuffer offsets and protobuf lengths are signed 32 bit numbers. A
little is left for the graph."""

MEMORY_PER_WEIGHT = {"tflite": 10.0, "onnx": 5.0}
"""Memory that writing takes, over the weights' bytes. Measured on Dense layers and transformers of
50 to 500 MB: TFLite 8 to 9, all of it TensorFlow's converter, ONNX 3 to 4."""

TRACED_PER_WEIGHT = 8.0
"""Memory that tracing a loaded model takes: 5 to 8, most of it TensorFlow's copies of the graph."""

_SIZES = {"float64": 8, "int64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1, "bool": 1}

_SMALL_BYTES = 64 << 20
"""Less is not worth a look at the machine."""


def check_weights(model: Any) -> None:
    """Refuse a model whose weights no file of either format, or no memory here, can hold.

    Args:
        model: A built keras.Model.

    Raises:
        ConversionError: They take more than 2 GiB, or more than this machine has the memory for.
    """
    import keras

    count = sum(
        prod(weight.shape) * _SIZES.get(keras.backend.standardize_dtype(weight.dtype), 4)
        for weight in model.weights
    )
    if count > MOST_BYTES:
        raise ConversionError(
            f"model {model.name!r} has {count / 1e9:.1f} GB of weights, and neither a .tflite nor "
            "an .onnx file can hold more than 2.1 GB: split the model, or make it smaller"
        )
    _check_free(TRACED_PER_WEIGHT, count, f"tracing {model.name}")


def check_memory(format_name: str, graph_bytes: int, what: str) -> None:
    """Refuse to write what would make the system kill the writer.

    Args:
        format_name: For example ``"onnx"``.
        graph_bytes: Size of the traced graph, weights included.
        what: What is to be written, for the message.

    Raises:
        ConversionError: The machine has not enough free memory.
    """
    _check_free(MEMORY_PER_WEIGHT.get(format_name, 0.0), graph_bytes, f"writing {what}")


def _check_free(times: float, size: int, doing: str) -> None:
    needed, free = times * size, free_bytes() if size >= _SMALL_BYTES else None
    if free is not None and needed > free:
        raise ConversionError(
            f"{doing} would take about {needed / 1e9:.0f} GB of memory for its "
            f"{size / 1e6:.0f} MB, and {free / 1e9:.0f} GB are free here: free some "
            "or convert on a larger machine"
        )


def free_bytes() -> int | None:
    """Memory that a new process may take without swapping; None where Linux does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
