"""MultiHeadAttention with one product for all projections of a tensor and plain batched products.

Keras projects query, key and value apart, each by an Einsum into heads. Here the projections that
read the same tensor are one matrix product with a two-dimensional weight, which every engine and
every int8 scheme has a fast kernel for; the scale of the scores is folded into the query's weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from littoral_converters.graphs.axes import open_shape, sizes
from littoral_converters.lowering import Plan
from littoral_converters.lowering._masks import hidden, zeroed
from littoral_converters.lowering._weights import array_of, constant
from littoral_converters.lowering.dense import product

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Weights that take a tensor into heads.

    Attributes:
        kernel: (features, heads * size).
        bias: (heads * size,); None for none.
        heads: Number of heads.
    """

    kernel: Array
    bias: Array | None
    heads: int


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Stand-ins for the parts of a MultiHeadAttention; see `littoral_converters.lowering`.

    Masks, causality and returned scores stay with Keras's own `call`: what is replaced are the
    projections, which now hand their input through, and the attention between them.
    """
    exact = type(layer) is keras.layers.MultiHeadAttention
    if not exact or not layer.built or not is_plain(layer) or _has_odd_bias(layer):
        return {}
    return {
        "_query_dense": _through,
        "_key_dense": _through,
        "_value_dense": _through,
        "_output_dense": _through,
        "_compute_attention": _attention(layer, _as_onnx if plan.format == "onnx" else _as_tflite),
    }


def is_plain(layer: Any) -> bool:
    """Whether the layer attends over one axis of float32 sequences, with ordinary weights."""
    parts = (layer._query_dense, layer._key_dense, layer._value_dense, layer._output_dense)
    return (
        layer.compute_dtype == "float32"
        and tuple(layer._attention_axes) == (1,)
        and not layer._use_gate
        and all(type(part) is keras.layers.EinsumDense for part in parts)
        and all(part.activation is keras.activations.linear for part in parts)
        and all(part.quantization_mode is None and not part.lora_enabled for part in parts)
        and all(part.equation == "abc,cde->abde" for part in parts[:3])
        and parts[3].equation == "abcd,cde->abe"
    )


def _has_odd_bias(layer: Any) -> bool:
    """Whether a bias has the shape (heads, 1): Keras adds it step by step to as many steps."""
    parts = (layer._query_dense, layer._key_dense, layer._value_dense)
    biases = [part.bias for part in parts if part.bias is not None]
    return any(bias.shape[0] > 1 and bias.shape[1] == 1 for bias in biases)


def _through(value: Any) -> Any:
    return value


Product = Callable[[Projection, Any], Any]
"""(projection, (batch, steps, features)) -> (batch, steps, heads * size)"""


def _as_tflite(projection: Projection, tensor: Any) -> Any:
    result = tf.linalg.matmul(tensor, constant(projection.kernel))
    return result if projection.bias is None else result + projection.bias


def _as_onnx(projection: Projection, tensor: Any) -> Any:
    if tensor.shape.as_list().count(None) > 1:
        return _as_tflite(projection, tensor)
    return product(tensor, projection.kernel, projection.bias)


def _attention(layer: Any, apply: Product) -> Callable[..., Any]:
    """The stand-in for `_compute_attention`: from inputs that are not projected to the output."""
    parts = (layer._query_dense, layer._key_dense, layer._value_dense, layer._output_dense)
    projections = [projection_of(part, layer.num_heads) for part in parts[:3]]
    projections[0] = scaled(projections[0], layer._inverse_sqrt_key_dim)
    output = output_projection(parts[3])

    def compute_attention(
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        heads = _project((query, key, value), projections, apply)
        scores = tf.linalg.matmul(heads[0], heads[1], transpose_b=True)
        seen = _seen(attention_mask, use_causal_mask, scores)
        scores = tf.nn.softmax(scores if seen is None else hidden(scores, seen))
        if attention_mask is not None and (layer.dropout > 0 or return_attention_scores):
            scores = zeroed(scores, seen)  # Keras takes another way here, which does so.
        return apply(output, _joined(tf.linalg.matmul(scores, heads[2]))), scores

    return compute_attention


def projection_of(part: Any, heads: int) -> Projection:
    """The weights of a query, key or value projection."""
    kernel, bias = array_of(part.kernel), array_of(part.bias)
    flat = None if bias is None else bias.reshape(-1)
    return Projection(kernel.reshape(kernel.shape[0], -1), flat, heads)


def output_projection(part: Any) -> Projection:
    """The weights of the projection behind the attention."""
    kernel = array_of(part.kernel)
    return Projection(kernel.reshape(-1, kernel.shape[-1]), array_of(part.bias), 1)


def scaled(projection: Projection, scale: float) -> Projection:
    """The weights with a factor folded in."""
    factor = np.float32(scale)
    bias = None if projection.bias is None else projection.bias * factor
    return Projection(projection.kernel * factor, bias, projection.heads)


def _project(inputs: Sequence[Any], projections: Sequence[Projection], apply: Product) -> list[Any]:
    """Each input in heads, (batch, heads, steps, size): inputs that are one tensor in one product.

    Args:
        inputs: Query, key and value, (batch, steps, features).
        projections: The projection of each.
        apply: How the format writes a projection.
    """
    results: list[Any] = [None] * len(inputs)
    for at, tensor in enumerate(inputs):
        if results[at] is not None:
            continue
        same = [i for i in range(at, len(inputs)) if inputs[i] is tensor]
        for group in _of_one_size(same, projections):
            projected = apply(_merged(group, projections), tensor)
            parts = _heads(projected, projections[at].heads, len(group))
            for index, part in zip(group, parts, strict=True):
                results[index] = part
    return results


def _of_one_size(indices: Sequence[int], projections: Sequence[Projection]) -> list[list[int]]:
    """Indices in groups whose heads have one size."""
    groups: dict[int, list[int]] = {}
    for index in indices:
        groups.setdefault(projections[index].kernel.shape[1], []).append(index)
    return list(groups.values())


def _merged(group: Sequence[int], projections: Sequence[Projection]) -> Projection:
    chosen = [projections[index] for index in group]
    biases = [projection.bias for projection in chosen if projection.bias is not None]
    return Projection(
        np.concatenate([projection.kernel for projection in chosen], axis=1),
        np.concatenate(biases) if biases else None,
        chosen[0].heads * len(chosen),
    )


def _heads(tensor: Any, heads: int, parts: int) -> Sequence[Any]:
    """(batch, steps, parts * heads * size) -> for each part (batch, heads, steps, size)."""
    batch, steps, _ = open_shape(sizes(tensor))
    size = tensor.shape[2] // (parts * heads)
    if tensor.shape[0] == 1 and parts > 1:
        # With the parts outermost, splitting copies whole blocks.
        split = tf.reshape(tensor, [steps, parts, heads, size])
        return list(tf.split(tf.transpose(split, [1, 2, 0, 3]), parts, axis=0))
    split = tf.reshape(tensor, [batch, steps, parts * heads, size])
    split = tf.transpose(split, [0, 2, 1, 3])
    return list(tf.split(split, parts, axis=1)) if parts > 1 else [split]


def _joined(tensor: Any) -> Any:
    """(batch, heads, steps, size) -> (batch, steps, heads * size)."""
    tensor = tf.transpose(tensor, [0, 2, 1, 3])
    batch, steps, heads, size = open_shape(sizes(tensor))
    return tf.reshape(tensor, [batch, steps, heads * size])


def _seen(mask: Any, causal: bool, scores: Any) -> Any:
    """1 for scores that count and 0 for those that vanish; None where all count."""
    if mask is None and not causal:
        return None
    parts = []
    if mask is not None:
        mask = tf.cast(mask, tf.float32)
        parts.append(mask[:, None] if mask.shape.rank == 3 else mask)
    if causal:
        rows, columns = scores.shape[-2:]
        if rows is None or columns is None:
            rows, columns = tf.shape(scores)[-2], tf.shape(scores)[-1]
        parts.append(tf.linalg.band_part(tf.ones((rows, columns)), -1, 0)[None, None])
    return parts[0] if len(parts) == 1 else parts[0] * parts[1]
