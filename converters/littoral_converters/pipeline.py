"""The flow, top to bottom: a Keras model in, verified files out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from littoral import files, integrity, plugins
from littoral.card import Card
from littoral.errors import ConversionError, InputError, VerificationError
from littoral_converters import formats as format_plugins
from littoral_converters import schemes as scheme_plugins
from littoral_converters import source
from littoral_converters.calibration import REPRESENTATIVE_SAMPLES, Data, Dataset
from littoral_converters.execution import outputs_of
from littoral_converters.isolation import isolated
from littoral_converters.prepare import Prepared, Request, prepare_file, prepare_model
from littoral_converters.verification import Limits, Verification, compare

Model = Any
Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Variant:
    """A verified model file. Only `convert` makes one, and only after the file passed.

    Attributes:
        path: The file.
        format: ``"tflite"`` or ``"onnx"``.
        scheme: What is quantized in it.
        lowering: How recurrences are written in it.
        size_bytes: Its size.
        verification: Its comparison with the Keras model.
    """

    path: Path
    format: str
    scheme: str
    lowering: str
    size_bytes: int
    verification: Verification


def convert(
    model: Model | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("tflite", "onnx"),
    schemes: Sequence[str] = ("float32",),
    representative_data: Data | None = None,
    evaluation_data: Data | None = None,
    lowering: str = "auto",
    batch: int | None = 1,
    tolerance: float | None = None,
    allow_unsafe: bool = False,
    report: Report = lambda step: None,
) -> list[Variant]:
    """Convert a Keras model to files that are proved to agree with it.

    Args:
        model: A .keras or .h5 file, or a built keras.Model.
        out: Folder for the files ``NAME.SCHEME.SUFFIX``; made when absent.
        formats: ``"tflite"``, ``"onnx"``.
        schemes: Names of files in `littoral_converters.schemes`.
        representative_data: What the model will see, for calibration; see
            `littoral_converters.calibration.read`. static_int8 needs it.
        evaluation_data: Inputs with labels ``y`` to measure the accuracy on.
        lowering: ``"auto"``, ``"unrolled"``, ``"loop"`` or ``"fused"``.
        batch: Batch size of the files, None for any.
        tolerance: Mean error allowed against Keras as a share of the output's range; None takes
            each scheme's own limits.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        report: Called with one line before each step.

    Returns:
        One variant per format and scheme, in the order asked for.

    Raises:
        ConversionError: A layer, format or scheme that does not go together; nothing is written.
        VerificationError: A file does not agree with Keras; none of that call's files is kept.
        InputError: Unknown names, or data that does not fit.
    """
    jobs = _jobs(formats, schemes, representative_data)
    request = Request(
        tuple(dict.fromkeys(name for name, _ in jobs)),
        lowering,
        batch,
        representative_data,
        evaluation_data,
        allow_unsafe,
    )
    _check_lowering(lowering)
    if isinstance(model, (str, os.PathLike)):
        source.check_file(Path(model))
    folder = files.make_folder(out)
    report("opening and tracing the Keras model")
    prepared = _prepare(model, request)
    stem = Path(model).stem if isinstance(model, (str, os.PathLike)) else prepared.card.name
    floats: dict[str, bytes] = {}
    finished: list[tuple[Variant, bytes]] = []
    for format_name, scheme_name in jobs:
        what = f"{stem} as {format_name} {scheme_name}"
        report(what)
        if format_name not in floats:
            floats[format_name] = _write(format_name, prepared, what)
        content = _quantize(format_name, scheme_name, floats[format_name], prepared, what)
        found = _verified(content, scheme_name, prepared, tolerance, what)
        content = _stamped(content, format_name, scheme_name, lowering, prepared.card, found)
        path = folder / f"{stem}.{scheme_name}{_format(format_name).SUFFIX}"
        variant = Variant(path, format_name, scheme_name, lowering, len(content), found)
        finished.append((variant, content))
    for variant, content in finished:
        files.write_atomically(variant.path, content)
    return [variant for variant, _ in finished]


def verify(
    model: Model | str | os.PathLike[str],
    artifact: str | os.PathLike[str],
    *,
    data: Data | None = None,
    tolerance: float | None = None,
    allow_unsafe: bool = False,
) -> Verification:
    """Compare any model file with a Keras model.

    Args:
        model: A .keras or .h5 file, or a built keras.Model.
        artifact: A .tflite or .onnx file, ours or anybody's.
        data: Inputs, with labels ``y`` where the accuracy is wanted; None takes random inputs.
        tolerance: Mean error allowed as a share of the output's range; None takes the limits of
            the scheme that the file's card names, float32's where it has none.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.

    Returns:
        The comparison; ``passed`` says whether it keeps the limits.

    Raises:
        LittoralError: A file that cannot be opened, data that does not fit.
    """
    content = _read(Path(artifact))
    card = integrity.read_card(content)
    request = Request((), representative_data=data, allow_unsafe=allow_unsafe)
    prepared = _prepare(model, request)
    file_outputs = isolated(
        outputs_of, content, prepared.evaluation, doing=f"running {artifact}"
    )
    labels = prepared.representative.labels if prepared.representative else None
    limits = _limits(card.scheme if card and card.scheme else "float32", tolerance)
    return compare(prepared.reference, _like(file_outputs, prepared), labels, limits)


def _like(outputs: dict[str, Any], prepared: Prepared) -> dict[str, Any]:
    """A file's outputs under Keras's names; a foreign file has its own names but Keras's order."""
    if set(outputs) == set(prepared.reference):
        return {name: outputs[name] for name in prepared.reference}
    if len(outputs) == len(prepared.reference):
        return dict(zip(prepared.reference, outputs.values(), strict=True))
    return outputs


def _jobs(
    formats: Sequence[str], schemes: Sequence[str], representative_data: Data | None
) -> list[tuple[str, str]]:
    """Every (format, scheme) asked for, or a refusal before any work is done."""
    if not formats or not schemes:
        raise InputError("nothing to convert to: give at least one format and one scheme")
    jobs = [(f, s) for f in dict.fromkeys(formats) for s in dict.fromkeys(schemes)]
    for format_name, scheme_name in jobs:
        _format(format_name)
        scheme = _scheme(scheme_name)
        if not hasattr(scheme, format_name):
            raise ConversionError(
                f"{format_name} cannot express the scheme {scheme_name}: take another format or scheme"
            )
        if scheme.NEEDS_SAMPLES and representative_data is None:
            raise InputError(
                f"scheme {scheme_name} needs representative data "
                "(--representative-data FILE.npz, a few hundred typical inputs)"
            )
    return jobs


def _check_lowering(lowering: str) -> None:
    known = ("auto", "unrolled", "loop", "fused")
    if lowering not in known:
        raise InputError(f"unknown lowering {lowering!r}: choose from {', '.join(known)}")


def _prepare(model: Model, request: Request) -> Prepared:
    """In the worker for a file, here for a model in memory (its classes exist only here)."""
    if isinstance(model, (str, os.PathLike)):
        return isolated(prepare_file, Path(model), request, doing=f"opening {model}")
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() == "tensorflow":
        return prepare_model(model, request)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.name}.keras"
        model.save(path)
        return isolated(prepare_file, path, request, doing=f"opening {model.name}")


def _write(format_name: str, prepared: Prepared, what: str) -> bytes:
    return isolated(_format(format_name).write, prepared.graphs[format_name], doing=f"writing {what}")


def _quantize(
    format_name: str, scheme_name: str, content: bytes, prepared: Prepared, what: str
) -> bytes:
    scheme = _scheme(scheme_name)
    data = prepared.representative if scheme.NEEDS_SAMPLES else None
    samples = data.head(REPRESENTATIVE_SAMPLES).feeds() if data else []
    return isolated(getattr(scheme, format_name), content, samples, doing=f"quantizing {what}")


def _verified(
    content: bytes, scheme_name: str, prepared: Prepared, tolerance: float | None, what: str
) -> Verification:
    """Run the file through the runtime that users have, and hold it against Keras."""
    outputs = isolated(outputs_of, content, prepared.evaluation, doing=f"running {what}")
    found = compare(
        prepared.reference, outputs, prepared.evaluation.labels, _limits(scheme_name, tolerance)
    )
    if not found.passed:
        raise VerificationError(
            f"{what} does not agree with Keras: {found.reason}; "
            "leave out this scheme, give more representative data, or raise --tolerance"
        )
    return found


def _limits(scheme_name: str, tolerance: float | None) -> Limits:
    scheme = _scheme(scheme_name)
    if tolerance is not None:
        return Limits(None, tolerance, 100.0)
    return Limits(scheme.MAX_ERROR, scheme.MEAN_ERROR, scheme.MAX_DROP)


def _stamped(
    content: bytes, format_name: str, scheme: str, lowering: str, card: Card, found: Verification
) -> bytes:
    card = dataclasses.replace(
        card,
        format=format_name,
        scheme=scheme,
        lowering=lowering,
        verification={
            name: value for name, value in vars(found).items() if name not in ("passed", "reason")
        },
        versions={**card.versions, **_versions(format_name)},
    )
    stamped = isolated(_format(format_name).stamp, content, card, doing="writing the card")
    return integrity.seal(stamped)


def _versions(format_name: str) -> dict[str, str]:
    tools = {"tflite": ("tensorflow",), "onnx": ("tensorflow", "tf2onnx", "onnx")}[format_name]
    return {name: importlib.metadata.version(name) for name in ("littoral", "keras", *tools)}


def _format(name: str) -> ModuleType:
    return plugins.load(format_plugins, name)


def _scheme(name: str) -> ModuleType:
    return plugins.load(scheme_plugins, name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
