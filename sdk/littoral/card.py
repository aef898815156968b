"""The card: what a model file says about itself. JSON, schema 1.

It travels inside the file: a metadata buffer in a .tflite, ``metadata_props`` in an .onnx, a zip
member in a .keras. Reading it out of a file's bytes is `littoral.integrity`'s work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from littoral.errors import FormatError

SCHEMA = 1
KEY = "littoral_card"
"""The card's name inside every kind of model file."""


@dataclass(frozen=True)
class CardTensor:
    """An input or output as the card describes it.

    Attributes:
        name: The Keras name.
        shape: Sizes including the batch axis; None where any size is accepted.
        dtype: NumPy dtype name that a caller of `Model.run` uses.
        preprocessing: For an input, the steps from raw data to this tensor (`littoral.preprocess`).
        labels: For an output, the class names in the order of its last axis.
        activation: For an output with labels: ``"logits"`` where `Model.predict` has to turn its
            values into probabilities, by a softmax, or by a sigmoid where one value stands for two
            classes; None where they are scores as they are.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    preprocessing: tuple[Mapping[str, Any], ...] = ()
    labels: tuple[str, ...] = ()
    activation: str | None = None


@dataclass(frozen=True)
class CardState:
    """What a step model remembers: an output that becomes an input at the next step.

    Attributes:
        input: Name of the input.
        output: Name of the output.
        initial: The input's value before the first step: a number for all of it, or nested lists
            of the input's shape without the batch axis.
    """

    input: str
    output: str
    initial: Any = 0.0


@dataclass(frozen=True)
class CardStream:
    """How a file of one time step is run over a sequence; see `littoral.Model.stream`.

    Attributes:
        states: What it remembers from step to step.
        by_step: Names of the inputs and outputs with a time axis, of size 1, behind the batch axis.
            Another input is the same at each step; another output speaks of all steps so far.
        context: Steps that attention and positions reach back; None where nothing limits them.
    """

    states: tuple[CardState, ...] = ()
    by_step: tuple[str, ...] = ()
    context: int | None = None


@dataclass(frozen=True)
class Card:
    """What a model file says about itself.

    Attributes:
        name: The model's name.
        family: ``"mlp"``, ``"cnn"``, ``"rnn"``, ``"transformer"``, or None for somebody's own.
        task: For example ``"classification"``; None when not known.
        inputs: In Keras order.
        outputs: In Keras order.
        format: ``"keras"``, ``"tflite"`` or ``"onnx"``.
        scheme: What is quantized, for example ``"static_int8"``; None for a Keras file.
        lowering: How layers were expressed, for example ``"auto"``, with what was chosen.
        min_runtime: The oldest release of an engine that runs the file, for example
            ``"tflite-2.14"`` or ``"ort-1.17"``; None when it was not determined.
        faulty_runtimes: Newer releases than that in which the file fails or computes wrongly.
        float_layers: Layers that the scheme would have quantized and that were left float, because
            a search measured that they cost too much accuracy.
        verification: Figures of the comparison with Keras (`Verification` as a mapping).
        source_digest: SHA-256 of the Keras file that this one was made from, in hex.
        versions: Version by tool name, of the tools that made the file.
        data: What it was trained on: name, licence, attribution.
        stream: How a file of one time step remembers; None for a model that is run as a whole.
        signed_by: Id of the key that the file's seal names, read from there and not part of the
            JSON. A claim: only `load(trust=...)` proves it.
    """

    name: str
    family: str | None = None
    task: str | None = None
    inputs: tuple[CardTensor, ...] = ()
    outputs: tuple[CardTensor, ...] = ()
    format: str | None = None
    scheme: str | None = None
    lowering: str | None = None
    min_runtime: str | None = None
    faulty_runtimes: tuple[str, ...] = ()
    float_layers: tuple[str, ...] = ()
    verification: Mapping[str, Any] | None = None
    source_digest: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    stream: CardStream | None = None
    signed_by: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the first output that has any; empty when none has."""
        return next((output.labels for output in self.outputs if output.labels), ())

    @property
    def accuracy(self) -> float | None:
        """Share of right answers that the file's proof found, 0 to 1; None where not known."""
        proof = self.verification or {}
        value = proof.get("value")
        return float(value) if proof.get("metric") == "accuracy" and value is not None else None

    def to_json(self) -> str:
        """The card as compact JSON with ``"schema": 1`` in front."""
        fields = {"schema": SCHEMA, **asdict(self)}
        del fields["signed_by"]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Card:
        """Read a card back.

        Args:
            text: JSON as `to_json` wrote it; fields this version does not know are ignored.

        Returns:
            The card.

        Raises:
            FormatError: Not JSON, not an object, a field of the wrong type, or a newer schema.
        """
        try:
            fields = json.loads(text)
            schema = fields["schema"]
            if schema != SCHEMA:
                raise FormatError(f"the card has schema {schema!r}, this littoral reads {SCHEMA}")
            written = [name for name in cls.__dataclass_fields__ if name != "signed_by"]
            known = {name: fields[name] for name in written if name in fields}
            for side in ("inputs", "outputs"):
                known[side] = tuple(_tensor(entry) for entry in known.get(side, ()))
            for names in ("float_layers", "faulty_runtimes"):
                known[names] = tuple(str(name) for name in known.get(names, ()))
            if known.get("stream") is not None:
                known["stream"] = _stream(known["stream"])
            return cls(**known)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise FormatError(f"the card inside the file cannot be read: {error}") from error


def _tensor(entry: Mapping[str, Any]) -> CardTensor:
    return CardTensor(
        name=str(entry["name"]),
        shape=tuple(None if size is None else int(size) for size in entry["shape"]),
        dtype=str(entry.get("dtype", "float32")),
        preprocessing=tuple(dict(step) for step in entry.get("preprocessing", ())),
        labels=tuple(str(label) for label in entry.get("labels", ())),
        activation=None if entry.get("activation") is None else str(entry["activation"]),
    )


def _stream(entry: Mapping[str, Any]) -> CardStream:
    return CardStream(
        states=tuple(
            CardState(str(state["input"]), str(state["output"]), state.get("initial", 0.0))
            for state in entry.get("states", ())
        ),
        by_step=tuple(str(name) for name in entry.get("by_step", ())),
        context=entry.get("context"),
    )
