"""One step of causal self-attention: the keys and values of earlier steps are remembered.

As many of them as the context has steps: behind that, the oldest is forgotten. A third state says
which of them there are yet, and that a mask does not leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering._masks import hidden
from littoral_converters.lowering.attention import (
    Projection,
    is_plain,
    output_projection,
    projection_of,
    scaled,
)
from littoral_converters.lowering.dense import product
from littoral_converters.streaming import Memory, zeros


def step(layer: Any, memory: Memory) -> Mapping[str, object]:
    """Stand-in for a MultiHeadAttention; see `littoral_converters.streaming`."""
    exact = type(layer) is keras.layers.MultiHeadAttention
    if not exact or not layer.built or not is_plain(layer):
        return {}
    return {"call": _call(layer, memory)}


def _call(layer: Any, memory: Memory) -> Callable[..., Any]:
    parts = (layer._query_dense, layer._key_dense, layer._value_dense)
    projections = [projection_of(part, layer.num_heads) for part in parts]
    projections[0] = scaled(projections[0], layer._inverse_sqrt_key_dim)
    output = output_projection(layer._output_dense)

    def call(
        query: Any, value: Any, key: Any = None, query_mask: Any = None, **options: Any
    ) -> Any:
        if value is not query or (key is not None and key is not query):
            raise ConversionError(_refusal(layer, "attends to something else than its own steps"))
        if options.get("return_attention_scores"):
            raise ConversionError(_refusal(layer, "returns its scores, which grow with the steps"))
        if memory.context is None:
            raise ConversionError(
                _refusal(layer, "looks back without end, since the model leaves its length open")
                + ", or say how many steps it remembers: --context N (context=N)"
            )
        heads, *pair = (product(query, each.kernel, each.bias) for each in projections)
        keys, values = (
            _append(memory, f"{layer.name}_{name}", new, memory.context)
            for name, new in zip(("keys", "values"), pair, strict=True)
        )
        counts = tf.ones_like(query[:, :, 0]) if query_mask is None else query_mask
        seen = _append(memory, f"{layer.name}_seen", tf.cast(counts, tf.float32), memory.context)
        return _attend(layer, heads, keys, values, seen, output)

    return call


def _append(memory: Memory, name: str, new: Any, context: int) -> Any:
    """(batch, context, ...): the remembered steps, a new one behind them, the oldest dropped."""
    past, keep = memory.hold(name, zeros(context, *new.shape[2:]))
    present = tf.concat([past[:, 1:], new], axis=1)
    keep(present)
    return present


def _attend(layer: Any, query: Any, keys: Any, values: Any, seen: Any, output: Projection) -> Any:
    """Attention of the one step (batch, 1, heads * size) to the remembered ones."""
    heads, context = layer.num_heads, keys.shape[1]

    def split(tensor: Any, steps: int) -> Any:
        size = tensor.shape[-1] // heads
        return tf.transpose(tf.reshape(tensor, [-1, steps, heads, size]), [0, 2, 1, 3])

    scores = tf.linalg.matmul(split(query, 1), split(keys, context), transpose_b=True)
    scores = tf.nn.softmax(hidden(scores, seen[:, None, None]))
    mixed = tf.linalg.matmul(scores, split(values, context))
    joined = tf.reshape(mixed, [-1, 1, output.kernel.shape[0]])
    return product(joined, output.kernel, output.bias)


def _refusal(layer: Any, why: str) -> str:
    return (
        f"layer {layer.name!r} (MultiHeadAttention) {why}, so it has no step form: "
        "convert without --streaming"
    )
