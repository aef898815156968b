"""float16 inputs and outputs for a .tflite: a CAST behind each input and before each output."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from littoral_converters.trees.tflite import add_like, cast

_VERSION = 5
"""Version of CAST that takes float16."""


def halve(model: Any) -> None:
    """Make every float32 input and output of the main subgraph float16, in place.

    Args:
        model: Object tree of a .tflite. Names, order and signature stay.
    """
    main = model.subgraphs[0]
    moved_in, moved_out = (
        {i: _twin(main, i) for i in dict.fromkeys(map(int, ends)) if _is_float(main, i)}
        for ends in (main.inputs, main.outputs)
    )
    first = [cast(model, main, _VERSION, half, full) for full, half in moved_in.items()]
    last = [cast(model, main, _VERSION, full, half) for full, half in moved_out.items()]
    main.operators = [*first, *main.operators, *last]
    main.inputs = [moved_in.get(int(i), int(i)) for i in main.inputs]
    main.outputs = [moved_out.get(int(i), int(i)) for i in main.outputs]
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            _point(signature.inputs, moved_in)
            _point(signature.outputs, moved_out)


def _is_float(main: Any, index: int) -> bool:
    return bool(main.tensors[index].type == schema.TensorType.FLOAT32)


def _twin(main: Any, index: int) -> int:
    """A float16 tensor that takes the name of a float32 one."""
    twin = add_like(main, index, b"", schema.TensorType.FLOAT16)
    main.tensors[index].name += b"_float32"
    return twin


def _point(entries: Any, moved: dict[int, int]) -> None:
    for entry in entries:
        entry.tensorIndex = moved.get(int(entry.tensorIndex), int(entry.tensorIndex))
