"""Scaled products and sums, which tf2onnx joins into ONNX's Gemm.

It takes a factor of the shape (1, n) for the single number that Gemm's alpha and beta are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def single_factors() -> Iterator[None]:
    """Join only products whose factors are single numbers, while this lasts."""
    from tf2onnx.rewriter import gemm_rewriter

    attributes_of = gemm_rewriter.get_gemm_attr

    def checked(match: Any) -> tuple[dict[str, Any], bool]:
        attributes, is_valid = attributes_of(match)
        return attributes, is_valid and not any(isinstance(x, list) for x in attributes.values())

    gemm_rewriter.get_gemm_attr = checked
    try:
        yield
    finally:
        gemm_rewriter.get_gemm_attr = attributes_of
