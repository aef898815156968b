"""How the layers of a functional model are called, from Keras 2's words into those of Keras 3.

A tensor is ``[layer, call, output]`` in Keras 2, a call a list of them. Keras 3 reads these, but
for

1. calls of a model inside a model, which Keras 2 counted from one: the first was the model's own;
2. tensors among a call's named arguments, such as the ``value`` of an attention;
3. a recurrent layer's initial state, which Keras 2 put behind its input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_WIRING = ("input_layers", "output_layers")
_RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def with_calls(config: dict[str, Any]) -> dict[str, Any]:
    """A functional model's configuration with calls as Keras 3 reads them.

    Args:
        config: As Keras 2 wrote it; that of a Sequential has no calls, and comes back as it is.

    Returns:
        The same model.
    """
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    calls = {layer["name"]: len(layer["inbound_nodes"]) for layer in layers if _is_called(layer)}
    if not calls:
        return config
    moved = _counted_from_one(config, calls)
    wiring = {key: _shifted(config[key], moved) for key in _WIRING if key in config}
    called = [
        {
            **layer,
            "inbound_nodes": [
                _call(layer, node, calls) for node in _shifted(layer["inbound_nodes"], moved)
            ],
        }
        if _is_called(layer)
        else layer
        for layer in config["layers"]
    ]
    return {**config, **wiring, "layers": called}


def _is_called(layer: Any) -> bool:
    return isinstance(layer, dict) and isinstance(layer.get("inbound_nodes"), list)


def _counted_from_one(config: Mapping[str, Any], calls: Mapping[str, int]) -> set[str]:
    """Layers whose calls are counted from one: every call is used, so the last one tells."""
    wired = [layer["inbound_nodes"] for layer in config["layers"] if _is_called(layer)]
    last: dict[str, int] = {}
    for name, index in _references([*wired, *(config.get(key) for key in _WIRING)], calls):
        last[name] = max(index, last.get(name, 0))
    return {name for name, index in last.items() if calls[name] and index == calls[name]}


def _is_tensor(node: Any, names: Mapping[str, int] | set[str]) -> bool:
    """Whether a node is a tensor, perhaps with a call's named arguments behind it."""
    return (
        isinstance(node, list)
        and len(node) in (3, 4)
        and isinstance(node[0], str)
        and node[0] in names
        and isinstance(node[1], int)
        and isinstance(node[2], int)
    )


def _references(node: Any, names: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    if _is_tensor(node, names):
        yield node[0], node[1]
    if isinstance(node, (list, dict)):
        for entry in node.values() if isinstance(node, dict) else node:
            yield from _references(entry, names)


def _shifted(node: Any, moved: set[str]) -> Any:
    if isinstance(node, dict):
        return {key: _shifted(value, moved) for key, value in node.items()}
    if not isinstance(node, list):
        return node
    if _is_tensor(node, moved):
        node = [node[0], node[1] - 1, *node[2:]]
    return [_shifted(entry, moved) for entry in node]


def _call(layer: Mapping[str, Any], node: Any, names: Mapping[str, int]) -> Any:
    """One call; in Keras 3's own form where Keras 2's is not read."""
    if not isinstance(node, list) or not all(_is_tensor(entry, names) for entry in node):
        return node
    named = {key: value for entry in node for key, value in dict(*entry[3:]).items()}
    has_state = _is_recurrent(layer) and len(node) > 1
    if not has_state and not any(True for _ in _references(named, names)):
        return node
    first, *others = (_tensor(entry) for entry in node)
    state = {"initial_state": others} if has_state else {}
    inputs = first if has_state or not others else [first, *others]
    return {"args": [inputs], "kwargs": {**state, **_with_tensors(named, names)}}


def _is_recurrent(layer: Mapping[str, Any]) -> bool:
    return layer.get("class_name") in (*_RECURRENT, "Bidirectional")


def _with_tensors(node: Any, names: Mapping[str, int]) -> Any:
    if _is_tensor(node, names):
        return _tensor(node)
    if isinstance(node, dict):
        return {key: _with_tensors(value, names) for key, value in node.items()}
    return [_with_tensors(entry, names) for entry in node] if isinstance(node, list) else node


def _tensor(node: list[Any]) -> dict[str, Any]:
    """A tensor by where it comes from, which is all that Keras 3 reads of it."""
    said = {"shape": [], "dtype": "float32", "keras_history": node[:3]}
    return {"class_name": "__keras_tensor__", "config": said}
