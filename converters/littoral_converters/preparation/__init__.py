"""Keras model -> everything that the rest of the flow needs of it, as plain data.

After this step nothing touches Keras again: the traced graphs, the outputs to compare with and the
card cross process borders as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from littoral.card import Card
from littoral.errors import ConversionError

from littoral_converters.answers import keras_outputs
from littoral_converters.calibration import Data, Dataset
from littoral_converters.calibration.doubts import doubts, doubts_of_outputs
from littoral_converters.capacity import check_weights
from littoral_converters.description import (
    NOTHING,
    Description,
    check_labels,
    completed,
    described,
    with_activation,
)
from littoral_converters.graphs import Form, TracedGraph
from littoral_converters.isolation import memory
from littoral_converters.preparation.data import INVENTED_SAMPLES, agree, answered, datasets
from littoral_converters.preparation.soundness import check_finite
from littoral_converters.verification import Outputs

if TYPE_CHECKING:
    from littoral_converters.signature import Signature
    from littoral_converters.stepping import Streamed

_CLEAN = (
    "layer {!r} is stateful: every call of the file starts from zeros; --streaming makes a file "
    "whose state goes in and out"
)
_NOT_TAKEN = (
    "the files do not take {0!r}, which Keras has no shape of: where it is to be an input, define "
    "build(self, ..., {0}_shape)"
)


@dataclasses.dataclass(frozen=True)
class Request:
    """What is wanted of a model.

    Attributes:
        forms: What to trace for.
        lowering: How recurrences are written; see `littoral_converters.lowering.Plan`.
        batch: Batch size of the files, None for any.
        representative_data: For calibration; None for none.
        evaluation_data: For verification; None for none.
        allow_unsafe: Whether Python code stored in the model file may run.
        modules: Modules to import before the model file is opened.
        needs_labels: Whether evaluation data without ``y`` is an error.
        streaming: Whether to prepare one time step of the model, with its state in and out.
        context: Steps that a step's attention and positions reach back; None for the model's
            length.
        description: Labels and preprocessing that stand before those of the model's own card.
    """

    forms: tuple[Form, ...] = ()
    lowering: str = "auto"
    batch: int | None = 1
    representative_data: Data | None = None
    evaluation_data: Data | None = None
    allow_unsafe: bool = False
    modules: tuple[str, ...] = ()
    needs_labels: bool = False
    streaming: bool = False
    context: int | None = None
    description: Description = NOTHING


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model ready to be written in its formats.

    Attributes:
        stem: What its files are called.
        card: What is known of the model; format, scheme and verification are still open.
        graphs: Traced graph by form; forms that are written alike share one.
        representative: Data for calibration; None when none was given.
        evaluation: Data that files are compared on.
        reference: Keras's outputs on it, by name; of a step, on the sequences of `streamed`.
        warnings: What is doubtful about the data, layers that are stateful, and arguments that are
            not taken, one line each.
        streamed: What a step is proved on; None for a whole model.
    """

    stem: str
    card: Card
    graphs: Mapping[Form, TracedGraph]
    representative: Dataset | None
    evaluation: Dataset
    reference: Outputs
    warnings: tuple[str, ...] = ()
    streamed: Streamed | None = None

    @property
    def file_stem(self) -> str:
        """What files begin with: a step's must not replace those of the whole model."""
        return self.stem if self.streamed is None else f"{self.stem}.step"


def prepare_model(
    model: Any, request: Request, card: Card | None = None, signature: Signature | None = None
) -> Prepared:
    """Prepare a keras.Model on the TensorFlow backend.

    Args:
        model: The model.
        request: What is wanted of it.
        card: What its file said about it; None when there was none.
        signature: Its inputs and outputs where they go by other names than its own.

    Returns:
        Graphs, data, Keras's outputs.

    Raises:
        ConversionError: A layer cannot be traced for a format.
        InputError: Data does not fit the model, or its weights are not finite.
    """
    from littoral_converters.clean_state import clean_state
    from littoral_converters.preparation.narration import narrated
    from littoral_converters.preparation.order import largest_first
    from littoral_converters.preparation.precision import full_precision
    from littoral_converters.signature import signature_of

    signature = signature or signature_of(model)
    check_weights(model)
    check_finite(model)
    if request.description:
        card = card or Card(name=str(model.name))
        card = described(card, request.description, signature.inputs, signature.output_names)
    if request.streaming:
        return _prepare_step(model, request, card, signature)
    if signature.batch is None and request.batch != 1:
        # What a sample is answered by the others beside it, the file's batches decide.
        signature = dataclasses.replace(signature, batch=request.batch)
    representative, evaluation = datasets(model, signature.inputs, request, card)
    precise = full_precision(model)
    with narrated(model), precise, largest_first(), clean_state(model) as stateful:
        try:
            graphs = _traced(model, signature, request)
        except ConversionError:
            answered(model, signature, request, evaluation)  # where Keras fails too, that is why
            raise
        evaluation, reference = answered(model, signature, request, evaluation)
        _check_steady(model, signature, evaluation, graphs)
    outputs = {name: values.shape[1:] for name, values in reference.items()}
    check_labels(request.description, outputs)
    card = completed(card or Card(name=str(model.name)), signature.inputs, outputs)
    return Prepared(
        stem=str(model.name),
        card=with_activation(card, reference),
        graphs=graphs,
        representative=representative,
        evaluation=evaluation,
        reference=reference,
        warnings=(
            *(_CLEAN.format(name) for name in stateful),
            *(_NOT_TAKEN.format(name) for name in signature.not_taken),
            *doubts(representative, None if request.evaluation_data is None else evaluation),
            *doubts_of_outputs(reference, evaluation.inputs),
        ),
    )


def _check_steady(
    model: Any, signature: Signature, data: Dataset, graphs: Mapping[Form, TracedGraph]
) -> None:
    """Refuse a model that answers the same differently at every call.

    Raises:
        ConversionError: It does; the message names the layers.
    """
    reasons = dict.fromkeys(reason for graph in graphs.values() for reason in graph.varying)
    if not reasons:
        return
    one, two = (keras_outputs(model, signature, data.head(INVENTED_SAMPLES)) for _ in range(2))
    if not agree(one, two):
        raise ConversionError(
            f"model {model.name!r} answers differently at every call, which a file cannot: "
            f"{'; '.join(reasons)}"
        )


def _prepare_step(
    model: Any, request: Request, card: Card | None, signature: Signature
) -> Prepared:
    """Prepare one time step of a model; see `prepare_model`."""
    from littoral_converters.preparation.narration import narrated
    from littoral_converters.preparation.precision import full_precision
    from littoral_converters.stepping import checked_step, step_feeds, streamed
    from littoral_converters.stepping.step_model import sequences_of
    from littoral_converters.watching import whole_tracebacks

    if signature.by_argument:
        raise ConversionError(
            f"model {model.name!r} is called on several arguments, which no step is made of: "
            "take them as one list or dict"
        )
    specs = sequences_of(signature.inputs)
    representative, evaluation = datasets(model, specs, request, card)
    with narrated(model), full_precision(model), whole_tracebacks():
        step = checked_step(model, signature, request.context, evaluation)
        found, reference = streamed(step, evaluation)
        traced = _traced(step.model, step.signature, request)
        graphs = {
            form: dataclasses.replace(graph, ways=dict.fromkeys(graph.ways, "one step"))
            for form, graph in traced.items()
        }
        calibration = None if representative is None else step_feeds(step, representative)
        samples = step_feeds(step, found.sequences.head(2))
    outputs = dict(zip(step.signature.output_names, step.output_shapes, strict=True))
    check_labels(request.description, outputs)
    card = completed(card or Card(name=str(model.name)), step.signature.inputs, outputs)
    card = with_activation(card, reference)
    return Prepared(
        stem=str(model.name),
        card=dataclasses.replace(card, stream=found.card),
        graphs=graphs,
        representative=calibration,
        evaluation=samples,
        reference=reference,
        warnings=doubts(representative, None if request.evaluation_data is None else evaluation),
        streamed=found,
    )


def _traced(model: Any, signature: Signature, request: Request) -> dict[Form, TracedGraph]:
    """Trace a model for every form, once for those that it is written alike for."""
    from littoral_converters.lowering import Plan, descriptions
    from littoral_converters.trace import trace

    graphs: dict[Form, TracedGraph] = {}
    alike: dict[tuple[str, bool, str], TracedGraph] = {}
    for form in request.forms:
        way = request.lowering
        if request.streaming and way == "auto" and form.format == "tflite":
            way = "unrolled"
        plan = Plan(form.format, form.weight_bytes, form.integer, way, request.batch)
        ways = descriptions(model, plan)
        # A recurrence is all that depends on more than the format; its masks depend on `integer`.
        written = (form.format, bool(ways) and form.integer, repr(ways))
        if written not in alike:
            alike[written] = trace(model, signature, plan)
            memory.give_back()
        graphs[form] = alike[written]
    return graphs
