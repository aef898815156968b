"""Proof: a file is run through the runtime that users have and held against Keras."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral import files, formats, integrity, plugins
from littoral.errors import (
    ConversionError,
    FormatError,
    InputError,
    VerificationError,
)
from littoral.pairing import pair_outputs
from littoral.source import explained

from littoral_converters import schemes
from littoral_converters.calibration import Data, Dataset
from littoral_converters.calibration.doubts import warn_of
from littoral_converters.isolation import isolated
from littoral_converters.preparation import Prepared, Request
from littoral_converters.preparation.handover import prepare
from littoral_converters.proof import batches
from littoral_converters.proof.batches import Ask
from littoral_converters.proof.execution import batch_of, outputs_of, stepped_outputs_of
from littoral_converters.sources.own_modules import Modules, names_of
from littoral_converters.verification import (
    NO_LIMITS,
    Limits,
    Outputs,
    Verification,
    compare,
    not_finite,
)

if TYPE_CHECKING:
    from littoral_converters.stepping import Streamed


Report = Callable[[str], object]

_ADVICE = "leave out this scheme, give more representative data, or raise --tolerance"


def held(
    content: bytes, scheme: str, prepared: Prepared, tolerance: float | None, what: str
) -> Verification:
    """Compare a fresh file with Keras.

    Args:
        content: The file's bytes.
        scheme: Its scheme, whose limits hold.
        prepared: The data, and Keras's outputs on it.
        tolerance: Root mean square error allowed, as a share of the output's, in their place.
        what: The file, as a message calls it.

    Returns:
        The comparison; ``passed`` says whether it keeps the limits.
    """
    limits = limits_of(scheme, tolerance)
    if prepared.streamed is not None:
        streamed = prepared.streamed
        outputs = isolated(stepped_outputs_of, content, streamed, doing=f"streaming {what}")
        return _compare_steps(streamed, prepared.reference, outputs, limits)
    outputs = isolated(outputs_of, content, prepared.evaluation, doing=f"running {what}")
    return compare(prepared.reference, outputs, prepared.evaluation.labels, limits)


def check_tolerance(tolerance: float | None) -> None:
    """Refuse a tolerance that no file keeps, or every one.

    Raises:
        InputError: It is negative, infinite or no number.
    """
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise InputError(
            f"the tolerance is a share of the output such as 0.01, from 0, not {tolerance}"
        )


def check_answers(prepared: Prepared) -> None:
    """Refuse a model that Keras itself does not answer with numbers, and labels for other answers.

    Raises:
        ConversionError: An output is infinite, no number or empty: which, for how many samples.
        InputError: No accuracy of the model can be counted from the labels.
    """
    problem = not_finite(prepared.reference)
    if problem:
        raise ConversionError(
            f"{problem}: give data as the model was trained on (representative_data, "
            "evaluation_data), or look in the model for an overflow or a division by zero"
        )
    for name, values in prepared.reference.items():
        if not values.size:
            raise ConversionError(
                f"Keras's own output {name!r} is empty, of shape {values.shape}: neither TFLite "
                "nor ONNX is proved by it; give longer inputs, such as a signal of at least one "
                "frame, or leave that output out of the model"
            )
    labels = prepared.evaluation.labels
    if labels is not None and prepared.streamed is None:
        compare(prepared.reference, prepared.reference, labels, NO_LIMITS)


def asking(model: Any, request: Request) -> Ask:
    """What Keras answers on other data than its files are held against.

    Args:
        model: As `littoral_converters.preparation.handover.prepare` takes it.
        request: What was wanted of it.

    Returns:
        A function from data to Keras's outputs on it. It opens the model anew.
    """

    def ask(data: Dataset) -> Outputs:
        bare = Request(allow_unsafe=request.allow_unsafe, modules=request.modules)
        return prepare(model, dataclasses.replace(bare, evaluation_data=data.inputs)).reference

    return ask


def batch_in(
    content: bytes, scheme: str, prepared: Prepared, tolerance: float | None, what: str, ask: Ask
) -> str:
    """Whether a file is only wrong for the number of samples: see `batches.batch_in`.

    Args:
        content: The bytes of a file that did not pass.
        scheme: Its scheme, whose limits hold.
        prepared: The data, and Keras's outputs on it.
        tolerance: As `held` takes it.
        what: The file, as a message calls it.
        ask: See `asking`.

    Returns:
        That, for a message, or that integers overflow; empty where it is wrong on a single sample
        too.
    """
    if prepared.streamed is not None:
        return ""

    def run(data: Dataset) -> Outputs:
        return isolated(outputs_of, content, data, doing=f"running {what}")

    outputs = run(prepared.evaluation)
    return batches.batch_in(outputs, prepared, limits_of(scheme, tolerance), ask, run)


def demand(found: Verification, what: str, cause: str = "") -> None:
    """Refuse a file that does not agree with Keras.

    Args:
        found: Its comparison.
        what: The file, as a message calls it.
        cause: Why it does not, where that is known.

    Raises:
        VerificationError: It did not pass.
    """
    if not found.passed:
        raise VerificationError(
            f"{what} does not agree with Keras: {found.reason}; {cause or _ADVICE}"
        )


def _compare_steps(
    streamed: Streamed, reference: Outputs, outputs: Outputs, limits: Limits
) -> Verification:
    """The comparison after every end; the metric is that of the last, where labels are for it."""
    found = compare(reference, outputs, None, limits)
    labels = streamed.sequences.labels
    if not found.passed or labels is None:
        return found
    last = len(streamed.ends) - 1
    each, other = ({n: v[last :: last + 1] for n, v in s.items()} for s in (reference, outputs))
    ends = compare(each, other, labels, limits)
    return dataclasses.replace(
        found,
        **{name: getattr(ends, name) for name in ("metric", "value", "float_value")},
        **{name: getattr(ends, name) for name in ("passed", "reason")},
    )


def verify(
    model: Any,
    artifact: str | os.PathLike[str],
    *,
    data: Data | None = None,
    tolerance: float | None = None,
    allow_unsafe: bool = False,
    modules: Modules = (),
    report: Report = lambda step: None,
    warn: Report = warn_of,
) -> Verification:
    """Compare any model file with a Keras model.

    Args:
        model: A .keras or .h5 file, or a built keras.Model.
        artifact: A .tflite or .onnx file, ours or anybody's.
        data: Inputs, with labels ``y`` where the accuracy is wanted; None takes random inputs.
        tolerance: Root mean square error allowed, as a share of the output's; None takes the limits
            of the scheme that the file's card names, float32's where it has none.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        modules: Modules that define the model file's own layers, imported before it is opened; see
            `littoral_converters.sources.own_modules.import_modules`.
        report: Called with one line before each step.
        warn: Called with one line for each thing that makes the comparison say little: layers whose
            state is left out, outputs that never change. By default a `DataWarning`.

    Returns:
        The comparison; ``passed`` says whether it keeps the limits.

    Raises:
        LittoralError: A file that cannot be opened, data that does not fit, a tolerance below 0.
    """
    check_tolerance(tolerance)
    content = _read(Path(artifact))
    with explained(str(artifact)):
        if formats.sniff(content) == "keras":
            raise FormatError(
                "a Keras file is what `littoral convert` starts from; give its result"
            )
        integrity.check(content)
        card = integrity.read_card(content)
    scheme = card.scheme if card is not None and card.scheme else "float32"
    request = Request(evaluation_data=data, allow_unsafe=allow_unsafe, modules=names_of(modules))
    asked = getattr(model, "name", model)
    if card is not None and card.stream is not None:
        context = card.stream.context
        report(f"asking {asked} step by step")
        prepared = prepare(model, dataclasses.replace(request, streaming=True, context=context))
        for doubt in prepared.warnings:
            warn(doubt)
        return held(content, scheme, prepared, tolerance, str(artifact))
    report(f"asking {asked}")
    batch = isolated(batch_of, content, doing=f"opening {artifact}")
    prepared = prepare(model, dataclasses.replace(request, batch=batch))
    for doubt in prepared.warnings:
        warn(doubt)
    report(f"running {artifact}")
    called, doing = (str(asked), str(artifact)), f"running {artifact}"

    def run(data: Dataset) -> Outputs:
        given = isolated(outputs_of, content, data, called, doing=doing)
        return _under_keras_names(given, prepared.reference)

    limits = limits_of(scheme, tolerance)
    outputs = run(prepared.evaluation)
    found = compare(prepared.reference, outputs, prepared.evaluation.labels, limits)
    if found.passed:
        return found
    cause = batches.batch_in(outputs, prepared, limits, asking(model, request), run)
    return dataclasses.replace(found, reason=f"{found.reason}; {cause}" if cause else found.reason)


def limits_of(scheme: str, tolerance: float | None) -> Limits:
    """What a file of a scheme may differ by; a tolerance given by hand replaces all of it."""
    if tolerance is not None:
        return Limits(max_error=None, rms_error=tolerance, max_drop=100.0)
    known = scheme if scheme in plugins.names(schemes) else "float32"
    module = plugins.load(schemes, known)
    return Limits(module.MAX_ERROR, module.RMS_ERROR, module.MAX_DROP)


def _under_keras_names(outputs: dict[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    """A foreign file has its own names."""
    pairs = pair_outputs(reference, outputs)
    is_whole = len(pairs) == len(outputs) == len(reference)
    return {name: outputs[own] for name, own in pairs} if is_whole else outputs


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {files.reason_of(error)}") from error
