"""Running a file on a data set through the runtime that users have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import littoral
import numpy as np
from littoral import plugins
from littoral.card import Card
from littoral.formats import sniff
from littoral.pairing import pair_inputs
from littoral.tensors import TensorSpec

from littoral_converters import formats
from littoral_converters.calibration import Dataset

if TYPE_CHECKING:
    from littoral_converters.stepping import Streamed

CHUNKS = (1, 3, 2, 7)
"""Steps handed over at a time, in turn: what a file says must not depend on it."""


def outputs_of(
    content: bytes, data: Dataset, called: tuple[str, str] = ("the model", "the file")
) -> dict[str, Any]:
    """A file's outputs on data, as `littoral.load` and `Model.run` give them.

    Args:
        content: The file's bytes.
        data: Inputs by Keras name. A file with other names gets them by shape and type, in the
            given order where that fits.
        called: What a message calls the Keras model and the file.

    Returns:
        Arrays by output name, samples along the first axis, real units.

    Raises:
        FormatError: The file does not load.
        EngineError: The engine failed on it.
        InputError: The file does not take these inputs.
    """
    with littoral.load(content) as model:
        results = model.run(_under_own_names(data, model.inputs, called))
        if isinstance(results, dict):
            return results
        return {model.outputs[0].name: results}


def batch_of(content: bytes) -> int | None:
    """How many samples a file takes at a time; None for any number, or where that is not one.

    Args:
        content: The file's bytes.

    Raises:
        FormatError: The file does not load.
    """
    with littoral.load(content) as model:
        sizes = {spec.shape[0] if spec.shape else None for spec in model.inputs}
    return sizes.pop() if len(sizes) == 1 else None


def _under_own_names(
    data: Dataset, specs: Sequence[TensorSpec], called: tuple[str, str]
) -> dict[str, Any]:
    """The inputs as a file takes them."""
    if {spec.name for spec in specs} == set(data.inputs):
        return dict(data.inputs)
    given = [
        TensorSpec(name, (None, *values.shape[1:]), str(values.dtype))
        for name, values in data.inputs.items()
    ]
    arrays = list(data.inputs.values())
    order = pair_inputs(given, specs, called)
    return {spec.name: arrays[index] for spec, index in zip(specs, order, strict=True)}


def stepped_outputs_of(content: bytes, streamed: Streamed) -> dict[str, Any]:
    """A step model's outputs after the ends of sequences, as `Model.stream` gives them.

    Args:
        content: The file's bytes.
        streamed: Sequences, and where they are compared.

    Returns:
        Arrays ``[n * ends, ...]`` by output name, real units.

    Raises:
        LittoralError: As `outputs_of`.
    """
    inputs, at = streamed.sequences.inputs, [end - 1 for end in streamed.ends]
    (length,) = {
        values.shape[1] for name, values in inputs.items() if name in streamed.card.by_step
    }
    found: dict[str, list[Any]] = {}
    # How the file remembers stands in its card, which is only written once the file has passed.
    writer = plugins.load(formats, sniff(content))
    content = writer.stamp(content, Card("proof", stream=streamed.card))
    with littoral.load(content, verify=False) as model, model.stream() as stream:
        for number in range(len(streamed.sequences)):
            stream.reset()
            steps: dict[str, list[Any]] = {}
            for begin, end in _chunks(length):
                results = stream.step(
                    {
                        name: values[number, begin:end]
                        if name in streamed.card.by_step
                        else values[number]
                        for name, values in inputs.items()
                    }
                )
                if not isinstance(results, dict):
                    results = {stream.outputs[0].name: results}
                for name, values in results.items():
                    steps.setdefault(name, []).append(values)
            for name, pieces in steps.items():
                found.setdefault(name, []).append(np.concatenate(pieces)[at])
    return {name: np.concatenate(values) for name, values in found.items()}


def _chunks(length: int) -> Iterator[tuple[int, int]]:
    begin = 0
    for size in itertools.cycle(CHUNKS):
        if begin >= length:
            return
        yield begin, min(begin + size, length)
        begin += size
