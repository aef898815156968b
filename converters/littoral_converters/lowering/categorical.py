"""Numbers to categories: bins, vocabularies of integers, one-hot and counts.

Neither format has TensorFlow's bins, tables or counts. Each value is compared with every border,
word or category instead; the comparisons are few and constant on one side.

What works on strings cannot be expressed: the files' runtimes take numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
from littoral.errors import ConversionError

from littoral_converters.lowering import Plan

HASHING = (keras.layers.HashedCrossing, keras.layers.Hashing)
OF_STRINGS = (
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """Stand-ins for a lookup layer; see `littoral_converters.lowering`.

    Raises:
        ConversionError: A layer that works on strings, or hashes.
    """
    if isinstance(layer, HASHING):
        raise ConversionError(
            f"layer {layer.name!r} ({type(layer).__name__}) hashes its inputs as strings, which "
            f"{plan.format} cannot express: do its work before the model, or take an IntegerLookup "
            "or keras.ops.mod for it"
        )
    if isinstance(layer, OF_STRINGS):
        raise ConversionError(
            f"layer {layer.name!r} ({type(layer).__name__}) works on strings, which {plan.format} "
            "cannot express: do its work before the model, and convert the model without it"
        )
    if isinstance(layer, keras.layers.IntegerLookup):
        return {"_lookup_dense": _lookup(layer, plan)}
    return {}


def functions(plan: Plan) -> Mapping[str, Callable[..., Any]]:
    """Stand-ins for Keras's functions; see `littoral_converters.lowering`."""
    del plan
    return {
        "backend.tensorflow.numpy.digitize": _digitize,
        "utils.tf_utils.tf_encode_categorical_inputs": _encode,
    }


def _digitize(original: Callable[..., Any], x: Any, bins: Any) -> Any:
    """How many borders each value has reached: Keras's bins are closed below."""
    del original
    x = tf.convert_to_tensor(x)
    values = tf.cast(x, tf.float32)[..., None]
    reached = values >= tf.constant([float(border) for border in bins], tf.float32)
    return tf.reduce_sum(tf.cast(reached, tf.int32), -1)


def _encode(
    original: Callable[..., Any],
    inputs: Any,
    output_mode: str,
    depth: int,
    dtype: str = "float32",
    sparse: bool = False,
    count_weights: Any = None,
    idf_weights: Any = None,
) -> Any:
    if output_mode not in ("multi_hot", "count") or sparse or idf_weights is not None:
        return original(inputs, output_mode, depth, dtype, sparse, count_weights, idf_weights)
    inputs = tf.convert_to_tensor(inputs)
    hot = tf.one_hot(tf.cast(inputs, tf.int32), depth, dtype=tf.float32)
    if count_weights is not None:
        hot *= tf.cast(count_weights, tf.float32)[..., None]
    axis = max(0, len(inputs.shape) - 1)
    reduce = tf.reduce_max if output_mode == "multi_hot" else tf.reduce_sum
    return tf.cast(reduce(hot, axis) if len(inputs.shape) else hot, dtype)


def _lookup(layer: Any, plan: Plan) -> Callable[[Any], Any]:
    """Stand-in for the lookup of integers: find each in the vocabulary by comparing."""
    if layer.num_oov_indices > 1 and getattr(layer, "oov_method", None) == "farmhash":
        raise ConversionError(
            f"layer {layer.name!r} (IntegerLookup) hashes what its vocabulary lacks, which "
            f"{plan.format} cannot express: take one index for it (num_oov_indices=1)"
        )
    keys, values = (array.numpy() for array in layer.lookup_table.export())
    default = layer._default_value

    def lookup(inputs: Any) -> Any:
        found = tf.cast(tf.equal(inputs[..., None], keys), tf.int32)
        at = tf.reduce_sum(found * tf.constant(values - default, tf.int32), -1) + int(default)
        if layer.num_oov_indices > 1 and not layer.invert:
            others = tf.math.floormod(inputs, layer.num_oov_indices) + layer._oov_start_index()
            at = tf.where(tf.reduce_sum(found, -1) > 0, at, tf.cast(others, tf.int32))
        at = tf.cast(at, layer._value_dtype)
        if layer.mask_token is not None:
            at = tf.where(tf.equal(inputs, layer._mask_key), layer._mask_value, at)
        return at

    return lookup
