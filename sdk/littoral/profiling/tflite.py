"""Operator times of a .tflite, by partial execution (`littoral.profiling._cuts`)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from littoral import engines, plugins
from littoral.clock import Call
from littoral.engines import Settings
from littoral.profiling import Tell, Times, _cuts, _tflite_cut


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
        FormatError: The file is damaged, or its first graph has no operators.
        EngineError: The engine cannot run a cut.
    """
    nodes = _tflite_cut.nodes(content)
    settings = Settings(threads=threads, options=options)
    module = plugins.load(engines, engine)
    with ExitStack() as stack:

        def bound(content: bytes) -> tuple[Any, Call]:
            session = module.open_session(content, settings)
            stack.callback(session.close)
            binding = session.bind(_cuts.shapes_of(session))
            for memory in binding.inputs:  # what lies there may be no index of any table
                memory[...] = b"" if memory.dtype == object else 0
            return session, binding.invoke

        session, whole = bound(content)
        operators = [
            replace(node.operator, delegated=session.is_delegated(node.outputs)) for node in nodes
        ]

        def call_of(count: int) -> Call:
            return bound(_tflite_cut.cut(content, nodes, count))[1]

        return _cuts.timed(operators, call_of, whole, duration_s, tell)
