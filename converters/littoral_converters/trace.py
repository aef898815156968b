"""keras.Model -> traced graph: the model as one frozen TensorFlow graph, its layers lowered."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from littoral.errors import ConversionError, LittoralError
from littoral.tensors import TensorSpec
from tensorflow.python.framework import convert_to_constants

from littoral_converters.graphs import TracedGraph
from littoral_converters.graphs.assignments import write_out
from littoral_converters.graphs.nodes import behind, by_name, keep
from littoral_converters.graphs.replay import Replay
from littoral_converters.graphs.scopes import name_after_layers
from littoral_converters.graphs.single_precision import write_in_single
from littoral_converters.graphs.tensor_lists import without_lists
from littoral_converters.graphs.while_loops import free_invariants
from littoral_converters.isolation import memory
from littoral_converters.lowering import Plan, descriptions, lowered
from littoral_converters.lowering._recurrent_ways import UNROLL_LIMIT
from littoral_converters.lowering._weights import changed as changed_weights
from littoral_converters.nesting import every_layer
from littoral_converters.operators import substitute
from littoral_converters.signature import Signature
from littoral_converters.watching import layer_in, reason_of, whole_tracebacks

_OPEN_SIZE = re.compile(
    r"NoneType.* as an integer|None values not supported"
    r"|(operand type|between instances|must be|got None|value \(None\)).*NoneType"
)
"""What Python and TensorFlow say where an open size, None in a shape, is taken for a number."""


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
    try:
        return _traced(model, signature, plan)
    except LittoralError:
        raise
    except Exception as error:
        raise ConversionError(_refusal(error, model, plan, signature)) from error


def _traced(model: Any, signature: Signature, plan: Plan) -> TracedGraph:
    layers = {
        layer.name: type(layer).__name__ for layer in every_layer(model) if layer is not model
    }
    with whole_tracebacks():
        frozen, plan = _frozen(model, signature, plan, layers)
    # The function that was traced held the weights as well, and what follows takes their memory a
    # few times.
    memory.give_back()
    graph_def = frozen.graph_def
    if plan.format == "onnx":
        free_invariants(graph_def)
        without_lists(graph_def)
    write_in_single(graph_def)
    graph_def = substitute(graph_def, plan.format, frozen.most_axes)
    name_after_layers(graph_def, list(layers))
    return TracedGraph(
        graph_def=_serialized(graph_def),
        inputs=frozen.inputs,
        outputs=frozen.outputs,
        input_tensors=frozen.input_tensors,
        output_tensors=frozen.output_tensors,
        layers=layers,
        ways=descriptions(model, plan),
        varying=frozen.varying,
    )


@dataclass(frozen=True)
class _Frozen:
    """A traced model with its weights as constants; see `TracedGraph`.

    Attributes:
        most_axes: Of any tensor of the trace.
    """

    graph_def: Any
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input_tensors: tuple[str, ...]
    output_tensors: tuple[str, ...]
    varying: tuple[str, ...]
    most_axes: int


def _frozen(
    model: Any, signature: Signature, plan: Plan, layers: Mapping[str, str]
) -> tuple[_Frozen, Plan]:
    """Trace a model and freeze it; with the plan that it could be traced by."""
    specs = [
        tf.TensorSpec((plan.batch, *spec.shape[1:]), spec.dtype, name=f"littoral_in_{index}")
        for index, spec in enumerate(signature.inputs)
    ]

    def call(*tensors: Any) -> list[Any]:
        return [
            tf.identity(_for_each(result, tensors, plan.batch), name=f"littoral_out_{index}")
            for index, result in enumerate(signature.call(model, tensors))
        ]

    concrete, plan = _concrete(model, call, specs, plan)
    own = concrete.inputs[: len(specs)], concrete.outputs
    ends = own
    data, varying = _settled(concrete, layers)
    graph_def = _without_variables(data, [*ends[0], *ends[1]])
    del data
    _say_shapes(graph_def, concrete.graph)
    written = _written_out(concrete, specs, layers, plan) if _has_lists(graph_def, plan) else None
    if written is not None:
        ends = written.inputs[: len(specs)], written.outputs
        graph_def = written.graph.as_graph_def()
        needed = [tensor.op.name for tensor in (*ends[0], *ends[1])]
        keep(graph_def, behind(needed, by_name(graph_def), waits=True))
    frozen = _Frozen(
        graph_def=graph_def,
        inputs=_specs(own[0], [spec.name for spec in signature.inputs]),
        outputs=_specs(own[1], signature.output_names),
        input_tensors=tuple(tensor.name for tensor in ends[0]),
        output_tensors=tuple(tensor.name for tensor in ends[1]),
        varying=varying,
        most_axes=_most_axes(concrete),
    )
    return frozen, plan


def _for_each(result: Any, inputs: Sequence[Any], batch: int | None) -> Any:
    """An output, once for every sample where it is one for all of them."""
    if batch == 1 or not inputs or not result.shape.rank or result.shape[0] != 1:
        return result
    count = batch or tf.shape(inputs[0])[0]
    return tf.tile(result, [count, *[1] * (result.shape.rank - 1)])


def _concrete(
    model: Any, call: Callable[..., Any], specs: Sequence[Any], plan: Plan
) -> tuple[Any, Plan]:
    """A model's function, traced again where it turns out to set weights that lowerings hold."""
    with lowered(model, plan):
        concrete = tf.function(call, autograph=False).get_concrete_function(*specs)
    changing = changed_weights(concrete.graph, list(every_layer(model)))
    if changing <= plan.changing:
        return concrete, plan
    return _concrete(model, call, specs, replace(plan, changing=plan.changing | changing))


def _settled(
    concrete: Any, layers: Mapping[str, str], lower_control_flow: bool = True
) -> tuple[Any, tuple[str, ...]]:
    """What TensorFlow freezes of a function, without assignments, and why its answers may vary."""
    data = convert_to_constants._FunctionConverterDataInEager(
        func=concrete, lower_control_flow=lower_control_flow, aggressive_inlining=False
    )
    ends = [tensor.op.name for tensor in concrete.outputs]
    return data, write_out(data.graph_def, ends, layers)


def _without_variables(data: Any, ends: Sequence[Any]) -> Any:
    """The graph of a function with its variables as constants: what its inputs and outputs need.

    TensorFlow's own door makes a function of that once more, which takes eight times the weights'
    memory and most of the time.
    """
    graph_def, _ = convert_to_constants._replace_variables_by_constants(converter_data=data)
    keep(graph_def, behind([tensor.op.name for tensor in ends], by_name(graph_def), waits=True))
    return graph_def


def _serialized(graph_def: Any) -> bytes:
    """The bytes of a graph. Made node by node, for a message is copied twice on its way to them."""
    made = io.BytesIO()
    alone = type(graph_def)
    for node in graph_def.node:
        made.write(alone(node=[node]).SerializeToString())
    rest = alone(versions=graph_def.versions, library=graph_def.library)
    made.write(rest.SerializeToString())
    return made.getvalue()


def _say_shapes(graph_def: Any, graph: Any) -> None:
    """Keep what the trace knew of the shapes of reshaped tensors, which an open batch hides."""
    traced = {each.name: each for each in graph.get_operations() if each.type == "Reshape"}
    for node in graph_def.node:
        if node.name in traced and node.op == "Reshape":
            shape = traced[node.name].outputs[0].shape.as_proto()
            node.attr["_output_shapes"].list.shape.append(shape)


def _most_axes(concrete: Any) -> int:
    """How many axes a tensor of a function has at most."""
    made = [tensor for each in concrete.graph.get_operations() for tensor in each.outputs]
    return max((tensor.shape.rank or 0 for tensor in made), default=0)


def _has_lists(graph_def: Any, plan: Plan) -> bool:
    """Whether short loops keep their steps' values in lists that a format cannot read."""
    has_any = any(node.op.startswith("TensorList") for node in graph_def.node)
    # What is written out reads variables as they were saved.
    if not has_any or plan.changing or (plan.format == "onnx" and plan.recurrent == "loop"):
        return False
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    reserves = [each for each in graph.get_operations() if each.type == "TensorListReserve"]
    if plan.format == "onnx":
        sizes = [tf.get_static_value(each.inputs[1]) for each in reserves]
        return all(size is None or size <= UNROLL_LIMIT for size in sizes)
    # TFLite's converter reads a list whose elements have a known number of axes.
    shapes = [tf.get_static_value(each.inputs[0]) for each in reserves]
    return any(shape is None or shape.ndim == 0 or np.any(shape < 0) for shape in shapes)


def _written_out(
    concrete: Any, specs: Sequence[Any], layers: Mapping[str, str], plan: Plan
) -> Any | None:
    """The frozen graph with its loops written out; None where one is long, or nobody knows.

    For TFLite these stay loops, whose lists are tensors.
    """
    data, _ = _settled(concrete, layers, lower_control_flow=False)
    made = convert_to_constants._replace_variables_by_constants(converter_data=data)
    frozen = convert_to_constants._construct_concrete_function(concrete, *made)

    def again(*tensors: Any) -> list[Any]:
        replay = Replay(frozen.graph, {}, UNROLL_LIMIT, keeps_loops=plan.format == "tflite")
        return replay.run(frozen.inputs, tensors, frozen.outputs)

    try:
        written = tf.function(again, autograph=False).get_concrete_function(*specs)
    except (ConversionError, TypeError, ValueError, tf.errors.OpError):
        return None  # the format's converter will name the loop
    return convert_to_constants.convert_variables_to_constants_v2(written)


def _specs(tensors: Sequence[Any], names: Sequence[str]) -> tuple[TensorSpec, ...]:
    if len(tensors) != len(names):
        raise ConversionError(
            f"the traced graph has {len(tensors)} inputs or outputs where the model has "
            f"{len(names)}: {', '.join(names)}; remove an input that nothing uses"
        )
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.shape.rank is None:
            raise ConversionError(
                f"the number of axes of output {name!r} depends on the data: give it a shape, as "
                "keras.layers.Reshape does"
            )
    return tuple(
        TensorSpec(name, tuple(tensor.shape), tensor.dtype.name)
        for name, tensor in zip(names, tensors, strict=True)
    )


def _refusal(error: Exception, model: Any, plan: Plan, signature: Signature) -> str:
    layer = layer_in(error, model)
    if layer is None:
        what = "the model"
        way_out = (
            "take other operations or the other format, or convert the model without what it says"
        )
    else:
        what = f"layer {layer.name!r} ({type(layer).__name__})"
        way_out = "take another layer for it, or convert the model without it"
    reason = reason_of(error)
    if signature.batch not in (None, plan.batch):
        batch = signature.batch
        way_out = f"the model is built for a batch of {batch}: take --batch {batch} (batch={batch})"
    elif _asks_for_numbers(error, signature, plan):
        reason = "it asks in Python (if, for, range, int) for what is known only when a file runs"
        way_out = f"{_ways_to_say(signature, plan)}ask with keras.ops.cond, where or fori_loop"
    return f"{what} cannot be traced for {plan.format}: {reason}; {way_out}"


def _asks_for_numbers(error: Exception, signature: Signature, plan: Plan) -> bool:
    """Whether Python wanted to know a number that a graph computes, or took None for one."""
    if isinstance(error, tf.errors.OperatorNotAllowedInGraphError):
        return True
    if not isinstance(error, (TypeError, ValueError)):
        return False
    is_open = plan.batch is None or any(None in spec.shape[1:] for spec in signature.inputs)
    return "SymbolicTensor" in str(error) or (is_open and bool(_OPEN_SIZE.search(str(error))))


def _ways_to_say(signature: Signature, plan: Plan) -> str:
    """How what a model leaves open becomes known beforehand, for a message; empty for nowise."""
    lengths = [repr(spec.name) for spec in signature.inputs if None in spec.shape[1:]]
    ways = ["take a fixed --batch (batch=1)"] if plan.batch is None else []
    if lengths:
        ways.append(
            f"give input {', '.join(lengths)} a fixed length, as keras.Input((64,)) does in a "
            "model that calls this one"
        )
    return "".join(f"{way}, or " for way in ways)
