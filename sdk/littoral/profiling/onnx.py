"""Operator times of an .onnx, by partial execution (`littoral.profiling._cuts`).

What is cut is the graph that runs: ONNX Runtime writes it down after its fusions and changes of
layout, and the cuts of that are run without any further ones. Shapes and execution providers come
from one call under the library's own profiler.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from littoral import engines, plugins
from littoral.clock import Call
from littoral.engines import Settings
from littoral.errors import EngineError
from littoral.profiling import Tell, Times, _cuts, _onnx_cut, layer_of
from littoral.profiling._cuts import Operator
from littoral.profiling._onnx_cut import Node, Value

_SIZES = {"float": 4, "double": 8, "float16": 2, "int64": 8, "int32": 4, "int16": 2}
_FUSED = "fused "
_GATES = {"LSTM": 4, "DynamicQuantizeLSTM": 4, "GRU": 3, "RNN": 1}

Shapes = list[tuple[int, ...]]


def operator_times(
    content: bytes,
    folder: str,
    engine: str,
    threads: int,
    options: Mapping[str, Any],
    duration_s: float,
    tell: Tell,
) -> Times:
    """Time every operator; see `littoral.profiling`.

    Raises:
        FormatError: The engine refuses the file.
        EngineError: The engine cannot run a cut.
    """
    module = plugins.load(engines, engine)
    as_it_is = Settings(threads, {**options, "optimization": "disable"}, folder=folder)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        given = Settings(threads, options, folder=folder)

        def call(content: bytes, settings: Settings, is_empty: bool = False) -> Call:
            session = module.open_session(content, settings)
            stack.callback(session.close)
            made: Call = session.bare_call(_cuts.shapes_of(session), is_empty=is_empty)
            return made

        whole = call(content, given)
        content = _optimized(module, content, given, Path(scratch) / "runs.onnx")
        nodes = _onnx_cut.nodes(content)
        facts = _facts(module, content, as_it_is, Path(scratch) / "profile")
        values = _values(module, content, nodes, facts, as_it_is)
        operators = [
            _operator(index, node, facts.get(node.name, {}).get("provider"), values)
            for index, node in enumerate(nodes)
        ]

        def call_of(count: int) -> Call:
            part = _onnx_cut.cut(content, nodes, max(1, count))
            return call(part, as_it_is, is_empty=count == 0)

        return _cuts.timed(operators, call_of, whole, duration_s, tell)


def _optimized(module: Any, content: bytes, settings: Settings, path: Path) -> bytes:
    """The graph that runs."""
    options = {**settings.options, "optimized_model": str(path)}
    module.open_session(
        content, Settings(settings.threads, options, folder=settings.folder)
    ).close()
    return path.read_bytes()


def _facts(module: Any, content: bytes, settings: Settings, path: Path) -> dict[str, Any]:
    """By node's name, what the library's profiler says of its second call."""
    options = {**settings.options, "profile": str(path)}
    how = Settings(settings.threads, options, folder=settings.folder)
    session = module.open_session(content, how)
    try:
        invoke = session.bind(_cuts.shapes_of(session)).invoke
        invoke()
        invoke()
    finally:
        session.close()
    written = sorted(path.parent.glob(f"{path.name}*.json"))
    if not written:
        raise EngineError("ONNX Runtime wrote no profile")
    events = json.loads(written[-1].read_text(encoding="utf-8", errors="replace"))
    return {
        event["name"].removesuffix("_kernel_time"): event["args"]
        for event in events
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
    }


def _values(
    module: Any,
    content: bytes,
    nodes: Sequence[Node],
    facts: Mapping[str, Any],
    settings: Settings,
) -> dict[str, Value]:
    """Shapes of every tensor: constants, inputs, and what the profiler saw each node make.

    Its own list of a node's inputs leaves out the weights that the library packed anew.
    """
    values = _onnx_cut.constants(content)
    session = module.open_session(content, settings)
    for spec, shape in zip(session.inputs, _cuts.shapes_of(session), strict=True):
        item = np.dtype(object if spec.dtype == "str" else spec.dtype).itemsize
        values[spec.name] = Value(shape, math.prod(shape) * item)
    session.close()
    for node in nodes:
        made = facts.get(node.name, {}).get("output_type_shape") or []
        for name, entry in zip(filter(None, node.outputs), made, strict=False):
            for dtype, shape in entry.items():
                size = math.prod(shape) * _SIZES.get(dtype, 1)
                values.setdefault(name, Value(tuple(shape), size))
    return values


def _operator(
    index: int, node: Node, provider: str | None, values: Mapping[str, Value]
) -> Operator:
    inputs, outputs = (
        [values[name] for name in names if name in values] for names in (node.inputs, node.outputs)
    )
    return Operator(
        index=index,
        kind=node.kind,
        name=node.name,
        layer=layer_of(node.name.removeprefix(_FUSED)),
        macs=_macs(node.kind, [one.shape for one in inputs], [one.shape for one in outputs]),
        moved_bytes=sum(one.size_bytes for one in (*inputs, *outputs)),
        delegated=None if provider is None else provider != "CPUExecutionProvider",
    )


def _macs(kind: str, inputs: Shapes, outputs: Shapes) -> int:
    """From the shapes; weights of a convolution are [out, in per group, ...]."""
    shaped = [shape for shape in inputs if len(shape) >= 2]
    if outputs and shaped and kind in _GATES:
        return _recurrent_macs(_GATES[kind], shaped[0], outputs[0])
    if not outputs or len(shaped) < 2:
        return 0
    out = math.prod(outputs[0])
    if "ConvTranspose" in kind:
        return math.prod(shaped[0]) * math.prod(shaped[1][1:])
    if "Conv" in kind:
        return out * math.prod(shaped[1][1:])
    if "Gemm" in kind or "MatMul" in kind:
        square = math.prod(shaped[0][-2:]) * math.prod(shaped[1][-2:])
        return out * math.isqrt(square // max(1, math.prod(outputs[0][-2:])))
    return 0


def _recurrent_macs(gates: int, x: tuple[int, ...], y: tuple[int, ...]) -> int:
    """X is [steps, batch, in]; y [steps, directions, batch, units] or without the steps."""
    units, directions = y[-1], y[-3] if len(y) >= 3 else 1
    return math.prod(x[:2]) * directions * gates * units * (x[-1] + units)
