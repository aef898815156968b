"""A binding whose outputs go back in: what every engine can do by copying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.engines import Binding, Feedback, Loop
from littoral.tensors import TensorSpec, dequantize, quantize

Array = NDArray[Any]


def copying_loop(
    binding: Binding,
    feedback: Feedback,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
) -> Loop:
    """A loop that copies each state in before a call, and out behind it.

    Args:
        binding: The session's memory for the shapes of the call.
        feedback: Positions of each state's input and output.
        inputs: The session's inputs.
        outputs: The session's outputs.
    """
    pairs = [
        (binding.inputs[i], _restated(binding.read[o], outputs[o], inputs[i])) for i, o in feedback
    ]
    memories, reads = [memory for memory, _ in pairs], [read for _, read in pairs]
    states: list[Array] = [np.zeros_like(memory) for memory in memories]
    run = binding.invoke

    def invoke() -> None:
        for memory, state in zip(memories, states, strict=True):
            memory[...] = state
        run()
        states[:] = [read() for read in reads]

    def put(values: Sequence[Array]) -> None:
        states[:] = [np.array(value) for value in values]

    return Loop(*others(binding.inputs, binding.read, feedback), invoke, put, lambda: list(states))


def others(
    inputs: Sequence[Array], read: Sequence[Callable[[], Any]], feedback: Feedback
) -> tuple[tuple[Array, ...], tuple[Callable[[], Any], ...]]:
    """Inputs and outputs that are no states."""
    taken_in, taken_out = {i for i, _ in feedback}, {o for _, o in feedback}
    return (
        tuple(value for place, value in enumerate(inputs) if place not in taken_in),
        tuple(value for place, value in enumerate(read) if place not in taken_out),
    )


def _restated(
    read: Callable[[], Array], source: TensorSpec, target: TensorSpec
) -> Callable[[], Array]:
    """An output in the quanta of the input that it becomes."""
    if (source.scale, source.zero_point) == (target.scale, target.zero_point):
        return read

    def restated() -> Array:
        value = read()
        real = dequantize(value, source) if source.is_quantized else value
        return quantize(real, target) if target.is_quantized else real

    return restated
