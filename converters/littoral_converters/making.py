"""One job done: the float32 file under its scheme, and the finished file with card and digest."""

from __future__ import annotations

import dataclasses
import importlib.metadata

from littoral import integrity

from littoral_converters.calibration import REPRESENTATIVE_SAMPLES
from littoral_converters.isolation import isolated
from littoral_converters.jobs import Job
from littoral_converters.preparation import Prepared
from littoral_converters.verification import Verification


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
    batch = prepared.graphs[job.form].inputs[0].shape[0] or 1
    samples = data.head(REPRESENTATIVE_SAMPLES).feeds(batch) if data is not None else []
    quantize = getattr(job.quantizer, job.format)
    extra = (job.keep_float,) if job.keep_float else ()
    made: bytes = isolated(quantize, content, samples, *extra, doing=f"quantizing {what}")
    tuned = getattr(job.writer, "tuned", None)
    if tuned is not None and job.runtime is None:
        made = isolated(tuned, made, doing=f"choosing the operators of {what}")
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
    card, ways = prepared.card, prepared.graphs[job.form].ways
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
