"""Which way each recurrence of a model is written: by its size, and by what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from littoral_converters.lowering import Plan
from littoral_converters.lowering._cell_weights import is_known, together
from littoral_converters.lowering._cells import has_operator
from littoral_converters.lowering._recurrent_loops import COPIES_BYTES, chunk_of

UNROLL_LIMIT = 64
"""Steps up to which a recurrence is written out: beyond, file size and conversion time grow past
what the speed is worth: at 128 steps of 64 units, four times the file for 0.85 of the time."""

JOINED_BYTES = 2**15
"""Weights of a step up to which both directions of a Bidirectional share it. Half of them are
zeros: measured in LiteRT over 28 and 150 steps, one step for both is 1.1 to 1.6 times as fast as
two up to this size, and slower from twice this size on."""


@dataclass(frozen=True)
class Recurrence:
    """What is written as one: a recurrent layer, or both directions of a Bidirectional.

    Attributes:
        layer: The layer.
        steps: Length of its sequences; None for any.
        step_bytes: What the engine keeps of the recurrent weights for every step that is written
            out; 0 for a cell that is left to Keras.
    """

    layer: Any
    steps: int | None
    step_bytes: float

    @property
    def copies_bytes(self) -> float:
        """What it keeps of them where every step is written out."""
        return self.step_bytes * (self.steps or 0)


def way_of(layer: Any, plan: Plan) -> str:
    """The way a recurrent layer or a joined Bidirectional is written: fused, unrolled or loop."""
    if plan.recurrent in ("unrolled", "loop"):
        return plan.recurrent
    if plan.format == "onnx" and is_known(layer.cell) and has_operator(layer.cell):
        return "fused"
    own = recurrence(layer, plan)
    if own.steps is None or own.steps > UNROLL_LIMIT:
        return "loop"
    if not own.step_bytes or plan.integer or plan.format != "tflite":
        return "unrolled"
    return "unrolled" if _fits(own, plan) else "loop"


def described(layer: Any, plan: Plan) -> str:
    """The way of a recurrent layer or a joined Bidirectional in words."""
    way, own = way_of(layer, plan), recurrence(layer, plan)
    if way == "fused" or own.steps is None:
        return way
    if way == "unrolled" or not own.step_bytes:
        return f"{way}, {own.steps} steps"
    return f"loop, {own.steps} steps by {chunk_of(own.steps, own.step_bytes)}"


def recurrence(layer: Any, plan: Plan) -> Recurrence:
    """What is known of a recurrent layer, or of a Bidirectional as joined."""
    parts = _parts(layer) if isinstance(layer, keras.layers.Bidirectional) else (layer,)
    weights = 0
    if all(is_known(part.cell) for part in parts):
        rows, columns = zip(*[part.cell.recurrent_kernel.shape for part in parts], strict=True)
        weights = sum(rows) * sum(columns)
    return Recurrence(layer, _steps(layer), weights * plan.weight_bytes)


def is_joined(layer: Any, plan: Plan) -> bool:
    """Whether both directions of a layer share each step."""
    if type(layer) is not keras.layers.Bidirectional or plan.format != "tflite" or plan.integer:
        return False
    if not is_usual(layer):
        return False
    forward, backward = _parts(layer)
    alike = together(forward.cell, backward.cell)
    return alike and recurrence(layer, plan).step_bytes <= JOINED_BYTES


def is_usual(layer: Any) -> bool:
    """Whether a Bidirectional is what Keras makes of one recurrent layer, in float32."""
    parts = _parts(layer)
    if not layer.built or not all(isinstance(part, keras.layers.RNN) for part in parts):
        return False
    usual = [part.go_backwards for part in parts] == [False, True]
    kept = any(part.stateful for part in parts) or layer.compute_dtype != "float32"
    return usual and not kept


def _fits(own: Recurrence, plan: Plan) -> bool:
    """Whether it is written out, where all of a model share one cache: smaller ones come first."""
    before = 0.0
    for other in sorted(_all(plan), key=lambda each: each.copies_bytes):
        before += other.copies_bytes
        if other.layer is own.layer:
            return before <= COPIES_BYTES
    return own.copies_bytes <= COPIES_BYTES


def _all(plan: Plan) -> Iterator[Recurrence]:
    """Every recurrence of the model that may be written out."""
    inside: set[int] = set()
    for layer in plan.layers:
        joined = is_joined(layer, plan)
        if joined:
            inside.update(map(id, _parts(layer)))
        if joined or (isinstance(layer, keras.layers.RNN) and id(layer) not in inside):
            found = recurrence(layer, plan)
            if found.steps is not None and found.steps <= UNROLL_LIMIT:
                yield found


def _parts(layer: Any) -> tuple[Any, Any]:
    return layer.forward_layer, layer.backward_layer


def _steps(layer: Any) -> int | None:
    shape = layer._build_shapes_dict or {}
    sequences = next(iter(shape.values()), None)
    while sequences and isinstance(sequences[0], (tuple, list)):
        sequences = sequences[0]
    return sequences[1] if sequences and len(sequences) > 1 else None
