"""Small matrices solved, inverted and decomposed, every step of the elimination written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.operators import Substitute

MOST_ROWS = 16
"""Rows up to which the steps are written out: each takes some ten operators."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "Cholesky": lambda operation, inputs: _cholesky(inputs[0]),
        "LogMatrixDeterminant": _log_determinant,
        "MatrixInverse": _inverse,
        "MatrixSolve": _solve,
        "MatrixTriangularSolve": _solve_triangular,
        "Qr": _qr,
    }
    if format_name == "tflite":
        both["MatrixDeterminant"] = _determinant
    return both


def _inverse(operation: Any, inputs: Sequence[Any]) -> Any:
    (x,) = inputs
    size = _size(x)
    ones = tf.eye(size, dtype=x.dtype) + tf.zeros_like(x)
    solved, _ = _eliminated(_adjoint(x, operation), ones)
    return solved


def _solve(operation: Any, inputs: Sequence[Any]) -> Any:
    x, wanted = inputs
    solved, _ = _eliminated(_adjoint(x, operation), wanted)
    return solved


def _determinant(operation: Any, inputs: Sequence[Any]) -> Any:
    del operation
    _, pivots = _eliminated(inputs[0], inputs[0])
    return tf.reduce_prod(pivots, axis=-1)


def _log_determinant(operation: Any, inputs: Sequence[Any]) -> Any:
    del operation
    _, pivots = _eliminated(inputs[0], inputs[0])
    signs = tf.reduce_prod(tf.sign(pivots), axis=-1)
    return [signs, tf.reduce_sum(tf.math.log(tf.abs(pivots)), axis=-1)]


def _eliminated(x: Any, wanted: Any) -> tuple[Any, Any]:
    """Gauss and Jordan's elimination, each time by the row that has the largest number left.

    Args:
        x: Square matrices (..., size, size).
        wanted: What they are to give, (..., size, columns).

    Returns:
        What gives that, (..., size, columns), and the numbers divided by, (..., size): their
        product is the determinant.
    """
    size = _size(x)
    rows = tf.concat([x, wanted], axis=-1)
    pivots = []
    for at in range(size):
        own = tf.constant(np.arange(size) == at)
        column = rows[..., at]
        left = tf.where(tf.constant(np.arange(size) >= at), tf.abs(column), -1.0)
        best = tf.argmax(left, axis=-1, output_type=tf.int32)
        is_best = tf.equal(tf.range(size), best[..., None])[..., None]
        row = tf.reduce_sum(tf.where(is_best, rows, 0.0), axis=-2, keepdims=True)
        rows = tf.where(is_best, rows[..., at : at + 1, :], rows)
        pivot = row[..., at]
        sign = tf.where(tf.equal(best, at), 1.0, -1.0)
        pivots.append(sign * pivot[..., 0])
        row = row / pivot[..., None]
        rows = tf.where(own[:, None], row, rows - rows[..., at : at + 1] * row)
    return rows[..., size:], tf.stack(pivots, axis=-1)


def _cholesky(x: Any) -> Any:
    """The lower triangle, column by column."""
    size = _size(x)
    columns = []
    for at in range(size):
        below = tf.constant((np.arange(size) >= at).astype(np.float32))
        column = x[..., at] * below / tf.sqrt(x[..., at : at + 1, at])
        x = x - column[..., :, None] * column[..., None, :]
        columns.append(column)
    return tf.stack(columns, axis=-1)


def _solve_triangular(operation: Any, inputs: Sequence[Any]) -> Any:
    """Row by row, each from those known before it."""
    x, wanted = inputs
    size = _size(x)
    is_adjoint = operation.get_attr("adjoint")
    is_lower = operation.get_attr("lower") != is_adjoint
    x = _adjoint(x, operation)
    order = range(size) if is_lower else range(size - 1, -1, -1)
    rest, rows = wanted, {}
    for at in order:
        row = rest[..., at : at + 1, :] / x[..., at : at + 1, at : at + 1]
        rest = rest - x[..., at : at + 1] * row
        rows[at] = row
    return tf.concat([rows[at] for at in range(size)], axis=-2)


def _qr(operation: Any, inputs: Sequence[Any]) -> Any:
    """Reflections of Householder's, with the signs of LAPACK's."""
    (x,) = inputs
    rows, columns = x.shape[-2:]
    if rows is None or columns is None or max(rows, columns) > MOST_ROWS:
        raise NotImplementedError
    steps = min(rows - 1, columns)
    turned = tf.eye(rows, dtype=x.dtype) + tf.zeros_like(tf.matmul(x, x, transpose_b=True))
    for at in range(steps):
        below = tf.constant((np.arange(rows) > at).astype(np.float32))
        first, column = x[..., at : at + 1, at], x[..., at] * below
        rest = tf.reduce_sum(column * column, axis=-1, keepdims=True)
        length = tf.sqrt(first * first + rest)
        edge = tf.where(tf.equal(rest, 0), first, tf.where(first >= 0, -length, length))
        own = tf.constant((np.arange(rows) == at).astype(np.float32))
        mirror = column + (first - edge) * own
        weight = tf.reduce_sum(mirror * mirror, axis=-1, keepdims=True)[..., None]
        share = mirror[..., None] * tf.where(tf.equal(weight, 0), weight, 2 / weight)
        x = x - share * tf.reduce_sum(mirror[..., None] * x, axis=-2, keepdims=True)
        across = tf.reduce_sum(mirror[..., None, :] * turned, axis=-1, keepdims=True)
        turned = turned - across * tf.linalg.matrix_transpose(share)
    upper = np.triu(np.ones((rows, columns), np.float32))
    if operation.get_attr("full_matrices"):
        return [turned, x * upper]
    kept = min(rows, columns)
    return [turned[..., :kept], (x * upper)[..., :kept, :]]


def _size(x: Any) -> int:
    size = x.shape[-1]
    if size is None or size > MOST_ROWS or x.dtype != tf.float32:
        raise NotImplementedError
    return int(size)


def _adjoint(x: Any, operation: Any) -> Any:
    return tf.linalg.matrix_transpose(x) if operation.get_attr("adjoint") else x
