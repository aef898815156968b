"""Do the steps of a model say what the model says of the whole sequence? If not, which does not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from littoral.card import CardState, CardStream
from littoral.errors import ConversionError
from numpy.typing import NDArray

from littoral_converters.calibration import REPRESENTATIVE_SAMPLES, Dataset
from littoral_converters.signature import Signature
from littoral_converters.stepping.blame import first_unlike
from littoral_converters.stepping.step_model import (
    NEXT,
    Step,
    any_length,
    bare_step,
    step_of,
    steps_through,
)

Array = NDArray[Any]
Inputs = Mapping[str, Array]

STRUCTURE_ERROR = 1e-4
"""Of the output's range: float32 loses less over a sequence; a layer that looks ahead far more."""

COMPARED_SAMPLES = 8
MAX_STEPS = 256
"""Steps of a sequence that is compared; longer ones are cut."""


@dataclass(frozen=True)
class Streamed:
    """Sequences that a step model's files are proved on.

    Attributes:
        sequences: By the whole model's input names, all of one length.
        ends: Numbers of steps after which the outputs are compared.
        card: How the files remember, and which inputs and outputs have a time axis.
        whole: The whole model's outputs on the sequences, by name.
    """

    sequences: Dataset
    ends: tuple[int, ...]
    card: CardStream
    whole: Mapping[str, Array]


def checked_step(model: Any, signature: Signature, context: int | None, sequences: Dataset) -> Step:
    """A model's step model; see `littoral_converters.stepping.step_model.step_of`.

    Args:
        model: A built keras.Model on the TensorFlow backend.
        signature: Its inputs and outputs.
        context: Steps that attention and positions reach back; None takes the model's length.
        sequences: Inputs of the whole model, to find the layer to blame.

    Raises:
        ConversionError: No input has a time axis, or a layer has no step form: which one.
    """
    try:
        return step_of(model, signature, context)
    except ConversionError:
        raise
    except Exception as error:  # of whatever kind a layer raises that needs more than one step
        bare = bare_step(model, signature, context)
        one = {name: values[:1] for name, values in _cut(sequences, bare).inputs.items()}
        raise ConversionError(first_unlike(bare, one)) from error


def streamed(step: Step, sequences: Dataset) -> tuple[Streamed, dict[str, Array]]:
    """Compare the steps with the whole model in Keras, and keep what it says for the files.

    Args:
        step: The step model.
        sequences: Inputs of the whole model.

    Returns:
        What to prove a file on; and the whole model's outputs by name, ``[n * ends, ...]``, each as
        if its sequence had ended there.

    Raises:
        ConversionError: They disagree; the message names the first layer that does. Or there is
            nothing to remember.
    """
    sequences = _cut(sequences, step)
    whole = _whole(step, sequences.inputs)
    outputs = _sequence_outputs(step, sequences.inputs, whole)
    ends, reference = _reference(step, sequences.inputs, whole, outputs)
    few = {name: values[:COMPARED_SAMPLES] for name, values in sequences.inputs.items()}
    if not _agree(step, few, ends, reference, outputs):
        raise ConversionError(first_unlike(step, few))
    if not step.states:
        raise ConversionError(
            f"model {step.model.whole.name!r} remembers nothing from step to step: convert it "
            "without --streaming (streaming=False), built for one step"
        )
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in reference.items()}
    states = tuple(CardState(h.name, h.name + NEXT, _plain(h.initial)) for h in step.states)
    card = CardStream(states, (*step.sequences, *outputs), step.context)
    return Streamed(sequences, ends, card, whole), flat


def _plain(initial: Array) -> Any:
    """One number where all values are the same."""
    first = initial.reshape(-1)[0].item()
    return first if (initial == first).all() else initial.tolist()


def step_feeds(step: Step, sequences: Dataset) -> Dataset:
    """What goes into a step model in the course of sequences, spread over them, states too.

    Args:
        step: The step model.
        sequences: Inputs of the whole model.

    Returns:
        Samples by the step model's input names.
    """
    sequences = _cut(sequences.head(64), step)
    names = [spec.name for spec in step.signature.inputs]
    given = [[np.asarray(v) for v in went] for went, _ in steps_through(step, sequences.inputs)]
    columns = [np.concatenate(column) for column in zip(*given, strict=True)]
    return Dataset(dict(zip(names, columns, strict=True))).head(REPRESENTATIVE_SAMPLES)


def _cut(sequences: Dataset, step: Step) -> Dataset:
    """Sequences no longer than is compared, and than the steps remember."""
    most = min(MAX_STEPS, step.context or MAX_STEPS)
    cut = {n: v[:, :most] if n in step.sequences else v for n, v in sequences.inputs.items()}
    return Dataset(cut, sequences.labels)


def _whole(step: Step, inputs: Inputs, length: int | None = None) -> dict[str, Array]:
    """The whole model's outputs on sequences, or on their beginning, by name."""
    model = step.model.whole
    arrays = [v[:, :length] if name in step.sequences else v for name, v in inputs.items()]
    with any_length(model):
        results = keras.tree.flatten(model(step.model.arrange(arrays), training=False))
    arrays = [np.asarray(keras.ops.convert_to_numpy(result)) for result in results]
    return dict(zip(step.outputs, arrays, strict=True))


def _sequence_outputs(step: Step, inputs: Inputs, whole: Inputs) -> tuple[str, ...]:
    """Outputs with a time axis: as long as the input, and one long in a step."""
    length = inputs[step.sequences[0]].shape[1]
    one = {name: values[:1] for name, values in inputs.items()}
    _, stepped = next(steps_through(step, one))
    pairs = zip(whole.items(), stepped, strict=False)
    return tuple(
        name
        for (name, values), at_once in pairs
        if values.ndim == len(at_once.shape) > 2
        and (values.shape[1], at_once.shape[1]) == (length, 1)
    )


def _reference(
    step: Step, inputs: Inputs, whole: dict[str, Array], sequence_outputs: Sequence[str]
) -> tuple[tuple[int, ...], dict[str, Array]]:
    """Where to compare, and the whole model's outputs there: ``[n, ends, ...]`` by name."""
    length = inputs[step.sequences[0]].shape[1]
    if set(whole) == set(sequence_outputs):
        return _finite(tuple(range(1, length + 1)), whole)
    ends = tuple(sorted({1, 2, 3, length // 2, length - 1, length} & set(range(1, length + 1))))
    try:
        beginnings = [_whole(step, inputs, end) for end in ends[:-1]]
    except Exception:  # of whatever kind a layer raises that was built for one length
        ends, beginnings = (length,), []
    others = set(whole) - set(sequence_outputs)
    if any(part[name].shape != whole[name].shape for part in beginnings for name in others):
        few = {name: values[:COMPARED_SAMPLES] for name, values in inputs.items()}
        raise ConversionError(first_unlike(step, few))
    at = np.array(ends) - 1
    reference = {
        name: values[:, at]
        if name in sequence_outputs
        else np.stack([*(beginning[name] for beginning in beginnings), values], axis=1)
        for name, values in whole.items()
    }
    return _finite(ends, reference)


def _finite(
    ends: tuple[int, ...], reference: dict[str, Array]
) -> tuple[tuple[int, ...], dict[str, Array]]:
    """The ends after which the model says something: a mean of no steps that count is nothing."""
    said = [
        place
        for place in range(len(ends))
        if all(np.isfinite(values[:, place]).all() for values in reference.values())
    ]
    kept = said or [len(ends) - 1]
    return tuple(ends[place] for place in kept), {n: v[:, kept] for n, v in reference.items()}


def _agree(
    step: Step,
    inputs: Inputs,
    ends: Sequence[int],
    reference: Mapping[str, Array],
    sequence_outputs: Sequence[str],
) -> bool:
    """Whether the steps say in Keras what the whole model says after each end."""
    for number, (_, results) in enumerate(steps_through(step, inputs), 1):
        if number not in ends:
            continue
        for name, result in zip(step.outputs, results, strict=False):
            wanted = reference[name][: len(result), ends.index(number)]
            got = np.asarray(result)[:, 0] if name in sequence_outputs else np.asarray(result)
            limit = STRUCTURE_ERROR * (np.abs(reference[name]).max(initial=0) + 1e-6)
            if got.shape != wanted.shape or not np.abs(got - wanted).max(initial=0) <= limit:
                return False
    return True
