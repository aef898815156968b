"""Vectors' products and norms, and matrices' diagonals."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from littoral_converters.graphs.axes import open_shape, sizes
from littoral_converters.lowering.einsum import is_open_behind, product
from littoral_converters.operators import Substitute

MOST_LETTERS = 4
"""Of a term, up to which TFLite's converter makes one product of an equation."""


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    both: dict[str, Substitute] = {
        "Cross": _cross,
        "Einsum": partial(_einsum, format_name),
        "EuclideanNorm": _norm,
        "MatrixSetDiagV3": _with_diagonal,
    }
    if format_name == "onnx":
        return both
    return {**both, "MatrixDiagPartV3": _diagonal}


def _cross(operation: Any, inputs: Sequence[Any]) -> Any:
    """The product of two vectors in space."""
    del operation
    (a, b, c), (x, y, z) = ([vectors[..., at] for at in range(3)] for vectors in inputs)
    return tf.stack([b * z - c * y, c * x - a * z, a * y - b * x], axis=-1)


def _norm(operation: Any, inputs: Sequence[Any]) -> Any:
    x, axis = inputs
    keeps = operation.get_attr("keep_dims")
    return tf.sqrt(tf.reduce_sum(x * x, tf.get_static_value(axis), keeps))


def _einsum(format_name: str, operation: Any, inputs: Sequence[Any]) -> Any:
    """An equation that a format's converter does not take, in those that it does."""
    if any(x.shape.rank is None for x in inputs):
        raise NotImplementedError
    equation = operation.get_attr("equation").decode()
    narrow, letters, result = _spelled_out(equation, inputs)
    tensors, kept = zip(*map(_once, narrow, letters), strict=True)
    if len(kept) == 1:
        return _turned(tensors[0], kept[0], result)
    is_left = format_name == "tflite" and max(map(len, (*kept, result))) <= MOST_LETTERS
    if len(kept) == 2 and not (is_left and not _is_uneven(kept[0], kept[1], result)):
        return product(tensors[0], tensors[1], kept[0], kept[1], result)
    is_turned = len(kept) == 2 and is_open_behind(tensors[0], tensors[1], kept[0], kept[1], result)
    if not is_turned and list(kept) == letters and "".join(letters).islower():
        raise NotImplementedError  # the converter's own
    if is_turned:
        tensors, kept = tensors[::-1], kept[::-1]
    # ONNX Runtime takes h and H for the same.
    places = {ord(letter): at for at, letter in enumerate(dict.fromkeys("".join(letters)))}
    names = {letter: chr(ord("a") + at) for letter, at in places.items()}
    return tf.einsum(f"{','.join(kept)}->{result}".translate(names), *tensors)


def _spelled_out(equation: str, inputs: Sequence[Any]) -> tuple[Sequence[Any], list[str], str]:
    """Letters for what an ellipsis stands for, and no axis that is repeated along a letter."""
    terms, _, result = equation.partition("->")
    letters = terms.split(",")
    counts = [
        x.shape.rank - len(t.replace("...", "")) for x, t in zip(inputs, letters, strict=True)
    ]
    unused = [letter for letter in string.ascii_letters if letter not in equation]
    hidden = "".join(unused[: max(counts)])
    spelled = [
        term.replace("...", hidden[len(hidden) - count :])
        for term, count in zip(letters, counts, strict=True)
    ]
    wide = {
        letter
        for x, term in zip(inputs, spelled, strict=True)
        for size, letter in zip(x.shape, term, strict=True)
        if size != 1 and letter in hidden
    }
    narrow = [_narrowed(x, term, wide) for x, term in zip(inputs, spelled, strict=True)]
    tensors, kept = zip(*narrow, strict=True)
    return tensors, list(kept), result.replace("...", hidden)


def _narrowed(x: Any, letters: str, wide: set[str]) -> tuple[Any, str]:
    """A tensor without the axes of size 1 that are wide in another one."""
    gone = [at for at, letter in enumerate(letters) if letter in wide and x.shape[at] == 1]
    kept = "".join(letter for at, letter in enumerate(letters) if at not in gone)
    return (tf.squeeze(x, gone), kept) if gone else (x, letters)


def _is_uneven(first: str, second: str, result: str) -> bool:
    """Whether TFLite's converter cannot tell batch, rows, sum and columns of an equation."""
    alone = set(first) ^ set(second)
    summed = set(first) & set(second) - set(result)
    return not alone <= set(result) or not alone or not summed


def _turned(x: Any, letters: str, result: str) -> Any:
    """Axes in another order, those that are not wanted summed."""
    x = tf.reduce_sum(x, [at for at, letter in enumerate(letters) if letter not in result])
    kept = [letter for letter in letters if letter in result]
    return tf.transpose(x, [kept.index(letter) for letter in result])


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
    *outer, rows, columns = sizes(x)
    if not (isinstance(rows, int) and isinstance(columns, int)):
        return _open_diagonal(x, offset, rows, columns)
    start = offset if offset >= 0 else -offset * columns
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    flat = tf.reshape(x, open_shape([*outer, rows * columns]))
    return flat[..., start : start + (count - 1) * (columns + 1) + 1 : columns + 1]


def _open_diagonal(x: Any, offset: int, rows: Any, columns: Any) -> Any:
    """The same of matrices whose sizes only the input says: all else is summed away as zeros."""
    is_on = tf.equal(tf.range(rows)[:, None] + offset, tf.range(columns))
    values = tf.reduce_sum(tf.where(is_on, x, tf.zeros_like(x)), axis=-1)
    first = max(-offset, 0)
    return values[..., first : tf.minimum(rows, columns - offset)]


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
    return tf.where(tf.constant(own), tf.reshape(spread, open_shape(list(x.shape))), x)


def _offset(k: Any) -> int:
    """Which diagonal, where it is one."""
    value = tf.get_static_value(k)
    if value is None or np.size(value) != 1:
        raise NotImplementedError
    return int(np.reshape(value, ()))
