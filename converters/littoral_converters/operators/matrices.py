"""Vectors' products and norms, and matrices' diagonals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "Cross": _cross,
        "EuclideanNorm": _norm,
        "MatrixSetDiagV3": _with_diagonal,
    }
    if format_name == "onnx":
        return both
    return {**both, "Einsum": _einsum, "MatrixDiagPartV3": _diagonal}


def _cross(operation: Any, inputs: Sequence[Any]) -> Any:
    """The product of two vectors in space."""
    del operation
    (a, b, c), (x, y, z) = (tf.unstack(vectors, num=3, axis=-1) for vectors in inputs)
    return tf.stack([b * z - c * y, c * x - a * z, a * y - b * x], axis=-1)


def _norm(operation: Any, inputs: Sequence[Any]) -> Any:
    x, axis = inputs
    keeps = operation.get_attr("keep_dims")
    return tf.sqrt(tf.reduce_sum(x * x, tf.get_static_value(axis), keeps))


def _einsum(operation: Any, inputs: Sequence[Any]) -> Any:
    """An equation whose terms name an axis twice, by those axes' diagonals."""
    terms, _, result = operation.get_attr("equation").decode().partition("->")
    letters = terms.split(",")
    if all(len(set(term)) == len(term) for term in letters) or "." in terms:
        raise NotImplementedError  # the converter's own
    plain = [_once(*pair) for pair in zip(inputs, letters, strict=True)]
    equation = ",".join(term for _, term in plain)
    if len(plain) == 1:
        ((x, letters),) = plain
        x = tf.reduce_sum(x, [at for at, letter in enumerate(letters) if letter not in result])
        kept = [letter for letter in letters if letter in result]
        return tf.transpose(x, [kept.index(letter) for letter in result])
    return tf.einsum(f"{equation}->{result}", *(tensor for tensor, _ in plain))


def _once(x: Any, letters: str) -> tuple[Any, str]:
    """A tensor with one axis for each letter."""
    for letter in sorted(set(letters)):
        while letters.count(letter) > 1:
            first, second = letters.index(letter), letters.rindex(letter)
            others = [axis for axis in range(len(letters)) if axis not in (first, second)]
            x = tf.transpose(x, [*others, first, second])
            size = x.shape[-1]
            if size is None:
                raise NotImplementedError
            x = tf.reduce_sum(x * tf.eye(size, dtype=x.dtype), axis=-1)
            letters = "".join(letters[axis] for axis in [*others, first])
    return x, letters


def _diagonal(operation: Any, inputs: Sequence[Any]) -> Any:
    """One diagonal of matrices (..., rows, columns): every so many values of them laid flat."""
    del operation
    x, offset = inputs[0], _offset(inputs[1])
    *outer, rows, columns = x.shape
    if rows is None or columns is None or outer.count(None) > 1:
        raise NotImplementedError
    start = offset if offset >= 0 else -offset * columns
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    flat = tf.reshape(x, [*(-1 if size is None else size for size in outer), rows * columns])
    return flat[..., start : start + (count - 1) * (columns + 1) + 1 : columns + 1]


def _with_diagonal(operation: Any, inputs: Sequence[Any]) -> Any:
    """Matrices (..., rows, columns) with other values (..., count) on one diagonal."""
    del operation
    x, values, offset = inputs[0], inputs[1], _offset(inputs[2])
    rows, columns = x.shape[-2:]
    if rows is None or columns is None:
        raise NotImplementedError
    places = np.arange(rows)[:, None] - max(-offset, 0)
    own = np.eye(rows, columns, offset, dtype=bool)
    at = np.where(own, places, 0).ravel()
    spread = tf.gather(values, tf.constant(at, tf.int32), axis=-1)
    outer = [-1 if size is None else size for size in x.shape[:-2]]
    return tf.where(tf.constant(own), tf.reshape(spread, [*outer, rows, columns]), x)


def _offset(k: Any) -> int:
    """Which diagonal, where it is one."""
    value = tf.get_static_value(k)
    if value is None or np.size(value) != 1:
        raise NotImplementedError
    return int(np.reshape(value, ()))
