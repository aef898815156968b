"""Take out of a .tflite what nothing reads: tensors, constants, kinds of operators, long names.

A recurrence written out has hundreds of tensors; their names alone would outweigh its weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_NAME = 40


def compact(model: Any) -> None:
    """Compact a file's object tree in place.

    Args:
        model: `schema.ModelT`. Interfaces, signatures and metadata keep their meaning.
    """
    for at, graph in enumerate(model.subgraphs):
        moved = _drop_tensors(graph)
        for signature in model.signatureDefs or []:
            if signature.subgraphIndex == at:
                for entry in (*signature.inputs, *signature.outputs):
                    entry.tensorIndex = moved[entry.tensorIndex]
        _shorten_names(graph)
        for tensor in graph.tensors:
            _drop_empty_fields(tensor)
    _drop_buffers(model)
    _drop_kinds(model)


def _drop_tensors(graph: Any) -> dict[int, int]:
    """Drop tensors that no operator and no interface reaches. Returns new index by old."""
    reached = {int(i) for op in graph.operators for i in (*op.inputs, *op.outputs)}
    reached.update(int(i) for op in graph.operators for i in _list(op.intermediates))
    reached.update(map(int, (*graph.inputs, *graph.outputs)))
    kept = [index for index in range(len(graph.tensors)) if index in reached]
    moved = {old: new for new, old in enumerate(kept)} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in kept]
    for holder in (graph, *graph.operators):
        holder.inputs = [moved[int(i)] for i in _list(holder.inputs)]
        holder.outputs = [moved[int(i)] for i in _list(holder.outputs)]
    for operator in graph.operators:
        if operator.intermediates is not None:
            operator.intermediates = [moved[int(i)] for i in operator.intermediates]
    return moved


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _shorten_names(graph: Any) -> None:
    """Keep of each inner name the Keras layer it came from, once each."""
    interface = {int(i) for i in (*_list(graph.inputs), *_list(graph.outputs))}
    taken = {graph.tensors[i].name for i in interface}
    for index, tensor in enumerate(graph.tensors):
        if index in interface:
            continue
        name = short(tensor.name)
        tensor.name = b"" if name in taken else name
        taken.add(name)


def short(name: bytes | None) -> bytes:
    """A converter's tensor name without the model in front and the fused operators behind."""
    first = (name or b"").split(b";")[0]
    parts = first.split(b"/")
    return b"/".join(parts[1:] if len(parts) > 2 else parts)[:MAX_NAME]


def _drop_empty_fields(tensor: Any) -> None:
    """Leave out what says nothing: no quantization, no open size, no name."""
    quantization = tensor.quantization
    if quantization is not None and not _list(quantization.scale) and not quantization.details:
        tensor.quantization = None
    if -1 not in _list(tensor.shapeSignature):
        tensor.shapeSignature = None


def _drop_buffers(model: Any) -> None:
    """Keep one copy of each constant that something reads. Buffer 0 stays: it means none."""
    holders = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    holders += model.metadata or []
    kept, by_content, moved = [model.buffers[0]], {}, {0: 0}
    for index in sorted({holder.buffer for holder in holders} - {0}):
        buffer = model.buffers[index]
        content = b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()
        if not content or content not in by_content:
            by_content[content] = len(kept)
            kept.append(buffer)
        moved[index] = by_content[content] if content else len(kept) - 1
    for holder in holders:
        holder.buffer = moved[holder.buffer]
    model.buffers = kept


def _drop_kinds(model: Any) -> None:
    """Keep the kinds of operators that there are: a runtime asks for all that are listed."""
    operators = [operator for graph in model.subgraphs for operator in graph.operators]
    kept = sorted({operator.opcodeIndex for operator in operators})
    moved = {old: new for new, old in enumerate(kept)}
    for operator in operators:
        operator.opcodeIndex = moved[operator.opcodeIndex]
    model.operatorCodes = [model.operatorCodes[index] for index in kept]
