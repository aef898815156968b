"""One time step of a layer, with what it remembers handed in and out. One file a layer family.

A model is streamed by running it on sequences of length one. Most layers look at one time step at a
time and need nothing for it. Those that look back are given a stand-in that takes what it has to
remember from a `Memory`, and puts there what the next step will need. A module may offer

    step(layer, memory) -> Mapping[str, object]

the attributes to put on that layer while a step is computed, empty when it does not claim the
layer. It is called once, before any lowering stands on the layer.

and

    functions(memory) -> Mapping[str, Callable]

stand-ins for functions inside Keras, as `littoral_converters.lowering` has them.

Whether the steps say what the whole sequence says is not taken on trust: `stepping` compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from littoral import plugins
from numpy.typing import NDArray

from littoral_converters.nesting import every_layer
from littoral_converters.stand_ins import functions_inside_keras, stand_ins

Array = NDArray[Any]
Keep = Callable[[Any], None]


@dataclass(frozen=True)
class Held:
    """One thing that is remembered from step to step.

    Attributes:
        name: The layer's name and what it is, unique in the model.
        initial: Its value before the first step, for one sample, without batch axis.
    """

    name: str
    initial: Array


class Memory:
    """What the layers of a model remember, in the order in which a step asks for it.

    Attributes:
        context: Steps that attention and positions reach back; None when nobody said.
        held: What the step computed last has asked for.
        kept: What became of each.
    """

    def __init__(self, context: int | None) -> None:
        """Nothing is remembered yet."""
        self.context = context
        self.held: list[Held] = []
        self.kept: list[Any] = []
        self._given: list[Any] | None = None
        self.position: Any = None

    def begin(self, given: list[Any] | None) -> None:
        """Begin a step.

        Args:
            given: The state tensors of the step, batch axis first; None takes the initial ones, for
                one sample.
        """
        self.held, self.kept, self._given, self.position = [], [], given, None

    def hold(self, name: str, initial: Array) -> tuple[Any, Keep]:
        """Ask for what was remembered.

        Args:
            name: The layer's name and what it is.
            initial: Its value before the first step, without batch axis.

        Returns:
            The present value, batch axis first, and a function to be called with the next one.
        """
        place = len(self.held)
        taken = {held.name for held in self.held}
        numbered = (name if n == 0 else f"{name}_{n}" for n in range(len(taken) + 1))
        self.held.append(Held(next(n for n in numbered if n not in taken), initial))
        present = tf.constant(initial[None]) if self._given is None else self._given[place]
        self.kept.append(present)
        return present, partial(self.kept.__setitem__, place)


Steps = list[tuple[Any, str, object]]


def steps_of(model: Any, memory: Memory) -> Steps:
    """The stand-ins of a whole model.

    Args:
        model: A built keras.Model on the TensorFlow backend.
        memory: Where the layers will remember.

    Returns:
        Targets, attribute names and values, for `stepping`.
    """
    found: Steps = []
    apart, modules = _apart(model), plugins.load_all(sys.modules[__name__])
    steps = [module.step for module in modules if hasattr(module, "step")]
    for layer in every_layer(model):
        if isinstance(layer, keras.Model):
            # Else a model of fixed length would refuse a sequence of one step.
            found.append((layer, "_manual_input_spec", None))
        elif id(layer) not in apart:
            for step in steps:
                found += [(layer, name, new) for name, new in step(layer, memory).items()]
    return [*found, *functions_inside_keras(modules, memory)]


@contextmanager
def stepping(steps: Steps) -> Iterator[None]:
    """Have a model compute one step for the length of the context.

    Args:
        steps: What `steps_of` found.

    Yields:
        Nothing.
    """
    with stand_ins() as put:
        for target, name, value in steps:
            put(target, name, value)
        yield


def _apart(model: Any) -> set[int]:
    """Layers inside a TimeDistributed: they see all of one time step, not the steps."""
    return {
        id(inner)
        for layer in every_layer(model)
        if isinstance(layer, keras.layers.TimeDistributed)
        for inner in layer._flatten_layers(include_self=False, recursive=True)
    }


def zeros(*shape: int) -> Array:
    """An initial value of zeros, float32."""
    return np.zeros(shape, np.float32)
