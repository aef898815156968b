"""keras.Model -> traced graph: the model as one frozen TensorFlow graph, its layers lowered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from littoral.errors import ConversionError
from littoral.tensors import TensorSpec
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from littoral_converters.graph import TracedGraph
from littoral_converters.lowering import Plan, lowered
from littoral_converters.signature import Signature


def trace(model: Any, signature: Signature, plan: Plan) -> TracedGraph:
    """Trace a model for a format.

    Args:
        model: A built keras.Model on the TensorFlow backend.
        signature: Its inputs and outputs.
        plan: Format, way of writing recurrences, batch size.

    Returns:
        The traced graph.

    Raises:
        ConversionError: A layer cannot be traced; the message names it.
    """
    specs = [
        tf.TensorSpec((plan.batch, *spec.shape[1:]), spec.dtype, name=f"littoral_in_{index}")
        for index, spec in enumerate(signature.inputs)
    ]

    def call(*tensors: Any) -> list[Any]:
        results = keras.tree.flatten(model(signature.arrange(tensors), training=False))
        return [
            tf.identity(result, name=f"littoral_out_{index}")
            for index, result in enumerate(results)
        ]

    with lowered(model, plan):
        try:
            concrete = tf.function(call, autograph=False).get_concrete_function(*specs)
        except Exception as error:
            raise ConversionError(_refusal(error, plan)) from error
        frozen = convert_variables_to_constants_v2(concrete)
    return TracedGraph(
        graph_def=frozen.graph.as_graph_def().SerializeToString(),
        inputs=_specs(concrete.inputs[: len(specs)], [spec.name for spec in signature.inputs]),
        outputs=_specs(concrete.outputs, signature.output_names),
        input_tensors=tuple(tensor.name for tensor in frozen.inputs),
        output_tensors=tuple(tensor.name for tensor in frozen.outputs),
    )


def _specs(tensors: Sequence[Any], names: Sequence[str]) -> tuple[TensorSpec, ...]:
    if len(tensors) != len(names):
        raise ConversionError(
            f"the traced graph has {len(tensors)} inputs or outputs where the model has "
            f"{len(names)}: {', '.join(names)}; remove an input that nothing uses"
        )
    return tuple(
        TensorSpec(name, tuple(tensor.shape), tensor.dtype.name)
        for name, tensor in zip(names, tensors, strict=True)
    )


def _refusal(error: Exception, plan: Plan) -> str:
    reason = str(error).strip().splitlines()
    return f"the model cannot be traced for {plan.format}: {reason[0] if reason else error!r}"
