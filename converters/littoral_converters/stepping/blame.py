"""The layer that says something else step by step than over the whole sequence, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from littoral_converters.nesting import every_layer
from littoral_converters.stepping.step_model import Step, any_length, steps_through
from littoral_converters.watching import watched

Array = NDArray[Any]
Seen = dict[tuple[int, int], tuple[Any, Array]]
"""Layer and values, by the layer's id and the number of its call, in the order of computing."""

_INSIDE = (
    keras.layers.RNN,
    keras.layers.Bidirectional,
    keras.layers.TimeDistributed,
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)
"""Layers that call those inside them in their own way."""

_UNLIKE = 1e-3
"""Of the values' range: beyond what rounding explains."""

_BACKWARDS = "it reads the sequence from its end: train it in one direction"
_AHEAD = "it looks ahead or changes the number of steps: build it with padding='causal', strides=1"
_RATE = "it changes the number of steps: leave it out, or do it before the model"
_AT_ONCE = "it takes all steps at once: end in a recurrent layer or GlobalAveragePooling1D instead"
_ATTENDS = "it attends to later steps: call it with use_causal_mask=True"
_NO_CACHE = "its keys and values are not remembered: take a causal MultiHeadAttention instead"
_WAYS_OUT = {
    "Bidirectional": _BACKWARDS,
    **dict.fromkeys(("Conv1D", "DepthwiseConv1D", "SeparableConv1D", "Conv2D", "Conv3D"), _AHEAD),
    **dict.fromkeys(("Conv1DTranspose", "UpSampling1D", "Cropping1D", "ZeroPadding1D"), _RATE),
    **dict.fromkeys(("MaxPooling1D", "AveragePooling1D", "RepeatVector"), _RATE),
    **dict.fromkeys(("Flatten", "Reshape", "Permute"), _AT_ONCE),
    "MultiHeadAttention": _ATTENDS,
    **dict.fromkeys(("GroupQueryAttention", "Attention", "AdditiveAttention"), _NO_CACHE),
}


def first_unlike(step: Step, inputs: Mapping[str, Array]) -> str:
    """Which layer is to blame for steps that do not say what the whole model says.

    Args:
        step: The step model.
        inputs: Sequences by the whole model's input names.

    Returns:
        One line: the layer, why, what to do.
    """
    whole = step.model.whole
    layers = [layer for layer in every_layer(whole) if layer is not whole]
    arrays = list(inputs.values())
    with any_length(whole):
        (seen,), _ = _seen(layers, [lambda: whole(step.model.arrange(arrays), training=False)])
    walk = steps_through(step, inputs)
    length = inputs[step.sequences[0]].shape[1]
    by_step, raised = _seen(layers, [lambda: next(walk)] * length)
    unlike = [
        layer
        for key, (layer, values) in seen.items()
        if (stepped := [step[key][1] for step in by_step if key in step])
        and not _alike(values, stepped, length)
    ]
    if raised is not None:
        unlike.append(raised)
    if unlike:
        layer, kind = unlike[0], type(unlike[0]).__name__
        way_out = _WAYS_OUT.get(kind, "it looks at more than one time step at a time")
        if getattr(layer, "go_backwards", False):
            way_out = _BACKWARDS
        return _refusal(f"layer {layer.name!r} ({kind})", way_out)
    return _refusal(f"model {whole.name!r}", "its steps do not say what the whole sequence does")


def _refusal(what: str, why: str) -> str:
    return f"{what} has no step form: {why}; or convert without --streaming (streaming=False)"


def _seen(layers: list[Any], calls: list[Callable[[], Any]]) -> tuple[list[Seen], Any]:
    """What the layers put out in each of some calls, and the layer in which one failed; or None."""
    found: list[Seen] = []
    inside: list[Any] = []

    def enter(layer: Any) -> None:
        inside.append(layer)

    def leave(layer: Any, given: Any, result: Any) -> None:
        del given
        inside.pop()
        if any(isinstance(outer, _INSIDE) for outer in inside):
            return
        number = sum(1 for one, _ in found[-1] if one == id(layer))
        values = np.asarray(keras.ops.convert_to_numpy(keras.tree.flatten(result)[0]))
        found[-1][id(layer), number] = (layer, values)

    with watched(layers, enter, leave):
        for call in calls:
            found.append({})
            try:
                call()
            except Exception:  # of whatever kind a layer raises; what came before it was seen
                return found, next(reversed(inside), None)
    return found, None


def _alike(whole: Array, stepped: list[Array], length: int) -> bool:
    """Whether the values of the steps are those of the whole sequence, as far as there are any."""
    limit = _UNLIKE * (np.abs(np.float64(whole)).max(initial=0) + 1e-6)
    first = stepped[0]
    if whole.ndim == first.ndim > 2 and whole.shape[1] == first.shape[1] == length > 1:
        return False  # all steps at once, where there is one
    if whole.ndim == first.ndim > 1 and (whole.shape[1], first.shape[1]) == (length, 1):
        pairs = [(whole[:, at : at + 1], values) for at, values in enumerate(stepped)]
    else:
        pairs = [(whole, stepped[-1])] if len(stepped) == length else []
        if whole.shape != first.shape:
            return False
    return all(
        wanted.shape == got.shape
        and bool(np.abs(np.float64(wanted) - np.float64(got)).max(initial=0) <= limit)
        for wanted, got in pairs
    )
