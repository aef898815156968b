"""What tf2onnx gets wrong, put right while it converts.

- It joins scaled products and sums into ONNX's Gemm, and takes a factor of the shape (1, n) for the
  single number that Gemm's alpha and beta are.
- It moves a transpose behind a square, and leaves the square's shape as it was; of a picture that
  is one pixel high it then takes the transpose for a reshape.
- It leaves out a cast to integers before one to truths, and 0.4, which that makes 0, is true then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from littoral_converters.stand_ins import stand_ins


@contextmanager
def mended() -> Iterator[None]:
    """Convert without these mistakes, while this lasts."""
    from onnx import TensorProto
    from tf2onnx.optimizer import back_to_back_optimizer
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer
    from tf2onnx.rewriter import gemm_rewriter

    joins, casts = back_to_back_optimizer._func_map, ("Cast",)
    join_casts = joins[casts]
    attributes_of, multiply = gemm_rewriter.get_gemm_attr, TransposeOptimizer._mul_handler

    def with_single_factors(match: Any) -> tuple[dict[str, Any], bool]:
        attributes, is_valid = attributes_of(match)
        return attributes, is_valid and not any(isinstance(x, list) for x in attributes.values())

    def with_its_shape(self: Any, transpose: Any, node: Any) -> bool:
        is_square = set(node.input) == {transpose.output[0]}
        shape, (product,) = self._g.get_shape(node.output[0]), node.output
        is_moved = bool(multiply(self, transpose, node))
        if is_moved and is_square and shape:
            order = transpose.get_attr_value("perm")
            self._g.set_shape(product, [shape[order.index(axis)] for axis in range(len(order))])
            self._g.set_shape(transpose.output[0], shape)
        return is_moved

    def with_cut_off(graph: Any, node: Any, consumers: list[Any]) -> list[str]:
        if any(consumer.get_attr_value("to") == TensorProto.BOOL for consumer in consumers):
            return [consumer.output[0] for consumer in consumers]
        return list(join_casts(graph, node, consumers))

    with stand_ins() as put:
        put(back_to_back_optimizer, "_func_map", {**joins, casts: with_cut_off})
        put(gemm_rewriter, "get_gemm_attr", with_single_factors)
        put(TransposeOptimizer, "_mul_handler", with_its_shape)
        yield
