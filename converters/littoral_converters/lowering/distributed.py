"""TimeDistributed: all steps as one batch, where Keras writes its layer out once a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from littoral_converters.graphs.axes import open_shape, sizes
from littoral_converters.lowering import Plan


def replacements(layer: Any, plan: Plan) -> Mapping[str, object]:
    """A stand-in for `call` of TimeDistributed; see `littoral_converters.lowering`."""
    del plan
    if type(layer) is not keras.layers.TimeDistributed or not layer.built:
        return {}
    inside = layer.layer._flatten_layers(include_self=True)
    return (
        {} if any(getattr(each, "stateful", False) for each in inside) else {"call": _call(layer)}
    )


def _call(layer: Any) -> Callable[..., Any]:
    keras_call, inner = layer.call, layer.layer

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None and inner._call_has_mask_arg:
            return keras_call(inputs, training=training, mask=mask)
        batch, steps, *rest = sizes(inputs)
        options = {"training": training} if inner._call_has_training_arg else {}
        outputs = inner.call(tf.reshape(inputs, open_shape([batch * steps, *rest])), **options)

        def apart(output: Any) -> Any:
            return tf.reshape(output, open_shape([batch, steps, *sizes(output)[1:]]))

        return keras.tree.map_structure(apart, outputs)

    return call
