"""TFLite: TensorFlow's converter on a frozen graph, then names, order and signature put right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from littoral.card import KEY, Card
from littoral.errors import ConversionError
from littoral.tensors import TensorSpec

from littoral_converters.formats import _tflite_half_io, _tflite_metadata
from littoral_converters.formats._blame import refusal
from littoral_converters.formats._tflite_centering import center
from littoral_converters.formats._tflite_compaction import compact
from littoral_converters.formats._tflite_padding import pad_last
from littoral_converters.formats._tflite_softmax import spread_out
from littoral_converters.formats._tflite_transposed import interleave_phases
from littoral_converters.graphs import TracedGraph
from littoral_converters.trees.tflite import OP, add_buffer, has_kind, parse, serialize

SUFFIX = ".tflite"
TOOLS = ()
SIGNATURE = "serving_default"


def write(graph: TracedGraph) -> bytes:
    """Write the float32 file.

    Args:
        graph: A model traced for TFLite.

    Returns:
        A .tflite whose signature ``serving_default`` has the Keras names, and whose inputs and
        outputs stand in Keras order.

    Raises:
        ConversionError: An operator has no TFLite form, or an input or output got lost.
    """
    try:
        content = _converted(graph)
    except Exception as error:
        try:
            # It takes a product that widens an axis of 1 into a Dense behind it, whose shapes then
            # no longer fit: a Dense of one feature is such a product.
            content = _converted(graph, disable_fuse_mul_and_fc=True)
        except Exception:
            raise ConversionError(refusal(graph, "TFLite", _reason(error))) from error
    model = parse(content)
    _name(model, graph)
    center(model)
    interleave_phases(model)
    pad_last(model)
    return serialize(model)


def _converted(graph: TracedGraph, **options: bool) -> bytes:
    """What TensorFlow's converter makes of a frozen graph.

    Its public door takes a function, freezes that once more and optimizes it: half of the memory
    and two thirds of the time of a large model, for a graph that is frozen already.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import convert_graphdef

    def named(names: tuple[str, ...], specs: tuple[TensorSpec, ...]) -> list[Any]:
        return [
            tf.compat.v1.placeholder(spec.dtype, spec.shape, name.removesuffix(":0"))
            for name, spec in zip(names, specs, strict=True)
        ]

    with tf.Graph().as_default():
        ends = named(graph.input_tensors, graph.inputs), named(graph.output_tensors, graph.outputs)
    # All that is asked of a GraphDef is its bytes.
    content: bytes = convert_graphdef(
        SimpleNamespace(SerializeToString=lambda: graph.graph_def),
        *ends,
        # What a loop gathers is written in place; otherwise each turn copies all of it three times.
        enable_dynamic_update_slice=True,
        **options,
    )
    return content


def stamp(content: bytes, card: Card) -> bytes:
    """Put the card into the file, and the standard metadata for other tools, and compact it.

    Args:
        content: A model without either.
        card: With the file's inputs and outputs in their order.

    Returns:
        The file with the entries ``littoral_card`` and ``TFLITE_METADATA`` and, when there are
        labels, an archive behind it whose offsets are right once the file is sealed.
    """
    model = parse(content)
    # What the converter noted of its own output, such as the runtime it needs, holds no longer.
    model.metadata, model.description = [], "littoral"
    compact(model)
    entries = {KEY: card.to_json().encode(), _tflite_metadata.NAME: _tflite_metadata.metadata(card)}
    for name, data in entries.items():
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, add_buffer(model, np.frombuffer(data, np.uint8))
        model.metadata.append(entry)
    stamped = serialize(model)
    return stamped + _tflite_metadata.archive(card, len(stamped))


def tuned(content: bytes) -> bytes:
    """Write what is float in a file as today's engines compute it fastest.

    Args:
        content: A .tflite under its scheme.

    Returns:
        The file, with operators that releases of before 2025 have, but no fast kernels for.
    """
    if not has_kind(content, OP.SOFTMAX):
        return content
    model = parse(content)
    spread_out(model)
    return serialize(model)


def halve_io(content: bytes) -> bytes:
    """Make the float32 inputs and outputs of a file float16.

    Args:
        content: A .tflite.

    Returns:
        The file, with the same names in the same order.
    """
    model = parse(content)
    _tflite_half_io.halve(model)
    return serialize(model)


def _name(model: Any, graph: TracedGraph) -> None:
    """Give the main subgraph's inputs and outputs their Keras names, order and signature."""
    main = model.subgraphs[0]
    main.inputs = _ordered(main, main.inputs, graph.input_tensors, "input")
    main.outputs = _ordered(main, main.outputs, graph.output_tensors, "output")
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = _named(main.inputs, [spec.name for spec in graph.inputs])
    signature.outputs = _named(main.outputs, [spec.name for spec in graph.outputs])
    model.signatureDefs = [signature]
    taken: set[int] = set()
    for entry in (*signature.inputs, *signature.outputs):
        if entry.tensorIndex not in taken:
            main.tensors[entry.tensorIndex].name = entry.name.encode()
            taken.add(entry.tensorIndex)


def _ordered(main: Any, indices: Any, names: tuple[str, ...], side: str) -> list[int]:
    """Tensor indices of an interface in the order of the graph's tensor names."""
    found = {main.tensors[index].name.decode().split(":")[0]: int(index) for index in indices}
    wanted = [name.split(":")[0] for name in names]
    if all(name in found for name in wanted):
        return [found[name] for name in wanted]
    if len(indices) == len(names):
        return [int(index) for index in indices]
    raise ConversionError(
        f"TFLite kept {len(indices)} of {len(names)} {side}s: one of them is constant or unused; "
        "remove it from the model"
    )


def _named(indices: list[int], names: list[str]) -> list[Any]:
    entries = []
    for index, name in zip(indices, names, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries


def _reason(error: Exception) -> str:
    """The line of a converter's report that names the operator, or its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "op is neither" in line]
    return (telling or lines or [repr(error)])[0][:300]
