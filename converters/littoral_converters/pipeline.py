"""The flow, top to bottom: a Keras model in, verified files out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from littoral import files, integrity
from littoral.errors import ConversionError, VerificationError

from littoral_converters.calibration import REPRESENTATIVE_SAMPLES, Data
from littoral_converters.capacity import check_memory
from littoral_converters.doubts import DataWarning
from littoral_converters.isolation import isolated
from littoral_converters.jobs import Job, LeftOut, check_streaming, jobs_of
from littoral_converters.prepare import Prepared, Request, prepare
from littoral_converters.proof import prove
from littoral_converters.recommendation import FLOAT, recommended
from littoral_converters.verification import Verification

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
        min_runtime: The oldest release of an engine that runs it, for example ``"tflite-2.14"``;
            None when no known release does.
        float_layers: Layers that its scheme would quantize and that were left float.
        recommended: Whether it is the file of its format to ship, by measurement: see
            `littoral_converters.recommendation`. None where there was nothing to choose from.
        warnings: What is doubtful about the data that it was calibrated on, one line each.
    """

    path: Path
    format: str
    scheme: str
    lowering: str
    size_bytes: int
    verification: Verification
    min_runtime: str | None = None
    float_layers: tuple[str, ...] = ()
    recommended: bool | None = None
    warnings: tuple[str, ...] = ()


def _warn(doubt: str) -> None:
    warnings.warn(doubt, DataWarning, stacklevel=3)


def convert(
    model: Any,
    out: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("tflite", "onnx"),
    schemes: Sequence[str] = ("float32",),
    representative_data: Data | None = None,
    evaluation_data: Data | None = None,
    lowering: str = "auto",
    batch: int | None = 1,
    tolerance: float | None = None,
    min_runtime: str | Sequence[str] | None = None,
    io: str = "float32",
    allow_unsafe: bool = False,
    left_out: LeftOut | None = None,
    recommend: bool = True,
    streaming: bool = False,
    context: int | None = None,
    report: Report = lambda step: None,
    warn: Report = _warn,
) -> list[Variant]:
    """Convert a Keras model to files that are proved to agree with it.

    Args:
        model: A .keras or .h5 file, or a built keras.Model.
        out: Folder for the files ``NAME.SCHEME.SUFFIX``; made when absent.
        formats: ``"tflite"``, ``"onnx"``.
        schemes: Names of files in `littoral_converters.schemes`.
        representative_data: What the model will see, for calibration; see
            `littoral_converters.calibration.read` and, for files that go through the card's
            preprocessing, `littoral_converters.reading`. static_int8 needs it.
        evaluation_data: Inputs with labels ``y`` to measure the accuracy on.
        lowering: ``"auto"``, ``"unrolled"``, ``"loop"`` or ``"fused"``.
        batch: Batch size of the files, None for any.
        tolerance: Root mean square error allowed against Keras, as a share of the output's; None
            takes each scheme's own limits.
        min_runtime: Releases that the files must run in, at most one for each format, for example
            ``("tflite-2.14", "ort-1.17")``; see `littoral_converters.runtimes`.
        io: What the files' float inputs and outputs are: ``"float32"`` or ``"float16"``.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        left_out: Called with a file that cannot be made, such as ``"tflite strict_int8"``, and the
            reason, in place of an error; float32 is never left out. None raises.
        recommend: Whether to time the files of a format in turn, 0.3 s each, and say which to ship.
        streaming: Whether to convert one time step of the model, with its state in and out, for
            `littoral.Model.stream`; the files are ``NAME.step.SCHEME.SUFFIX``.
        context: Steps that the attention and positions of a streamed model reach back; None for the
            model's length.
        report: Called with one line before each step.
        warn: Called with one line for each thing that is doubtful about the representative data: a
            single sample, a constant, far from the evaluation data. By default a `DataWarning`.

    Returns:
        One variant per format and scheme, in the order asked for.

    Raises:
        ConversionError: A layer, format or scheme that does not go together; nothing is written.
        VerificationError: A file does not agree with Keras; none of that call's files is kept.
        InputError: Unknown names, or data that does not fit.
    """
    has_samples = representative_data is not None
    jobs = jobs_of(formats, schemes, lowering, has_samples, min_runtime, left_out, io)
    request = Request(
        formats=tuple(dict.fromkeys(job.format for job in jobs)),
        lowering=lowering,
        batch=batch,
        representative_data=representative_data,
        evaluation_data=evaluation_data,
        allow_unsafe=allow_unsafe,
        needs_labels=True,
        streaming=streaming,
        context=context,
    )
    check_streaming(streaming, batch, context)
    folder = files.make_folder(out)
    report("opening and tracing the Keras model")
    prepared = prepare(model, request)
    for doubt in prepared.warnings:
        warn(doubt)
    for name, graph in prepared.graphs.items():
        check_memory(name, len(graph.graph_def), f"{prepared.stem} as {name}")
    floats: dict[str, bytes] = {}
    made: list[tuple[Variant, bytes]] = []
    for job in jobs:
        what = f"{prepared.stem} as {job}"
        report(what)
        if job.format not in floats:
            graph = prepared.graphs[job.format]
            floats[job.format] = isolated(job.writer.write, graph, doing=f"writing {what}")
        try:
            made.append(_variant(job, floats[job.format], prepared, tolerance, folder))
        except (ConversionError, VerificationError) as error:
            if left_out is None or job.scheme == FLOAT:
                raise
            left_out(str(job), str(error))
    if recommend:
        made = [*_recommended(made, prepared, report)]
    files.write_together({variant.path: content for variant, content in made})
    return [variant for variant, _ in made]


def _variant(
    job: Job, written: bytes, prepared: Prepared, tolerance: float | None, folder: Path
) -> tuple[Variant, bytes]:
    """One file of the float32 file that its format wrote, proved."""
    what = f"{prepared.stem} as {job}"
    content = quantized(job, written, prepared, what)
    verification = prove(content, job.scheme, prepared, tolerance, what)
    content, oldest = sealed(job, content, prepared, verification)
    path = folder / f"{prepared.file_stem}.{job.scheme}{job.writer.SUFFIX}"
    size = len(content)
    variant = Variant(path, job.format, job.scheme, job.lowering, size, verification, oldest)
    doubtful = prepared.warnings if job.quantizer.NEEDS_SAMPLES else ()
    return dataclasses.replace(variant, warnings=doubtful), content


def _recommended(
    made: Sequence[tuple[Variant, bytes]], prepared: Prepared, report: Report
) -> Iterator[tuple[Variant, bytes]]:
    """Say of each file whether it is the one of its format to ship."""
    contents: dict[str, dict[str, bytes]] = {}
    for variant, content in made:
        contents.setdefault(variant.format, {})[variant.scheme] = content
    best = {}
    for name, choice in contents.items():
        if len(choice) > 1 and FLOAT in choice:
            report(f"timing the {len(choice)} {name} files in turn")
            best[name] = isolated(
                recommended, choice, prepared.evaluation, doing=f"timing the {name} files"
            )
    for variant, content in made:
        scheme = best.get(variant.format)
        is_best = None if scheme is None else variant.scheme == scheme
        yield dataclasses.replace(variant, recommended=is_best), content


def quantized(job: Job, content: bytes, prepared: Prepared, what: str) -> bytes:
    """The float32 file under the job's scheme, in versions that the job's runtime has.

    Args:
        job: What to make.
        content: The float32 file that the job's format wrote of the job's lowering.
        prepared: The model, with representative data where the scheme needs it.
        what: The file, as a message calls it.

    Returns:
        The file, without its card.

    Raises:
        ConversionError: The quantizer failed, or the runtime lacks an operator.
    """
    data = prepared.representative if job.quantizer.NEEDS_SAMPLES else None
    samples = data.head(REPRESENTATIVE_SAMPLES).feeds() if data is not None else []
    quantize = getattr(job.quantizer, job.format)
    extra = (job.keep_float,) if job.keep_float else ()
    made: bytes = isolated(quantize, content, samples, *extra, doing=f"quantizing {what}")
    if job.io == "float16":
        made = isolated(job.writer.halve_io, made, doing=f"halving the inputs of {what}")
    if job.runtime is None:
        return made
    doing = f"writing {what} for {job.runtime}"
    fitted: bytes = isolated(job.releases.fit, made, job.runtime, doing=doing)
    return fitted


def sealed(
    job: Job, content: bytes, prepared: Prepared, verification: Verification | None
) -> tuple[bytes, str | None]:
    """Put the card and the digest into a file.

    Args:
        job: What was made.
        content: The file without its card.
        prepared: What is known of the model.
        verification: The comparison with Keras; None while there is none, to see the size.

    Returns:
        The finished file, and the oldest release of an engine that runs it.
    """
    doing = f"reading the versions in {job}"
    able: list[str] = isolated(job.releases.able, content, doing=doing)
    oldest = next(iter(able), None)
    since = job.releases.RUNTIMES.index(oldest) if oldest else 0
    card, ways = prepared.card, prepared.graphs[job.format].ways
    tools = ("littoral", "keras", "tensorflow", *job.writer.TOOLS)
    card = dataclasses.replace(
        card,
        format=job.format,
        scheme=job.scheme,
        lowering="; ".join([job.lowering, *(f"{name}: {way}" for name, way in ways.items())]),
        float_layers=job.float_layers,
        verification=None if verification is None else dataclasses.asdict(verification),
        min_runtime=oldest,
        faulty_runtimes=tuple(r for r in job.releases.RUNTIMES[since:] if r not in able),
        versions={**card.versions, **{name: importlib.metadata.version(name) for name in tools}},
    )
    stamped: bytes = isolated(job.writer.stamp, content, card, doing=f"writing the card of {job}")
    return integrity.seal(stamped), oldest
