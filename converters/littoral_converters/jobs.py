"""What is to be made: one job per format and scheme, refused before any work when it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from littoral import plugins
from littoral.arguments import check_whole
from littoral.errors import InputError

from littoral_converters import formats, runtimes, schemes
from littoral_converters.graphs import Form

LOWERINGS = ("auto", "unrolled", "loop", "fused")

IO = ("float32", "float16")
"""What floating inputs and outputs of a file may be."""

LeftOut = Callable[[str, str], None]
"""Called with a file that is not made, such as ``"onnx int16x8"``, and the reason."""


@dataclass(frozen=True)
class Job:
    """One file to make.

    Attributes:
        format: Name of a file in `littoral_converters.formats`.
        scheme: Name of a file in `littoral_converters.schemes`.
        lowering: How recurrences are written.
        runtime: Release of an engine that the file must run in; None for any.
        float_layers: Keras layers that the scheme leaves float.
        keep_float: Their operators in the float32 file; see `littoral_converters.mixing.layers`.
        io: One of `IO`.
    """

    format: str
    scheme: str
    lowering: str = "auto"
    runtime: str | None = None
    float_layers: tuple[str, ...] = ()
    keep_float: frozenset[str] = frozenset()
    io: str = "float32"

    @property
    def form(self) -> Form:
        """What its graph is traced for."""
        quantizer = self.quantizer
        return Form(
            self.format,
            getattr(quantizer, "WEIGHT_BYTES", Form.weight_bytes),
            getattr(quantizer, "INTEGER", Form.integer),
        )

    @property
    def writer(self) -> ModuleType:
        """The format's module."""
        return plugins.load(formats, self.format)

    @property
    def quantizer(self) -> ModuleType:
        """The scheme's module."""
        return plugins.load(schemes, self.scheme)

    @property
    def releases(self) -> ModuleType:
        """What each release of the format's engine can load."""
        return plugins.load(runtimes, self.format)

    def __str__(self) -> str:
        """For messages, for example ``"tflite static_int8"``."""
        return f"{self.format} {self.scheme}"


def jobs_of(
    format_names: Sequence[str],
    scheme_names: Sequence[str],
    lowering: str,
    has_samples: bool,
    min_runtime: str | Sequence[str] | None = None,
    left_out: LeftOut | None = None,
    io: str = "float32",
) -> list[Job]:
    """Every combination that was asked for.

    Args:
        format_names: Formats; a repeated one counts once.
        scheme_names: Schemes, likewise.
        lowering: One of `LOWERINGS`.
        has_samples: Whether there is representative data.
        min_runtime: Releases that the files must run in, at most one for each format.
        left_out: Called with what a format cannot express, in place of an error.
        io: One of `IO`.

    Returns:
        The jobs, format by format.

    Raises:
        InputError: A name that is not known, a runtime of another format, a scheme that needs data
            without any, or a format that cannot express a scheme.
    """
    if not format_names or not scheme_names:
        raise InputError("nothing to convert to: give at least one format and one scheme")
    if lowering not in LOWERINGS:
        raise InputError(f"unknown lowering {lowering!r}: choose from {', '.join(LOWERINGS)}")
    if io not in IO:
        raise InputError(f"unknown type of inputs and outputs {io!r}: choose from {', '.join(IO)}")
    wanted = (min_runtime,) if isinstance(min_runtime, str) else tuple(min_runtime or ())
    releases: Mapping[str, str] = runtimes.by_format(wanted, format_names) if wanted else {}
    jobs = [
        Job(format_name, scheme_name, lowering, releases.get(format_name), io=io)
        for format_name in dict.fromkeys(format_names)
        for scheme_name in dict.fromkeys(scheme_names)
    ]
    return [job for job in jobs if _is_possible(job, has_samples, left_out)]


def check_batch(batch: int | None) -> None:
    """Refuse a batch that is neither a number of samples nor None.

    Raises:
        InputError: It is neither.
    """
    if batch is not None:
        check_whole("batch", batch)


def check_streaming(streaming: bool, batch: int | None, context: int | None) -> None:
    """Refuse what a step model cannot be made with.

    Raises:
        InputError: Another batch than 1, or a context that is no number of steps.
    """
    if not streaming:
        if context is not None:
            raise InputError("context is for streaming=True (--streaming): leave it out")
        return
    if batch != 1:
        raise InputError(
            f"streaming and batch {'any' if batch is None else batch} do not go together: a step "
            "model takes one stream; open several streams of the file"
        )
    if context is not None and context < 1:
        raise InputError(f"context is {context}: expected a number of steps, at least 1")


def _is_possible(job: Job, has_samples: bool, left_out: LeftOut | None) -> bool:
    assert job.writer
    reason = _reason_against(job)
    if reason:
        if left_out is None:
            raise InputError(reason)
        left_out(str(job), reason)
        return False
    if job.quantizer.NEEDS_SAMPLES and not has_samples:
        raise InputError(
            f"scheme {job.scheme} needs representative data "
            "(--representative-data FILE.npz, a few hundred typical inputs)"
        )
    return True


def _reason_against(job: Job) -> str:
    """Why a format cannot express a scheme; empty when it can."""
    if not hasattr(job.quantizer, job.format):
        return f"{job.format} cannot express the scheme {job.scheme}: take another of either"
    if job.io == "float16" and not getattr(job.quantizer, "HALF_IO", True):
        return (
            f"the scheme {job.scheme} does not go together with float16 inputs and outputs: "
            "take float16 or an int8 scheme with float ones"
        )
    return ""
