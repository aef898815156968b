"""Where int8 pays in onnxruntime: costs in ns by shape, fitted to measurements of one x86-64 core.

Each rule weighs the multiplications that int8 kernels save against what goes on around them:
quantizing the input, bringing the result back, a call more. Fitted with AVX-512 VNNI on chains of
equal layers, 1 to 128 rows, 8 to 128 channels, 7 to 56 pixels a side. A processor without int8 dot
products gains less, which is why `convert` measures before it recommends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from littoral_converters.schemes._onnx_graph import attribute

MIN_DEPTH = 16
"""Channels that a kernel reads, from which onnxruntime's int8 convolutions are the faster ones."""

BORDER_NS = 8_000
"""Entering and leaving int8 around a run of convolutions: layouts are turned twice."""

POOLED_NS = 2.2
"""An element of a uint8 MaxPool before the first int8 convolution, where onnxruntime moves the
quantization: its kernel is slow in that layout."""

LSTM_MIN_WEIGHTS = 20_000
"""Weights of one direction from which LSTM is made DynamicQuantizeLSTM.

What it takes of the time of LSTM depends on how wide the float32 registers are. With AVX2 48 units
take as long, 64 units 0.78 to 0.85, 96 units 0.68, 128 units 0.55; with AVX-512 64 units take 1.26
to 1.45, 96 units 1.12 to 1.24, 128 units 0.78 to 1. Devices have the narrow ones."""


@dataclass(frozen=True)
class Product:
    """A matrix product with constant weights.

    Attributes:
        rows: Rows of the input, over all leading axes.
        depth: Columns of the input.
        columns: Columns of the result.
    """

    rows: int
    depth: int
    columns: int

    @property
    def work(self) -> int:
        """Multiplications."""
        return self.rows * self.depth * self.columns

    @property
    def traffic(self) -> int:
        """Elements read and written beside the weights."""
        return self.rows * (self.depth + self.columns)


def gains_at_run_time(product: Product) -> bool:
    """Whether a product is faster with its input quantized at run time (DynamicQuantizeMatMul)."""
    return product.work > 50_000 + 20 * product.traffic


def gains_calibrated(product: Product) -> bool:
    """Whether a product is faster between QuantizeLinear and DequantizeLinear."""
    return product.work > 40_000 + 45 * product.traffic


def convolution_gain(node: Any, weights: Sequence[int], outputs: int, handed_over: int) -> float:
    """What QDQ takes off a convolution's time.

    Args:
        node: The Conv.
        weights: Shape of its weights, (out, in / group, ...).
        outputs: Elements of its output.
        handed_over: Elements of its input and output that come from or go to float operators.

    Returns:
        Nanoseconds, negative where it costs.
    """
    if attribute(node, "group", 1) > 1 and weights[1] < MIN_DEPTH:
        saved = -0.3
    elif weights[1] < MIN_DEPTH:
        saved = -1.1
    else:
        saved = 0.0163 * prod(weights[1:]) - 0.22
    return saved * outputs - 0.5 * handed_over - 500


def best_end(gains: Sequence[float], entries: Sequence[float]) -> int:
    """Where the end of a sequence begins that gains most when it is quantized.

    Args:
        gains: What each convolution gains, in order of computing.
        entries: What it costs to begin at each.

    Returns:
        Index of the first; their number where nothing gains.
    """
    totals = [sum(gains[at:]) - BORDER_NS - entries[at] for at in range(len(gains))]
    best = max(totals, default=0.0)
    return totals.index(best) if best > 0 else len(gains)
