"""What tf2onnx gets wrong, put right while it converts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, partialmethod
from typing import Any

from littoral_converters.stand_ins import stand_ins


@contextmanager
def mended() -> Iterator[None]:
    """Convert without these mistakes, while this lasts."""
    from tf2onnx import optimizer
    from tf2onnx.optimizer import back_to_back_optimizer
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer
    from tf2onnx.rewriter import gemm_rewriter

    joins, casts = back_to_back_optimizer._func_map, ("Cast",)
    factors, multiply = gemm_rewriter.get_gemm_attr, TransposeOptimizer._mul_handler
    with stand_ins() as put:
        put(optimizer, "optimize_graph", partial(_copied_once, optimizer.optimize_graph))
        put(back_to_back_optimizer, "_func_map", {**joins, casts: partial(_joined, joins[casts])})
        put(gemm_rewriter, "get_gemm_attr", partial(_factors, factors))
        put(TransposeOptimizer, "_mul_handler", partialmethod(_moved, multiply))
        yield


def _copied_once(
    optimize: Callable[..., Any], graph: Any, catch_errors: bool = True, optimizers: Any = None
) -> Any:
    """It copies the whole graph before each pass of its optimizer, to have it where one fails.

    None does that it is known for, so one copy is made for all of them.
    """
    spare = copy.deepcopy(graph)
    try:
        return optimize(graph, False, optimizers)
    except Exception:
        return optimize(spare, catch_errors, optimizers)


def _joined(join: Callable[..., Any], graph: Any, node: Any, consumers: list[Any]) -> list[str]:
    """It leaves out a cast to integers before one to truths: 0.4 is true then, and not 0."""
    from onnx import TensorProto

    if any(consumer.get_attr_value("to") == TensorProto.BOOL for consumer in consumers):
        return [consumer.output[0] for consumer in consumers]
    return list(join(graph, node, consumers))


def _factors(factors_of: Callable[..., Any], match: Any) -> tuple[dict[str, Any], bool]:
    """It joins scaled products and sums into ONNX's Gemm, whose alpha and beta are one number.

    For these it takes a factor of the shape (1, n) as well. A product that others read, as at the
    beginning of a residual, would be computed twice.
    """
    factors, is_valid = factors_of(match)
    is_valid = is_valid and not any(isinstance(x, list) for x in factors.values())
    product = match.get_op("matmul")
    return factors, is_valid and len(product.graph.find_output_consumers(product.output[0])) == 1


def _moved(self: Any, move: Callable[..., Any], transpose: Any, node: Any) -> bool:
    """It moves a transpose behind a square, and leaves the square's shape as it was.

    Of a picture that is one pixel high it then takes the transpose for a reshape.
    """
    is_square = set(node.input) == {transpose.output[0]}
    shape, (product,) = self._g.get_shape(node.output[0]), node.output
    is_moved = bool(move(self, transpose, node))
    if is_moved and is_square and shape:
        order = transpose.get_attr_value("perm")
        self._g.set_shape(product, [shape[order.index(axis)] for axis in range(len(order))])
        self._g.set_shape(transpose.output[0], shape)
    return is_moved
