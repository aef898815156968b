"""What a traced model changes or draws while it answers: a file can do neither."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

from littoral.errors import ConversionError

from littoral_converters.graphs.nodes import become, behind, by_name, keep, node_of
from littoral_converters.graphs.scopes import scopes_of

_SUMS = {"AssignAddVariableOp": "AddV2", "AssignSubVariableOp": "Sub"}
_ASSIGNS = frozenset({"AssignVariableOp", *_SUMS})

_DRAWS = frozenset(
    {
        "Multinomial",
        "NonDeterministicInts",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "RngReadAndSkip",
        "StatefulRandomBinomial",
        "StatefulStandardNormalV2",
        "StatefulTruncatedNormal",
        "StatefulUniform",
        "StatefulUniformFullInt",
        "StatefulUniformInt",
        "TruncatedNormal",
    }
)
"""Operators that answer differently at every call, whatever their seed."""

_MEAN = "return the mean instead, or take the noise as an input"
_STATE = "take the state as an input and return it as an output"


def write_out(graph_def: Any, ends: Iterable[str], layers: Mapping[str, str]) -> tuple[str, ...]:
    """Write assignments to variables out, in place.

    1. What reads a variable after an assignment takes the value that was assigned.
    2. The assignment itself is left out: every call of a file starts from the variables as saved.

    Args:
        graph_def: The graph of a function whose variables are still variables.
        ends: Names of the nodes that are its outputs.
        layers: Class of each Keras layer by its name.

    Returns:
        Why its answers may differ from call to call, one line each; empty where they cannot.

    Raises:
        ConversionError: A branch or a loop assigns to a variable that the outputs depend on.
    """
    assigns = [node for node in graph_def.node if _is_assign(node)]
    draws = [node for node in graph_def.node if _is_draw(node)]
    functions = graph_def.library.function
    hidden = [node for one in functions for node in one.node_def if _is_assign(node)]
    if not (assigns or draws or hidden):
        return ()
    _pass_on(graph_def)
    nodes = by_name(graph_def)
    needed = behind(ends, nodes)
    variables = [(node, _variable(node, nodes)) for node in assigns]
    changed = {variable for _, variable in variables}
    drawn = [
        f"{_layer_of(node, nodes, layers)} draws random numbers at inference ({node.op}): {_MEAN}"
        for node in draws
        if node.name in needed and (node.op in _DRAWS or changed & behind([node.name], nodes))
    ]
    # A seed that a loop counts up is no state that anybody would want to keep.
    hidden += [
        node
        for node, variable in variables
        if nodes[node_of(node.input[0])].op != "Placeholder" and variable in needed and not drawn
    ]
    for node in hidden:
        raise ConversionError(
            f"{_layer_of(node, nodes, layers)} assigns to a variable inside a branch or a loop at "
            f"inference, which a file cannot: {_STATE}"
        )
    _leave_out(graph_def, assigns)
    kept = [
        f"{_layer_of(node, nodes, layers)} assigns at inference to a variable that it reads: "
        f"{_STATE}"
        for node, variable in variables
        if variable in needed
    ]
    return tuple(dict.fromkeys(drawn or kept))


def _is_assign(node: Any) -> bool:
    return node.op in _ASSIGNS or node.op.startswith("ResourceScatter")


def _is_draw(node: Any) -> bool:
    """Operators that prepare a seed for others are none."""
    kind = str(node.op)
    is_stateless = kind.startswith(("StatelessMultinomial", "StatelessRandom", "StatelessTrunc"))
    return kind in _DRAWS or (is_stateless and not kind.startswith("StatelessRandomGet"))


def _variable(node: Any, nodes: Mapping[str, Any]) -> str:
    """The variable that a node assigns to or reads, through the switches of branches and loops."""
    while node.op != "Placeholder" and node.input:
        node = nodes[node_of(node.input[0])]
    return str(node.name)


def _in_order(nodes: Mapping[str, Any]) -> Iterator[Any]:
    """Every node after those that it waits for; TensorFlow lets reads wait for assignments."""
    before = {
        name: [one for one in map(node_of, node.input) if nodes[one].op != "NextIteration"]
        for name, node in nodes.items()
    }
    return (nodes[name] for name in TopologicalSorter(before).static_order())


def _pass_on(graph_def: Any) -> None:
    """Give assigned values to what reads the variables afterwards."""
    nodes = by_name(graph_def)
    values: dict[str, str] = {}
    for node in _in_order(nodes):
        variable = node.input[0] if node.input else ""
        if node.op in _ASSIGNS and nodes[node_of(variable)].op == "Placeholder":
            values[variable] = _assigned(node, values.get(variable), graph_def)
        elif node.op == "ReadVariableOp" and (value := values.get(_variable(node, nodes))):
            dtype = node.attr["dtype"].type
            become(node, "Identity", [_led_in(variable, value, dtype, graph_def, nodes)], T=dtype)
        elif variable in values and node.op.startswith("ResourceGather"):
            raise ConversionError(
                f"{node.name} looks up a variable that was assigned in the same call: look up "
                "the tensor that was assigned instead"
            )


def _led_in(variable: str, value: str, dtype: int, graph_def: Any, nodes: Mapping[str, Any]) -> str:
    """A value in the branch or loop into which its variable is led, by nodes of its own."""
    gate = nodes[node_of(variable)]
    if gate.op == "Placeholder":
        return value
    outside = _led_in(gate.input[0], value, dtype, graph_def, nodes)
    own = graph_def.node.add()
    own.CopyFrom(gate)
    own.name = f"{gate.name}/value_{len(graph_def.node)}"
    own.input[0] = outside
    own.attr["T"].type = dtype
    return f"{own.name}{variable.removeprefix(gate.name)}"


def _assigned(node: Any, before: str | None, graph_def: Any) -> str:
    """The tensor that a variable is after an assignment, which was another before."""
    variable, change = node.input[:2]
    if node.op not in _SUMS:
        return str(change)
    dtype = node.attr["dtype"].type
    if before is None:
        read = graph_def.node.add(name=f"{node.name}/before")
        become(read, "ReadVariableOp", [variable], dtype=dtype)
        before = read.name
    total = graph_def.node.add(name=f"{node.name}/after")
    become(total, _SUMS[node.op], [before, change], T=dtype)
    return str(total.name)


def _leave_out(graph_def: Any, assigns: Iterable[Any]) -> None:
    left_out = {node.name for node in assigns}
    keep(graph_def, {node.name for node in graph_def.node} - left_out)
    for node in graph_def.node:
        node.input[:] = [i for i in node.input if node_of(i) not in left_out]


def _layer_of(node: Any, nodes: Iterable[str], layers: Mapping[str, str]) -> str:
    """The innermost layer that a node belongs to, for a message."""
    scopes = scopes_of([*nodes, node.name], list(layers))
    parts = [part for part in reversed(node.name.split("/")) if part in scopes]
    if not parts:
        return f"operator {node.name}"
    layer = scopes[parts[0]]
    return f"layer {layer!r} ({layers[layer]})"
