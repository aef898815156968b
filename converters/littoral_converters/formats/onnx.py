"""ONNX: tf2onnx on a frozen graph, with the operators that lowerings asked for put in directly."""

from __future__ import annotations

import importlib.metadata
import json
import logging
from typing import Any

from littoral.card import KEY, Card
from littoral.errors import ConversionError

from littoral_converters.formats import _onnx_half_io
from littoral_converters.formats._blame import refusal
from littoral_converters.formats._onnx_compaction import compact
from littoral_converters.formats._onnx_mending import mended
from littoral_converters.formats._onnx_reshapes import simplify
from littoral_converters.formats._onnx_weights import Weights
from littoral_converters.graphs import ONNX_OPERATOR, TracedGraph
from littoral_converters.trees.onnx import graphs_in, without_weights

SUFFIX = ".onnx"
TOOLS = ("tf2onnx", "onnx")
OPSET = 18
"""The newest that tf2onnx writes; onnxruntime has read it since 1.14."""
_TOO_SHORT = ("BOOL", "INT8", "INT16", "UINT16")
"""What onnxruntime's Where does not take."""


def write(graph: TracedGraph) -> bytes:
    """Write the float32 file.

    Args:
        graph: A model traced for ONNX.

    Returns:
        An .onnx whose graph inputs and outputs have the Keras names, in Keras order.

    Raises:
        ConversionError: An operator has no ONNX form, or an input or output got lost.
    """
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        weights = Weights(graph.graph_def)
        with weights.beside(), mended():
            model, _ = tf2onnx.convert.from_graph_def(
                weights.graph_def,
                input_names=list(graph.input_tensors),
                output_names=list(graph.output_tensors),
                opset=OPSET,
                custom_op_handlers={
                    ONNX_OPERATOR: (_put_operator, []),
                    "SelectV2": (_put_where, []),
                },
            )
        weights.put_back(model)
        _name(model, graph)
        simplify(model)
        onnx.checker.check_model(without_weights(model), full_check=True)
    except ConversionError:
        raise
    except Exception as error:
        raise ConversionError(refusal(graph, "ONNX", _reason(error))) from error
    return bytes(model.SerializeToString())


def stamp(content: bytes, card: Card) -> bytes:
    """Put the card into the file as the metadata property ``littoral_card``, and compact it."""
    import onnx

    model = onnx.load_from_string(content)
    compact(model)
    onnx.helper.set_model_props(model, {KEY: card.to_json()})
    model.producer_name, model.producer_version = "littoral", importlib.metadata.version("littoral")
    return bytes(model.SerializeToString())


def halve_io(content: bytes) -> bytes:
    """Make the float32 inputs and outputs of a file float16.

    Args:
        content: An .onnx.

    Returns:
        The file, with the same names in the same order.
    """
    import onnx

    model = onnx.load_from_string(content)
    _onnx_half_io.halve(model)
    return bytes(model.SerializeToString())


def _put_operator(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Turn a marker node into the ONNX operator that it stands for."""
    del name, args
    token = json.loads(node.get_attr("token").s)
    given = iter(node.input)
    inputs = [next(given) if present else "" for present in token["given"]]
    outputs = list(node.output)
    shapes = [ctx.get_shape(output) for output in outputs]
    dtypes = [ctx.get_dtype(output) for output in outputs]
    ctx.remove_node(node.name)
    ctx.make_node(
        token["op_type"],
        inputs,
        attr=token["attributes"],
        name=node.name,
        outputs=outputs,
        shapes=shapes,
        dtypes=dtypes,
        domain=token["domain"] or None,
    )


def _put_where(ctx: Any, node: Any, name: str, args: Any) -> None:
    """A choice as ONNX's Where: tf2onnx multiplies both by 0 and 1, and 0 times NaN is no 0."""
    from onnx import TensorProto

    del name, args
    (output,) = node.output
    shape, dtype, (condition, *both) = ctx.get_shape(output), ctx.get_dtype(output), node.input
    ctx.remove_node(node.name)

    def put(kind: str, inputs: list[str], dtype: int, **options: Any) -> str:
        made = ctx.make_node(kind, inputs, dtypes=[dtype], op_name_scope=node.name, **options)
        return str(made.output[0])

    if dtype in {getattr(TensorProto, kind) for kind in _TOO_SHORT}:
        wide = TensorProto.INT32
        both = [
            put("Cast", [given], wide, shapes=[ctx.get_shape(given)], attr={"to": wide})
            for given in both
        ]
        chosen = put("Where", [condition, *both], wide, shapes=[shape])
        put("Cast", [chosen], dtype, shapes=[shape], attr={"to": dtype}, outputs=[output])
    else:
        put("Where", [condition, *both], dtype, shapes=[shape], outputs=[output])


def _name(model: Any, graph: TracedGraph) -> None:
    """Give the graph's inputs and outputs their Keras names and order, in place."""
    renamed: dict[str, str] = {}
    for values, tensors, specs, side in (
        (model.graph.input, graph.input_tensors, graph.inputs, "input"),
        (model.graph.output, graph.output_tensors, graph.outputs, "output"),
    ):
        by_name = {value.name: value for value in values}
        if set(by_name) != set(tensors):
            raise ConversionError(
                f"ONNX has the {side}s {sorted(by_name)} where the model has "
                f"{[spec.name for spec in specs]}: one of them is constant or unused"
            )
        ordered = [by_name[tensor] for tensor in tensors]
        for value, spec in zip(ordered, specs, strict=True):
            renamed[value.name] = spec.name
        kept = [type(value).FromString(value.SerializeToString()) for value in ordered]
        del values[:]
        values.extend(kept)
    _rename(model.graph, renamed)


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Rename tensors throughout a graph and its subgraphs; clashing inner names step aside."""
    taken = set(names.values())

    def new(name: str) -> str:
        return names.get(name, f"{name}__inner" if name in taken else name)

    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = new(value.name)
    for node in graph.node:
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
        for inner in graphs_in(node):
            _rename(inner, names)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [repr(error)])[0][:300]
