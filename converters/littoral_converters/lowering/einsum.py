"""Einsum of two tensors as one matrix product.

tf2onnx tries every order of an equation's letters to find the best: seven letters take a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.axes import open_shape, size_of, sizes
from littoral_converters.lowering import Plan, quantized


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    chosen = _einsum if plan.format == "onnx" else _of_numbers
    return {"backend.tensorflow.numpy.einsum": chosen}


def einsum(subscripts: str, *operands: Any) -> Any:
    """`tf.einsum`, of two plain terms as one matrix product."""
    return _einsum(tf.einsum, subscripts, *operands)


def _of_numbers(
    original: Callable[..., Any], subscripts: str, *operands: Any, **options: Any
) -> Any:
    """Keras's own, of floats where it is one of int8 tensors."""
    tensors = [tf.convert_to_tensor(operand) for operand in operands]
    if quantized.are_bytes(*tensors):
        return quantized.in_floats(partial(original, subscripts), *tensors)
    return original(subscripts, *operands, **options)


def _einsum(original: Callable[..., Any], subscripts: str, *operands: Any, **options: Any) -> Any:
    terms, _, result = subscripts.replace(" ", "").partition("->")
    letters = terms.split(",")
    if len(operands) != 2 or "->" not in subscripts or not _is_plain([*letters, result]):
        return original(subscripts, *operands, **options)
    a, b = (tf.convert_to_tensor(operand) for operand in operands)
    if a.dtype != b.dtype or not a.dtype.is_floating:
        return original(subscripts, *operands, **options)
    return product(a, b, letters[0], letters[1], result)


def _is_plain(terms: Sequence[str]) -> bool:
    """Whether every term is letters, each once."""
    return all(term.isalpha() and len(set(term)) == len(term) for term in terms)


def product(a: Any, b: Any, in_a: str, in_b: str, result: str) -> Any:
    """One matrix product over the letters that both have.

    Letters of both and of the result are its batches, letters of both alone are summed, the others
    are its rows and columns. A letter of one alone that the result lacks is summed beforehand.
    """
    if is_open_behind(a, b, in_a, in_b, result):
        a, b, in_a, in_b = b, a, in_b, in_a
    a, in_a = _summed(a, in_a, in_b + result)
    b, in_b = _summed(b, in_b, in_a + result)
    size = dict(zip(in_a + in_b, [*sizes(a), *sizes(b)], strict=True))
    shared = [letter for letter in in_a if letter in in_b]
    batch = [letter for letter in shared if letter in result]
    inner = [letter for letter in shared if letter not in result]
    rows = [letter for letter in in_a if letter not in in_b]
    columns = [letter for letter in in_b if letter not in in_a]
    left = _arranged(a, in_a, [batch, rows, inner], size)
    right = _arranged(b, in_b, [batch, inner, columns], size)
    order = [*batch, *rows, *columns]
    product = tf.reshape(tf.linalg.matmul(left, right), open_shape([size[name] for name in order]))
    return tf.transpose(product, [order.index(letter) for letter in result])


def is_open_behind(a: Any, b: Any, in_a: str, in_b: str, result: str) -> bool:
    """Whether only the second of two factors has axes of its own of a length that is left open.

    Of such, as in ``oh,bhwc->bowc`` of any batch, TFLite's converter takes the open length for -1.
    """
    shared = set(in_a) & set(in_b)
    opened, behind = (
        any(
            size is None and letter not in shared
            for size, letter in zip(x.shape, term, strict=True)
        )
        for x, term in ((a, in_a), (b, in_b))
    )
    return behind and not opened and not shared & set(result)


def _summed(tensor: Any, letters: str, needed: str) -> tuple[Any, str]:
    alone = [axis for axis, letter in enumerate(letters) if letter not in needed]
    kept = "".join(letter for letter in letters if letter in needed)
    return (tf.reduce_sum(tensor, alone), kept) if alone else (tensor, kept)


def _arranged(
    tensor: Any, letters: str, groups: Sequence[Sequence[str]], size: Mapping[str, Any]
) -> Any:
    """A tensor with one axis for each group of letters; no axis for an empty first group."""
    order = [letters.index(letter) for group in groups for letter in group]
    if order != sorted(order):
        tensor = tf.transpose(tensor, order)
    wanted = [size_of([size[letter] for letter in group]) for group in groups]
    return tf.reshape(tensor, open_shape(wanted if groups[0] else wanted[1:]))
