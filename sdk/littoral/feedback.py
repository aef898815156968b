"""What a file remembers: which of its outputs become which of its inputs at the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.card import Card
from littoral.errors import InputError
from littoral.tensors import TensorSpec, quantize, shown

_BEHIND = ("", "_out", "_next", "_new", "_output", ".out", "n", "N", "_n", "_N", "Out", ":out")
_IN_FRONT = ("", "next_", "new_", "out_", "output_", "present_", "updated_", "next.", "new.")
_INSTEAD = (("in", "out"), ("input", "output"), ("past_key_values", "present"), ("past", "present"))
"""How exporters name the output that becomes an input: by what they add, or exchange."""


@dataclass(frozen=True)
class State:
    """One thing that is remembered.

    Attributes:
        input: Position of the input.
        output: Position of the output that becomes it.
        initial: Its value before the first step, as the file holds it.
    """

    input: int
    output: int
    initial: NDArray[Any]


def states_of(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    card: Card | None,
    given: Mapping[str, str] | None = None,
    initial: Mapping[str, Any] | None = None,
) -> tuple[State, ...]:
    """Find the states: those that are given, else the card's, else by the names.

    Args:
        inputs: The file's inputs.
        outputs: The file's outputs.
        card: What the file says about itself.
        given: Output by input, by name; None leaves it to the card or the names.
        initial: Values before the first step by input name, in real units, with or without the
            batch axis; zeros where neither this nor the card has one.

    Returns:
        The states, in the order of the inputs; empty where none was found.

    Raises:
        InputError: A name that the file does not have, or two that do not fit each other.
    """
    values: dict[str, Any] = {}
    if given is not None:
        pairs = dict(given)
    elif card is not None and card.stream is not None:
        pairs = {state.input: state.output for state in card.stream.states}
        values = {state.input: state.initial for state in card.stream.states}
    else:
        pairs = _by_name(inputs, outputs)
    values.update(initial or {})
    unknown = set(values) - set(pairs)
    if unknown:
        raise InputError(
            f"initial: {min(unknown)!r} is no state: choose from {', '.join(pairs) or 'none'}"
        )
    found = [_state(inputs, outputs, *pair, values.get(pair[0], 0.0)) for pair in pairs.items()]
    taken = [state.output for state in found]
    for state in found:
        if taken.count(state.output) > 1:
            raise InputError(
                f"state: output {outputs[state.output].name!r} cannot become two inputs at once"
            )
    return tuple(sorted(found, key=lambda state: state.input))


def _state(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    source: str,
    target: str,
    initial: Any,
) -> State:
    spec_in, spec_out = _find(inputs, source, "input"), _find(outputs, target, "output")
    spec = inputs[spec_in]
    if not _fit(spec, outputs[spec_out]):
        raise InputError(
            f"state: output {target!r} {_shown(outputs[spec_out])} cannot become input {source!r} "
            f"{_shown(spec)}"
        )
    return State(spec_in, spec_out, _initial(spec, initial))


def _find(specs: Sequence[TensorSpec], name: str, side: str) -> int:
    for place, spec in enumerate(specs):
        if spec.name == name:
            return place
    names = ", ".join(spec.name for spec in specs)
    raise InputError(f"state: the file has no {side} {name!r}: its {side}s are {names}")


def _by_name(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict[str, str]:
    """Inputs and outputs whose names and shapes say that they belong together."""
    by_name = {spec.name: spec for spec in outputs}
    found: dict[str, str] = {}
    for spec in inputs:
        for name in _successors(spec.name):
            if name in by_name and name not in found.values() and _fit(spec, by_name[name]):
                found[spec.name] = name
                break
    # A single input that keeps its name is an autoencoder's, not a memory.
    return found if len(found) < len(inputs) else {}


def _successors(name: str) -> list[str]:
    found = [f"{front}{name}{behind}" for behind in _BEHIND for front in _IN_FRONT]
    stem = name.removesuffix("_in").removesuffix("_input")
    if stem != name:
        found += [f"{stem}_out", f"{stem}_output", f"{stem}_next"]
    for old, new in _INSTEAD:
        if name.startswith(old):
            found.append(new + name[len(old) :])
    return found


def _fit(source: TensorSpec, target: TensorSpec) -> bool:
    kinds = [np.dtype(s.dtype).kind if s.dtype != "str" else "U" for s in (source, target)]
    alike = source.dtype == target.dtype or (source.is_quantized and target.is_quantized)
    return (
        alike
        and kinds[0] != "U"
        and len(source.shape) == len(target.shape) > 0
        and all(
            a is None or b is None or a == b
            for a, b in zip(source.shape, target.shape, strict=True)
        )
    )


def _initial(spec: TensorSpec, value: Any) -> NDArray[Any]:
    """The value as the file holds it; a size that grows from step to step begins at 0."""
    shape = tuple(
        (1 if axis == 0 else 0) if size is None else size for axis, size in enumerate(spec.shape)
    )
    dtype = np.float32 if spec.is_quantized else np.dtype(spec.dtype)
    try:
        array = np.asarray(value, dtype)
        if 0 not in shape or array.ndim < len(shape):
            array = np.broadcast_to(array, shape)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"initial: {spec.name!r} expects {dtype} of shape {list(shape)}"
        ) from error
    return quantize(array, spec) if spec.is_quantized else np.array(array)


def _shown(spec: TensorSpec) -> str:
    return f"({spec.dtype} {shown(spec.shape)})"
