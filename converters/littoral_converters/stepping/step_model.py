"""A model's step: one time step and the remembered state in, the outputs and the new state out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from littoral.errors import ConversionError
from littoral.tensors import TensorSpec
from numpy.typing import NDArray

from littoral_converters.clean_state import clean_state
from littoral_converters.nesting import every_layer
from littoral_converters.signature import Signature
from littoral_converters.stand_ins import stand_ins
from littoral_converters.streaming import Held, Memory, stepping, steps_of

Array = NDArray[Any]
NEXT = "_next"
"""Behind a state's name: the output that becomes it at the next step."""


class StepModel(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Computes one step of another model; traced and lowered like any model.

    Its call takes the whole model's inputs, sequences of length one, then the states, and returns
    the outputs, then the new states, flat.
    """

    def __init__(self, whole: Any, signature: Signature, context: int | None) -> None:
        """Find what each layer has to remember."""
        super().__init__(name=whole.name)
        self.whole = whole
        self.arrange = signature.arrange
        self._inputs = len(signature.inputs)
        self._memory = Memory(context)
        self._steps = steps_of(whole, self._memory)
        self.held: Sequence[Held] = ()

    def call(self, tensors: Sequence[Any], training: bool = False) -> list[Any]:
        """One step."""
        states = list(tensors[self._inputs :])
        self._memory.begin(states or None)
        with stepping(self._steps):
            outputs = self.whole(self.arrange(tensors[: self._inputs]), training=training)
        self.held = tuple(self._memory.held)
        return [*keras.tree.flatten(outputs), *self._memory.kept]


@dataclass(frozen=True)
class Step:
    """A step model with its inputs and outputs.

    Attributes:
        model: The step model.
        signature: Its inputs, states behind the others, and outputs, new states behind the others.
        sequences: Names of the inputs that have a time axis; the others are the same at each step.
        states: What is remembered, in the order of the state inputs.
        context: Steps that attention and positions reach back; None where nothing limits them.
        output_shapes: Of the outputs, without batch axis, new states behind the others.
    """

    model: StepModel
    signature: Signature
    sequences: tuple[str, ...]
    states: tuple[Held, ...]
    context: int | None
    output_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the whole model's outputs."""
        names = self.signature.output_names
        return names[: len(names) - len(self.states)]

    def initial(self, count: int) -> list[Array]:
        """The states before the first step, for some samples."""
        return [np.repeat(held.initial[None], count, axis=0) for held in self.states]


def step_of(model: Any, signature: Signature, context: int | None) -> Step:
    """Make a model's step model, and have it compute one step of zeros.

    Args:
        model: A built keras.Model on the TensorFlow backend.
        signature: Its inputs and outputs.
        context: Steps that attention and positions reach back; None takes the model's length.

    Returns:
        The step model with its states.

    Raises:
        ConversionError: No input has a time axis, or a layer has no step form.
        Exception: What a layer raises that needs more than one step.
    """
    bare = bare_step(model, signature, context)
    inputs = bare.signature.inputs
    zeros = [np.zeros([1 if n is None else n for n in s.shape], s.dtype) for s in inputs]
    shapes = tuple(tuple(result.shape[1:]) for result in bare.model(zeros))
    taken = {spec.name for spec in inputs} | set(signature.output_names)
    states = tuple(_apart_from(held, taken) for held in bare.model.held)
    specs = [TensorSpec(h.name, (None, *h.initial.shape), h.initial.dtype.name) for h in states]
    names = (*signature.output_names, *(held.name + NEXT for held in states))
    nest = [0] * (len(inputs) + len(specs))
    signature = Signature((*inputs, *specs), names, nest)
    return replace(bare, signature=signature, states=states, output_shapes=shapes)


def bare_step(model: Any, signature: Signature, context: int | None) -> Step:
    """A step model whose states are not known yet; see `step_of`."""
    sequences = sequence_inputs(signature.inputs)
    lengths = [spec.shape[1] for spec in signature.inputs if spec.name in sequences]
    known = [length for length in lengths if length is not None]
    reach = context or max((length for length in known if length > 1), default=None)
    step = StepModel(model, signature, reach)
    inputs = tuple(
        TensorSpec(spec.name, (None, 1, *spec.shape[2:]), spec.dtype)
        if spec.name in sequences
        else spec
        for spec in signature.inputs
    )
    for spec in inputs:
        if None in spec.shape[1:]:
            raise ConversionError(
                f"input {spec.name!r} leaves a size of a time step open: build the model on a "
                "fixed number of features to stream it"
            )
    outputs = Signature(inputs, signature.output_names, [0] * len(inputs))
    return Step(step, outputs, sequences, (), reach)


def sequence_inputs(inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Names of the inputs with a time axis: those of most axes, such as (batch, time, features).

    Where no input has more than two axes, that is (batch, time) of tokens, which are integers.

    Raises:
        ConversionError: Not even one has a time axis.
    """
    rank = max(len(spec.shape) for spec in inputs)
    if rank < 2 or (rank == 2 and all("int" not in spec.dtype for spec in inputs)):
        raise ConversionError(
            "no input has a time axis, (batch, time, features) or (batch, time) of integers, so "
            "there is nothing to stream: convert without --streaming (streaming=False)"
        )
    return tuple(spec.name for spec in inputs if len(spec.shape) == rank)


def sequences_of(inputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """The inputs, with an open length where the model, kept for streaming, takes one step."""
    names = sequence_inputs(inputs)
    return tuple(
        TensorSpec(spec.name, (None, None, *spec.shape[2:]), spec.dtype)
        if spec.name in names and spec.shape[1] == 1
        else spec
        for spec in inputs
    )


@contextmanager
def any_length(model: Any) -> Iterator[None]:
    """Let a model of fixed length be called on a shorter sequence, from a clean state."""
    with clean_state(model), stand_ins() as put:
        for layer in every_layer(model):
            if isinstance(layer, keras.Model):
                put(layer, "_manual_input_spec", None)
        yield


def steps_through(step: Step, inputs: Mapping[str, Array]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Compute sequences step by step in Keras.

    Args:
        step: The step model.
        inputs: By the whole model's input names, samples first, sequences all of one length.

    Yields:
        What went into the step model, and what it put out, flat.
    """
    names = [spec.name for spec in step.signature.inputs if spec.name in inputs]
    states: list[Any] = list(step.initial(len(inputs[names[0]])))
    for at in range(inputs[step.sequences[0]].shape[1]):
        given = [
            inputs[name][:, at : at + 1] if name in step.sequences else inputs[name]
            for name in names
        ] + states
        results = step.model(given)
        states = results[len(results) - len(states) :]
        yield given, results


def _apart_from(held: Held, taken: set[str]) -> Held:
    """A state under a name that no input or output of the model has."""
    name = held.name
    while name in taken or name + NEXT in taken:
        name += "_state"
    return Held(name, held.initial)
