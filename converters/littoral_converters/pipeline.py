"""The flow, top to bottom: a Keras model in, verified files out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from littoral import files
from littoral.errors import ConversionError, VerificationError

from littoral_converters.calibration import Data
from littoral_converters.calibration.doubts import warn_of
from littoral_converters.capacity import check_memory
from littoral_converters.description import Labels, Steps, read
from littoral_converters.isolation import isolated
from littoral_converters.jobs import Job, LeftOut, check_batch, check_streaming, jobs_of
from littoral_converters.making import sealed
from littoral_converters.mixing import Trial, is_poor, mixed, tried
from littoral_converters.preparation import Prepared, Request
from littoral_converters.preparation.handover import prepare
from littoral_converters.proof import (
    asking,
    batch_in,
    check_answers,
    check_tolerance,
    demand,
)
from littoral_converters.proof.batches import Ask
from littoral_converters.recommendation import FLOAT, recommended
from littoral_converters.sources.own_modules import Modules, names_of
from littoral_converters.verification import Verification

Report = Callable[[str], None]
Expect = Callable[[int], None]


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
        float_layers: Layers that its scheme would quantize and that were left float, because with
            them the file was too far from Keras; see `littoral_converters.mixing`.
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


class _Steps:
    """Tells of each step, and of how many there will be."""

    def __init__(self, planned: int, report: Report, expect: Expect) -> None:
        self._report, self._expect = report, expect
        self.planned = planned
        expect(planned)

    def begin(self, what: str) -> None:
        self._report(what)

    def add(self, more: int) -> None:
        """There will be so many more steps than was said, or fewer."""
        if more:
            self.planned += more
            self._expect(self.planned)


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
    modules: Modules = (),
    labels: Labels | None = None,
    preprocessing: Steps | None = None,
    left_out: LeftOut | None = None,
    recommend: bool = True,
    streaming: bool = False,
    context: int | None = None,
    report: Report = lambda step: None,
    expect: Expect = lambda steps: None,
    warn: Report = warn_of,
) -> list[Variant]:
    """Convert a Keras model to files that are proved to agree with it.

    Args:
        model: A .keras or .h5 file, or a built keras.Model.
        out: Folder for the files ``NAME.SCHEME.SUFFIX``; made when absent.
        formats: ``"tflite"``, ``"onnx"``.
        schemes: Names of files in `littoral_converters.schemes`.
        representative_data: What the model will see, for calibration; see
            `littoral_converters.calibration.read` and, for files that go through the card's
            preprocessing, `littoral_converters.calibration.reading`. static_int8 needs it.
        evaluation_data: Inputs with labels ``y`` to measure the accuracy on.
        lowering: ``"auto"``, ``"unrolled"``, ``"loop"`` or ``"fused"``.
        batch: Batch size of the files, None for any.
        tolerance: Root mean square error allowed against Keras, as a share of the output's; None
            takes each scheme's own limits.
        min_runtime: Releases that the files must run in, at most one for each format, for example
            ``("tflite-2.14", "ort-1.17")``; see `littoral_converters.runtimes`.
        io: What the files' float inputs and outputs are: ``"float32"`` or ``"float16"``.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        modules: Modules that define the model file's own layers, imported before it is opened; see
            `littoral_converters.sources.own_modules.import_modules`.
        labels: What the classes are called, for `littoral.Model.predict`: names in the order of the
            first output's last axis, or by output name; or a .txt (one a line) or .json file.
        preprocessing: How raw data becomes the input: steps as in `littoral.steps`, for the first
            input or by input name; or a .json file. Both go before what the model's file says.
        left_out: Called with a file that cannot be made, such as ``"tflite strict_int8"``, and the
            reason, in place of an error; float32 is never left out. None raises.
        recommend: Whether to time the files of a format in turn, 0.3 s each, and say which to ship.
        streaming: Whether to convert one time step of the model, with its state in and out, for
            `littoral.Model.stream`; the files are ``NAME.step.SCHEME.SUFFIX``.
        context: Steps that the attention and positions of a streamed model reach back; None for the
            model's length.
        report: Called with one line before each step.
        expect: Called with how many steps there will be, and again when that turns out otherwise.
        warn: Called with one line for each thing that is doubtful about the representative data: a
            single sample, a constant, far from the evaluation data. By default a `DataWarning`.

    Returns:
        One variant per format and scheme, in the order asked for.

    Raises:
        ConversionError: A layer that a format or scheme cannot express; nothing is written.
        VerificationError: A file does not agree with Keras; none of that call's files is kept.
        InputError: Names that are unknown or do not go together, a tolerance below 0, a batch below
            1, or data that does not fit.
    """
    check_tolerance(tolerance)
    check_batch(batch)
    description = read(labels, preprocessing)
    has_samples = representative_data is not None
    jobs = jobs_of(formats, schemes, lowering, has_samples, min_runtime, left_out, io)
    request = Request(
        forms=tuple(dict.fromkeys(job.form for job in jobs)),
        lowering=lowering,
        batch=batch,
        representative_data=representative_data,
        evaluation_data=evaluation_data,
        allow_unsafe=allow_unsafe,
        modules=names_of(modules),
        needs_labels=True,
        streaming=streaming,
        context=context,
        description=description,
    )
    check_streaming(streaming, batch, context)
    timed = _timed([(job.format, job.scheme) for job in jobs]) if recommend else {}
    steps = _Steps(1 + len(jobs) + len(timed), report, expect)
    with files.output_folder(out) as folder:
        steps.begin("opening and tracing the Keras model")
        prepared = prepare(model, request)
        check_answers(prepared)
        for doubt in prepared.warnings:
            warn(doubt)
        for form, graph in prepared.graphs.items():
            check_memory(form.format, len(graph.graph_def), f"{prepared.stem} as {form.format}")
        ask = asking(model, request)
        floats: dict[tuple[str, int], bytes] = {}
        made: list[tuple[Variant, bytes]] = []
        for job in jobs:
            what = f"{prepared.stem} as {job}"
            steps.begin(what)
            written = _written(job, prepared, floats, what)
            try:
                trial = _proved(job, written, prepared, tolerance, steps, ask)
                made.append(_variant(trial, prepared, folder))
            except (ConversionError, VerificationError) as error:
                if left_out is None or job.scheme == FLOAT:
                    raise
                left_out(str(job), str(error))
        if recommend:
            still = _timed([(variant.format, variant.scheme) for variant, _ in made])
            steps.add(len(still) - len(timed))
            made = [*_recommended(made, prepared, steps)]
        files.write_together({variant.path: content for variant, content in made})
        return [variant for variant, _ in made]


def _written(
    job: Job, prepared: Prepared, floats: dict[tuple[str, int], bytes], what: str
) -> bytes:
    """The float32 file that a job starts from; those of the format before are given up."""
    graph = prepared.graphs[job.form]
    key = job.format, id(graph)
    if key not in floats:
        for other in [known for known in floats if known[0] != job.format]:
            del floats[other]
        floats[key] = isolated(job.writer.write, graph, doing=f"writing {what}")
    return floats[key]


def _proved(
    job: Job,
    written: bytes,
    prepared: Prepared,
    tolerance: float | None,
    steps: _Steps,
    ask: Ask,
) -> Trial:
    """One file of the float32 file that its format wrote, proved."""
    what = f"{prepared.stem} as {job}"
    trial = tried(job, written, prepared, tolerance)
    if is_poor(trial, tolerance):
        steps.add(1)
        steps.begin(f"{what}: looking for layers to leave float")
        trial = mixed(trial, written, prepared, tolerance)
    if not trial.verification.passed:
        cause = batch_in(trial.content, job.scheme, prepared, tolerance, what, ask)
        demand(trial.verification, what, cause)
    return trial


def _variant(trial: Trial, prepared: Prepared, folder: Path) -> tuple[Variant, bytes]:
    """A proved file, finished."""
    job = trial.job
    content, oldest = sealed(job, trial.content, prepared, trial.verification)
    return Variant(
        path=folder / f"{prepared.file_stem}.{job.scheme}{job.writer.SUFFIX}",
        format=job.format,
        scheme=job.scheme,
        lowering=job.lowering,
        size_bytes=len(content),
        verification=trial.verification,
        min_runtime=oldest,
        float_layers=job.float_layers,
        warnings=prepared.warnings if job.quantizer.NEEDS_SAMPLES else (),
    ), content


def _timed(files_by: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Schemes by format, of those formats that there is something to choose from."""
    found: dict[str, list[str]] = {}
    for format_name, scheme in files_by:
        found.setdefault(format_name, []).append(scheme)
    return {name: own for name, own in found.items() if len(own) > 1 and FLOAT in own}


def _recommended(
    made: Sequence[tuple[Variant, bytes]], prepared: Prepared, steps: _Steps
) -> Iterator[tuple[Variant, bytes]]:
    """Say of each file whether it is the one of its format to ship."""
    best = {}
    for name, choice in _timed([(one.format, one.scheme) for one, _ in made]).items():
        steps.begin(f"timing the {len(choice)} {name} files in turn")
        contents = {one.scheme: content for one, content in made if one.format == name}
        best[name] = isolated(
            recommended, contents, prepared.evaluation, doing=f"timing the {name} files"
        )
    for variant, content in made:
        scheme = best.get(variant.format)
        is_best = None if scheme is None else variant.scheme == scheme
        yield dataclasses.replace(variant, recommended=is_best), content
