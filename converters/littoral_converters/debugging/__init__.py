"""Where a model file departs from Keras: layer by layer, through the engine that runs it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import littoral
import numpy as np
from littoral import formats, plugins
from littoral import source as files
from littoral.calls import by_name
from littoral.errors import FormatError, InputError
from littoral.pairing import pair_inputs
from numpy.typing import NDArray

from littoral_converters import sources
from littoral_converters.calibration import Data, Dataset
from littoral_converters.debugging import interiors
from littoral_converters.debugging.drift import (
    FLOAT16_LIMIT_DB,
    FLOAT32_LIMIT_DB,
    INTEGER_LIMIT_DB,
    Drift,
    layer_rows,
    output_rows,
)
from littoral_converters.debugging.matching import match
from littoral_converters.preparation.soundness import check_finite
from littoral_converters.sources.own_modules import Modules, names_of

SAMPLES = 32
"""Enough for a ratio that repeats within a few tenths of a decibel, few enough to take seconds."""

_MOST_BYTES = 1 << 29
_FEW = 64  # such numbers may be shapes and axes
_TO_INTEGERS = frozenset({"QUANTIZE", "QuantizeLinear", "DynamicQuantizeLinear"})


def debug(
    model: str | os.PathLike[str],
    artifact: str | os.PathLike[str],
    *,
    data: Data | None = None,
    samples: int = SAMPLES,
    limit_db: float | None = None,
    allow_unsafe: bool = False,
    modules: Modules = (),
) -> Drift:
    """Compare every layer of a Keras model with its tensor in a file, ours or anybody's.

    Args:
        model: A .keras or .h5 file.
        artifact: A .tflite or .onnx file.
        data: Inputs; None takes random ones.
        samples: Samples of them to run, at most; fewer where the tensors would take 512 MB.
        limit_db: Below it a layer is wrong; None takes 10 for a file with integers inside, 40 for
            one with float16, else 60.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        modules: Modules that define the model file's own layers, imported before it is opened; see
            `littoral_converters.sources.own_modules.import_modules`.

    Returns:
        The drift. A file that is wrong is no error.

    Raises:
        InputError: A file cannot be read, or the data or the file's inputs do not fit the model.
        FormatError: A file is not what it should be.
        LittoralError: As for `littoral_converters.verify`.
    """
    if samples < 1:
        raise InputError(f"the number of samples must be at least 1, not {samples}")
    if limit_db is not None and math.isnan(limit_db):
        raise InputError("the limit must be a number of decibels, not NaN")
    sources.check_file(Path(model))
    name, content = files.read(artifact)
    with files.explained(name):
        formats.sniff(content)
    arguments = (
        Path(model),
        name,
        content,
        data,
        samples,
        limit_db,
        allow_unsafe,
        names_of(modules),
    )
    doing = f"running {artifact} layer by layer"
    return sources.in_worker_or_here(debug_file, *arguments, doing=doing)


def debug_file(
    path: Path,
    name: str,
    content: bytes,
    data: Data | None,
    samples: int,
    limit_db: float | None,
    allow_unsafe: bool,
    modules: tuple[str, ...],
) -> Drift:
    """Do the work of `debug`. Run in the worker."""
    from littoral_converters.debugging.activations import activations_of
    from littoral_converters.preparation import Request
    from littoral_converters.preparation.data import answered, datasets
    from littoral_converters.signature import signature_of

    model = sources.open_model(path, allow_unsafe, modules)
    check_finite(model)
    signature = signature_of(model)
    request = Request(evaluation_data=data)
    _, given = datasets(model, signature.inputs, request, sources.card_in(path))
    suited, _ = answered(model, signature, request, given.head(samples))
    given = suited if data is None else given
    with _load(name, content) as loaded:
        order = pair_inputs(signature.inputs, loaded.inputs, (str(path), name))
        specs, kind = loaded.inputs, loaded.format
        batch = (specs[0].shape[0] or 1) if specs[0].shape else 1
        kept = _head(model, signature, given, signature.batch or samples, batch)
        columns = [kept.inputs[signature.inputs[index].name] for index in order]
        feeds = [
            {
                spec.name: column[at : at + batch]
                for spec, column in zip(specs, columns, strict=True)
            }
            for at in range(0, len(kept), batch)
        ]
        outputs = loaded.run({s.name: c for s, c in zip(specs, columns, strict=True)})
        named = by_name(outputs, loaded.outputs)
    activations, results, makers = activations_of(model, signature, list(kept.inputs.values()))
    places, tensors = _inside(content, kind, feeds)
    usual = _limit(content, kind, places)
    found = match(activations, places, tensors, len(feeds), usual)
    limit = limit_db if limit_db is not None else usual
    ends = output_rows(dict(zip(signature.output_names, results, strict=True)), named)
    ended = {maker: end for maker, end in zip(makers, ends, strict=True) if maker is not None}
    rows = layer_rows(activations, places, tensors, found, ended, limit)
    return Drift((*rows, *ends), limit, len(kept), data is None)


def _load(name: str, content: bytes) -> littoral.Model:
    """The file, also one that was changed after it was sealed: finding out where is the point."""
    try:
        return littoral.load(content, verify=False)
    except FormatError as error:
        raise FormatError(str(error).replace("<bytes>", name, 1)) from error


def _head(model: Any, signature: Any, data: Dataset, samples: int, batch: int) -> Dataset:
    """As many samples as fit into memory, in whole batches of the file; the last one repeated."""
    from littoral_converters.debugging.activations import activations_of

    few = data.head(1).filled(signature.batch or 1)
    activations, _, _ = activations_of(model, signature, list(few.inputs.values()))
    # The file's own tensors come on top, about as many as Keras's for each of two layouts.
    bytes_each = 8 * 3 * sum(activation.values.size for activation in activations) // len(few)
    count = max(1, min(samples, _MOST_BYTES // max(1, bytes_each)))
    return data.head(max(batch, count - count % batch)).filled(batch)


def _inside(
    content: bytes, kind: str, feeds: Sequence[Mapping[str, NDArray[Any]]]
) -> tuple[list[interiors.Place], dict[int, NDArray[Any]]]:
    """The file's tensors, and the values of those that every run has in the same shape."""
    reader = plugins.load(interiors, kind)
    places = reader.describe(content)
    runs = list(reader.read(content, feeds))
    columns = {index: [run.get(place.name) for run in runs] for index, place in enumerate(places)}
    return places, {
        index: np.stack(column)
        for index, column in columns.items()
        if all(one is not None and one.shape == column[0].shape for one in column)
    }


def _limit(content: bytes, kind: str, places: Sequence[interiors.Place]) -> float:
    """What to expect of the file: weights or activations of fewer bits in it leave less."""
    weights = formats.module(kind).outline(content).weights
    integers = sum(weights.get(name, 0) for name in ("int8", "uint8", "int4", "uint4"))
    if integers > _FEW or any(place.operator in _TO_INTEGERS for place in places):
        return INTEGER_LIMIT_DB
    return FLOAT16_LIMIT_DB if weights.get("float16", 0) > _FEW else FLOAT32_LIMIT_DB
