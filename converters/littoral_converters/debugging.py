"""Where a model file departs from Keras: layer by layer, through the engine that runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import littoral
import numpy as np
from littoral import formats, plugins
from littoral import source as files
from littoral.comparison import pair_inputs
from littoral.differences import EXACT_DB, difference
from littoral.errors import FormatError, InputError
from numpy.typing import NDArray

from littoral_converters import interiors, source
from littoral_converters.calibration import Data, Dataset
from littoral_converters.isolation import isolated
from littoral_converters.matching import arranged, match

if TYPE_CHECKING:
    from littoral_converters.activations import Activation

SAMPLES = 32
"""Enough for a ratio that repeats within a few tenths of a decibel, few enough to take seconds."""

FLOAT_LIMIT_DB, INTEGER_LIMIT_DB = 40.0, 10.0
"""A layer below is called wrong: float32 keeps 100 dB and more, float16 about 60; of 8 bits, which
give 48 dB at best, some 15 to 30 are left in the depth of a network that still works."""

_MOST_BYTES = 1 << 29


@dataclass(frozen=True)
class LayerDrift:
    """One output of one layer, in Keras and in the file.

    Attributes:
        layer: The layer, with the models around it.
        kind: Its class; ``"Input"`` for an input and ``"Output"`` for an output of the model.
        shape: Of one sample.
        tensor: What the file calls it; None where the file has no tensor of it: it was fused away.
        operator: What computes it in the file.
        matched_by: ``"values"``, ``"name"``, ``"order"``, or ``"interface"`` for outputs.
        snr_db: Signal-to-noise ratio in decibels, 300 for equal values; None without a tensor.
        added_db: The same of the noise that the layer itself adds to what went into it, see
            `_added`; None where it adds none.
        max_abs_error: Largest difference.
        relative_error: The same over Keras's largest value.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    tensor: str | None
    operator: str | None
    matched_by: str | None
    snr_db: float | None = None
    added_db: float | None = None
    max_abs_error: float | None = None
    relative_error: float | None = None


@dataclass(frozen=True)
class Drift:
    """A file against its Keras model.

    Attributes:
        layers: In the order in which Keras computes them, the model's outputs last.
        limit_db: A layer below is wrong.
        samples: Inputs that both ran on.
        is_invented: The inputs are random ones.
    """

    layers: tuple[LayerDrift, ...]
    limit_db: float
    samples: int
    is_invented: bool

    @property
    def first_wrong(self) -> LayerDrift | None:
        """The first layer in Keras's order that is below the limit; None when there is none."""
        wrong = (one for one in self.layers if one.snr_db is not None)
        return next((one for one in wrong if (one.snr_db or 0.0) < self.limit_db), None)

    @property
    def worst(self) -> tuple[LayerDrift, ...]:
        """Layers with a tensor, the noisiest first."""
        known = [one for one in self.layers if one.snr_db is not None]
        return tuple(sorted(known, key=lambda one: one.snr_db or 0.0))

    @property
    def fused(self) -> tuple[LayerDrift, ...]:
        """Layers that have no tensor of their own in the file."""
        return tuple(one for one in self.layers if one.tensor is None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        first = self.first_wrong
        return {
            "samples": self.samples,
            "invented_inputs": self.is_invented,
            "limit_db": self.limit_db,
            "first_wrong": None if first is None else first.layer,
            "worst": [one.layer for one in self.worst],
            "fused": [one.layer for one in self.fused],
            "layers": [asdict(one) for one in self.layers],
        }


def debug(
    model: str | os.PathLike[str],
    artifact: str | os.PathLike[str],
    *,
    data: Data | None = None,
    samples: int = SAMPLES,
    limit_db: float | None = None,
    allow_unsafe: bool = False,
) -> Drift:
    """Compare every layer of a Keras model with its tensor in a file, ours or anybody's.

    Args:
        model: A .keras or .h5 file.
        artifact: A .tflite or .onnx file.
        data: Inputs; None takes random ones.
        samples: Samples of them to run, at most; fewer where the tensors would take 512 MB.
        limit_db: Below it a layer is wrong; None takes 10 for a file with integers inside, else 40.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.

    Returns:
        The drift. A file that is wrong is no error.

    Raises:
        InputError: A file cannot be read, or the data or the file's inputs do not fit the model.
        FormatError: A file is not what it should be.
        LittoralError: As for `littoral_converters.verify`.
    """
    if samples < 1:
        raise InputError(f"the number of samples must be at least 1, not {samples}")
    source.check_file(Path(model))
    name, content = files.read(artifact)
    with files.explained(name):
        formats.sniff(content)
    arguments = (Path(model), name, content, data, samples, limit_db, allow_unsafe)
    return isolated(debug_file, *arguments, doing=f"running {artifact} layer by layer")


def debug_file(
    path: Path,
    name: str,
    content: bytes,
    data: Data | None,
    samples: int,
    limit_db: float | None,
    allow_unsafe: bool,
) -> Drift:
    """Do the work of `debug`. Run in the worker."""
    from littoral_converters.activations import activations_of
    from littoral_converters.prepare import Request, datasets
    from littoral_converters.signature import signature_of

    model = source.open_model(path, allow_unsafe)
    signature = signature_of(model)
    request = Request(evaluation_data=data)
    _, found = datasets(model, signature.inputs, request, source.card_in(path))
    with _load(name, content) as loaded:
        order = pair_inputs(signature.inputs, loaded.inputs, (str(path), name))
        specs, kind = loaded.inputs, loaded.format
        batch = (specs[0].shape[0] or 1) if specs[0].shape else 1
        kept = _head(model, signature, found, samples, batch)
        columns = [kept.inputs[signature.inputs[index].name] for index in order]
        feeds = [
            {
                spec.name: column[at : at + batch]
                for spec, column in zip(specs, columns, strict=True)
            }
            for at in range(0, len(kept), batch)
        ]
        outputs = loaded.run({s.name: c for s, c in zip(specs, columns, strict=True)})
        named = outputs if isinstance(outputs, dict) else {loaded.outputs[0].name: outputs}
    activations, results = activations_of(model, signature, list(kept.inputs.values()))
    reference = dict(zip(signature.output_names, results, strict=True))
    rows = _rows(activations, content, kind, feeds)
    rows += _output_rows(reference, named)
    limit = limit_db if limit_db is not None else _limit(content, kind)
    return Drift(tuple(rows), limit, len(kept), data is None)


def _load(name: str, content: bytes) -> littoral.Model:
    """The file, also one that was changed after it was sealed: finding out where is the point."""
    try:
        return littoral.load(content, verify=False)
    except FormatError as error:
        raise FormatError(str(error).replace("<bytes>", name, 1)) from error


def _head(model: Any, signature: Any, data: Dataset, samples: int, batch: int) -> Dataset:
    """As many samples as fit into memory, in whole batches of the file; the last one repeated."""
    from littoral_converters.activations import activations_of

    one = data.head(1)
    activations, _ = activations_of(model, signature, list(one.inputs.values()))
    # The file's own tensors come on top, about as many as Keras's for each of two layouts.
    bytes_each = 8 * 3 * sum(activation.values.size for activation in activations)
    count = max(1, min(samples, _MOST_BYTES // max(1, bytes_each)))
    kept = data.head(max(batch, count - count % batch))
    missing = -len(kept) % batch
    if not missing:
        return kept
    return Dataset(
        {n: np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for n, v in kept.inputs.items()}
    )


def _rows(
    activations: Sequence[Activation],
    content: bytes,
    kind: str,
    feeds: Sequence[Mapping[str, NDArray[Any]]],
) -> list[LayerDrift]:
    reader = plugins.load(interiors, kind)
    places = reader.describe(content)
    runs = list(reader.read(content, feeds))
    tensors = {
        index: np.stack([run[place.name] for run in runs])
        for index, place in enumerate(places)
        if len({run[place.name].shape if place.name in run else None for run in runs}) == 1
        and place.name in runs[0]
    }
    found = match(activations, places, tensors, len(runs))
    rows: list[LayerDrift] = []
    ratios: list[float] = []
    for index, one in enumerate(activations):
        inherited = min((ratios[source] for source in one.sources), default=EXACT_DB)
        row = LayerDrift(one.layer, one.kind, one.values.shape[1:], None, None, None)
        if index in found:
            matched = found[index]
            place, tensor = places[matched.tensor], tensors[matched.tensor]
            came = arranged(tensor, matched.layout).reshape(len(runs), -1)
            row = _row(one, place, matched.by, came, inherited)
        if row.tensor is not None or one.kind != "Input":
            rows.append(row)
        ratios.append(inherited if row.snr_db is None else row.snr_db)
    return rows


def _row(
    one: Activation,
    place: interiors.Place,
    by: str,
    came: NDArray[Any],
    inherited: float,
) -> LayerDrift:
    meant = np.squeeze(one.values).reshape(came.shape)
    figures = difference(meant, came)
    ratio = -EXACT_DB if figures.not_finite else figures.snr_db
    return LayerDrift(
        layer=one.layer,
        kind=one.kind,
        shape=one.values.shape[1:],
        tensor=place.hint.split(";")[0] or f"tensor {place.name}",
        operator=place.operator,
        matched_by=by,
        snr_db=ratio,
        added_db=_added(ratio, inherited),
        max_abs_error=figures.max_abs,
        relative_error=figures.relative,
    )


def _added(ratio: float, inherited: float) -> float | None:
    """Signal-to-noise ratio of a layer's own noise, None for none.

    Noise powers of independent sources add up, so what is not inherited is the difference. It takes
    for granted that a layer passes noise on at the rate at which it passes the signal on.

    Args:
        ratio: Of the layer's output, in dB.
        inherited: The lowest of what went into it.
    """
    own = 10.0 ** (-ratio / 10.0) - 10.0 ** (-inherited / 10.0)
    return -10.0 * float(np.log10(own)) if own > 0.0 and ratio < EXACT_DB else None


def _output_rows(
    reference: Mapping[str, NDArray[Any]], named: Mapping[str, NDArray[Any]]
) -> list[LayerDrift]:
    """The model's outputs as users get them: through the engine with all that speeds it up."""
    if set(reference) <= set(named):
        pairs = [(name, name) for name in reference]
    elif len(reference) == len(named):
        pairs = list(zip(reference, named, strict=True))
    else:
        raise InputError(
            f"the file has the outputs {', '.join(named)} where Keras has {', '.join(reference)}"
        )
    rows = []
    for name, own in pairs:
        meant, came = reference[name], named[own]
        if meant.shape != came.shape:
            raise InputError(
                f"output {own} has shape {came.shape} where Keras has {meant.shape}: "
                "is it a file of this model?"
            )
        figures = difference(meant, came)
        ratio = -EXACT_DB if figures.not_finite else figures.snr_db
        shape = meant.shape[1:]
        errors = (figures.max_abs, figures.relative)
        rows.append(LayerDrift(name, "Output", shape, own, None, "interface", ratio, None, *errors))
    return rows


def _limit(content: bytes, kind: str) -> float:
    """What to expect of the file: 8-bit weights or activations in it leave less."""
    weights = formats.module(kind).outline(content).weights
    integers = sum(weights.get(name, 0) for name in ("int8", "uint8", "int4", "uint4"))
    return INTEGER_LIMIT_DB if integers > 64 else FLOAT_LIMIT_DB
