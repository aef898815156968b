"""Lowerings: how a layer is expressed while its model is traced. One file a layer family.

The stock converters do badly on several Keras 3 layers. A lowering stands in for the methods of one
layer for the length of the trace, so it works alike in Sequential, functional, nested, shared and
subclassed models, and the layer keeps its weights. What no lowering claims is traced as Keras
wrote it.

A lowering module may offer

    replacements(layer, plan) -> Mapping[str, object]

the attributes to put on that layer while tracing, empty when it does not claim the layer. They are
computed before the trace begins, so weights can be read as NumPy arrays.

Where the same arithmetic is behind layers and `keras.ops` alike, it may offer

    functions(plan) -> Mapping[str, Callable]

stand-ins for functions inside Keras, by module and name ("backend.tensorflow.nn.conv"). Each is
called with the function that it stands in for, then with that function's own arguments.

A module whose way of writing a layer depends on its size may say which one it took:

    describe(layer, plan) -> str | None

for that layer and those inside it. One that can stand in for a layer without its weights may offer

    of_changing(layer, plan) -> Mapping[str, object]

in place of `replacements`, for a layer whose weights the model sets itself while it answers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from littoral import plugins

from littoral_converters.graphs import Form
from littoral_converters.lowering._weights import replaced
from littoral_converters.nesting import every_layer
from littoral_converters.stand_ins import functions_inside_keras, stand_ins

_lock = threading.RLock()
"""Held while stand-ins are inside Keras, which all threads share."""


@dataclass(frozen=True)
class Plan(Form):
    """What a trace is made for: a form, and what a person asks for besides.

    Attributes:
        recurrent: How a recurrence is written: ``"auto"``, ``"unrolled"``, ``"loop"``, ``"fused"``.
        batch: Size of the batch axis, None for any.
        layers: Every layer of the model, for a lowering that shares a limit with others; known
            while the model is lowered or described.
        changing: Ids of weights that the model sets itself while it answers. What computes with one
            is traced as Keras wrote it.
    """

    recurrent: str = "auto"
    batch: int | None = 1
    layers: tuple[Any, ...] = ()
    changing: frozenset[int] = frozenset()


@contextmanager
def lowered(model: Any, plan: Plan) -> Iterator[None]:
    """Put the lowerings on every layer of a model, and take them off again.

    Args:
        model: A built keras.Model.
        plan: What the trace is made for.

    Yields:
        Nothing; the model computes the same as before, in operators that the format has.
    """
    plan = _for_all_of(model, plan)
    with _lock, stand_ins() as put:
        for layer in plan.layers:
            for name, value in _replacements(layer, plan).items():
                put(layer, name, value)
        for module, name, function in functions_inside_keras(_modules(), plan):
            put(module, name, function)
        yield


def descriptions(model: Any, plan: Plan) -> dict[str, str]:
    """How layers are written that could be written in more than one way, by layer name.

    A layer that is described speaks for the layers inside it.
    """
    describers = [module.describe for module in _modules() if hasattr(module, "describe")]
    plan = _for_all_of(model, plan)
    found: dict[str, str] = {}
    spoken_for: set[int] = set()
    for layer in plan.layers:
        if _is_changing(layer, plan):
            continue
        texts = [text for describe in describers if (text := describe(layer, plan)) is not None]
        if texts and id(layer) not in spoken_for:
            found[layer.name] = texts[-1]
            spoken_for.update(map(id, layer._flatten_layers(include_self=False)))
    return found


def _for_all_of(model: Any, plan: Plan) -> Plan:
    layers = tuple(every_layer(model))
    return replace(plan, layers=layers, changing=plan.changing | replaced(layers))


def _replacements(layer: Any, plan: Plan) -> dict[str, object]:
    found: dict[str, object] = {}
    offer = "of_changing" if _is_changing(layer, plan) else "replacements"
    for module in _modules():
        if hasattr(module, offer):
            found.update(getattr(module, offer)(layer, plan))
    return found


def _is_changing(layer: Any, plan: Plan) -> bool:
    """Whether a layer computes with weights that the model sets itself."""
    return bool(plan.changing) and any(id(each) in plan.changing for each in layer.variables)


def _modules() -> list[ModuleType]:
    return plugins.load_all(sys.modules[__name__])
