"""What goes in and out of a model, and the arithmetic between real and quantized units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model file.

    Attributes:
        name: The Keras name.
        shape: Sizes including the batch axis; None where any size is accepted.
        dtype: NumPy dtype name of the tensor in the file, for example ``"int8"``; ``"str"`` for
            text; ``"list"`` and ``"dict"`` for what classical models give instead of a tensor.
        scale: Real units per quantum for a quantized tensor, None for any other.
        zero_point: The quantized value that means 0.0; None when `scale` is None.
        is_ranked: False where the file leaves open how many axes there are; `shape` is then ().
        is_optional: True for an input that may be left out, and an output that may be None.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None
    is_ranked: bool = True
    is_optional: bool = False

    @property
    def is_quantized(self) -> bool:
        """True when the file holds integers that stand for real numbers."""
        return self.scale is not None


def quantize(real: NDArray[np.floating], spec: TensorSpec) -> NDArray[np.integer]:
    """Real numbers to the integers of a quantized tensor, rounded half to even and saturated.

    Args:
        real: Values in real units, any shape.
        spec: A quantized spec.

    Returns:
        Array of ``spec.dtype`` and the same shape: ``round(real / scale) + zero_point``.
    """
    if spec.scale is None:
        raise ValueError(f"{spec.name} is not quantized")
    limits = np.iinfo(spec.dtype)
    quanta = np.rint(np.asarray(real, np.float32) / np.float32(spec.scale))
    quanta += spec.zero_point or 0
    clipped: NDArray[np.integer] = np.clip(quanta, limits.min, limits.max).astype(spec.dtype)
    return clipped


def dequantize(quanta: NDArray[np.integer], spec: TensorSpec) -> NDArray[np.float32]:
    """The integers of a quantized tensor to real numbers.

    Args:
        quanta: Values as the file holds them, any shape.
        spec: A quantized spec.

    Returns:
        float32 array of the same shape: ``(quanta - zero_point) * scale``.
    """
    if spec.scale is None:
        raise ValueError(f"{spec.name} is not quantized")
    real = quanta.astype(np.float32)
    real -= np.float32(spec.zero_point or 0)
    real *= np.float32(spec.scale)
    return real


def shown(shape: Sequence[int | str | None]) -> str:
    """A shape for people, for example ``[any, 3]``; a text stands for itself."""
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
