"""Which Keras layer a native converter failed on, from what it says and the graph it was given."""

from __future__ import annotations

import re
from typing import Any

from littoral_converters.graphs import TracedGraph
from littoral_converters.graphs.scopes import meant_by

_NAME = re.compile(r"[\w./-]+")
_MISSING = re.compile(r"'tf\.(\w+)' op is neither a custom op|No Op registered for (\w+)")
MAX_LAYERS = 3


def refusal(graph: TracedGraph, format_name: str, reason: str) -> str:
    """One line for a person.

    Args:
        graph: What was to be written.
        format_name: As a person writes it, for example ``"TFLite"``.
        reason: What the converter said, the part worth showing.

    Returns:
        The layer to blame where it can be told, the format, the reason, and the way out.
    """
    layers, shown = blamed(graph, reason), _plain(graph, reason)
    if layers:
        names = ", ".join(f"{name!r} ({graph.layers[name]})" for name in layers[:MAX_LAYERS])
        return (
            f"{format_name} cannot express layer {names}: {shown}; "
            "take another layer or the other format, or convert the model without it"
        )
    operations = ", ".join(
        f"{node.name!r} ({node.op})" for node in _named(graph, reason)[:MAX_LAYERS]
    )
    if not operations:
        return f"{format_name} cannot express the model: {reason}"
    return (
        f"{format_name} cannot express operation {operations}: {shown}; "
        "take other operations or the other format, or convert the model without it"
    )


def _plain(graph: TracedGraph, reason: str) -> str:
    """What is wrong, where the converters say it in words of their own."""
    import tensorflow as tf

    missing = _MISSING.search(reason)
    if not missing:
        return reason
    nodes = [node for node in _named(graph, reason) if "T" in node.attr]
    numbers = {tf.as_dtype(node.attr["T"].type).name for node in nodes}
    of_others = f" of {', '.join(sorted(numbers))}" if numbers - {"float32"} else ""
    return f"it has no operator {missing[1] or missing[2]}{of_others}"


def blamed(graph: TracedGraph, reason: str) -> list[str]:
    """Names of the layers whose nodes, or else whose operators, a reason names."""
    found = (_layer_of(graph, node.name) for node in _named(graph, reason))
    return list(dict.fromkeys(name for name in found if name))


def _named(graph: TracedGraph, reason: str) -> list[Any]:
    """The nodes that a reason names, or else those of the operators that it names."""
    import tensorflow as tf

    nodes = tf.compat.v1.GraphDef.FromString(graph.graph_def).node
    words = {word.removeprefix("tf.") for word in _NAME.findall(reason)}
    named = [node for node in nodes if node.name in words]
    return named or [node for node in nodes if node.op in words]


def _layer_of(graph: TracedGraph, node: str) -> str | None:
    """The innermost layer in a node's path."""
    parts = reversed(node.split("/")[:-1])
    return next((name for part in parts for name in meant_by(part, graph.layers)), None)
