"""A poor file made good: the layers that its scheme costs most are left float.

A file is poor that breaks the limits of its scheme, and without labels also one whose error is over
the scheme's `GOOD_ERROR`: whether the model's answers bear it, labels alone could tell. It is the
root mean square one, or half the largest of any value if that is more: where a steep function
ends a model, a few values may be far off and the mean is not.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Collection, Mapping, Sequence

from littoral.errors import (
    ConversionError,
    EngineError,
    EngineNotInstalled,
    LittoralError,
    ModelError,
)

from littoral_converters.calibration import Dataset
from littoral_converters.isolation import isolated
from littoral_converters.jobs import Job
from littoral_converters.making import quantized
from littoral_converters.mixing.layers import operators_by_layer, operators_of
from littoral_converters.mixing.sparing import spared
from littoral_converters.preparation import Prepared
from littoral_converters.proof import held, limits_of
from littoral_converters.verification import Verification

SECONDS = 60.0
"""Of trials, for one file."""

SAMPLES = 32
"""Of either data that a trial sees: it ranks and looks for layers, it proves nothing."""

MARGIN = 0.6
"""Share of the error allowed that is searched for, since more data may find more."""

WORTH = 0.7
"""Layers stay float only where that takes the error below this share of what it was."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """A file that is not finished, and how it compares with Keras.

    Attributes:
        job: What was made.
        content: The file without its card.
        verification: The comparison, passed or not.
    """

    job: Job
    content: bytes
    verification: Verification


def tried(job: Job, written: bytes, prepared: Prepared, tolerance: float | None) -> Trial:
    """Make a file and compare it.

    Args:
        job: What to make.
        written: The float32 file that the job's format wrote.
        prepared: The model and the data.
        tolerance: As `littoral_converters.convert` takes it.

    Raises:
        ConversionError: It cannot be made, or the engine does not run what was made.
    """
    what = f"{prepared.stem} as {job}"
    content = quantized(job, written, prepared, what)
    try:
        return Trial(job, content, held(content, job.scheme, prepared, tolerance, what))
    except EngineNotInstalled:
        raise
    except (EngineError, ModelError) as error:
        reason = str(error).removeprefix("<bytes>: ")
        raise ConversionError(
            f"{what} does not run: {reason}; leave out this scheme or format"
        ) from error


def is_poor(trial: Trial, tolerance: float | None) -> bool:
    """Whether a file of a scheme that can leave layers float should."""
    if not getattr(trial.job.quantizer, "KEEPS_FLOAT", False):
        return False
    found = trial.verification
    goal = _goal(trial.job, tolerance)
    return not found.passed or (found.metric is None and _error(trial, tolerance) > goal)


def mixed(trial: Trial, written: bytes, prepared: Prepared, tolerance: float | None) -> Trial:
    """The file with as few layers float as bring it to its goal.

    Args:
        trial: The poor file.
        written: The float32 file that it was made of.
        prepared: The model and the data.
        tolerance: As `littoral_converters.convert` takes it.

    Returns:
        The better file; the poor one where leaving layers float does not help.
    """
    what = f"{prepared.stem} as {trial.job}"
    graph = prepared.graphs[trial.job.form]
    layers: dict[str, tuple[str, ...]] = isolated(
        operators_by_layer, trial.job.format, written, graph, doing=f"reading the layers of {what}"
    )
    better = _close(trial, written, prepared, tolerance, layers)
    if better is None:
        return trial
    gains = _error(better, tolerance) < WORTH * _error(trial, tolerance)
    if trial.verification.passed and not gains:
        return trial
    # What is left may be too small to be quantized: then this is the float file.
    bare = quantized(_leaving(trial.job, layers, layers), written, prepared, what)
    return trial if better.content == bare else better


def _close(
    trial: Trial,
    written: bytes,
    prepared: Prepared,
    tolerance: float | None,
    layers: Mapping[str, Sequence[str]],
) -> Trial | None:
    """The file with as few layers float as let it pass; None for none that is found in time.

    Arguments as for `mixed`, and the operators of each layer.
    """
    few = _few(prepared)

    @functools.cache
    def error_of(floats: frozenset[str]) -> float:
        try:
            made = tried(_leaving(trial.job, floats, layers), written, few, tolerance)
        except LittoralError:
            # What cannot even be made with these layers quantized is their fault.
            return math.inf
        error = _error(made, tolerance)
        return error if math.isfinite(error) else math.inf

    ends = time.monotonic() + SECONDS
    goal, floats = MARGIN * _goal(trial.job, tolerance), frozenset[str]()
    while (left := ends - time.monotonic()) >= 0:
        known = floats
        kept = spared(tuple(layers), lambda names: error_of(frozenset(names)), goal, left)
        floats = frozenset(kept)
        if floats <= known:
            return None
        better = tried(_leaving(trial.job, floats, layers), written, prepared, tolerance)
        if better.verification.passed:
            return better
        # A file may keep the limit of its error and lose too many labels: then it has to be closer.
        goal = MARGIN * min(goal, _error(better, tolerance))
    return None


def _goal(job: Job, tolerance: float | None) -> float:
    """Error up to which a file is good."""
    limit = limits_of(job.scheme, tolerance).rms_error
    return limit if tolerance is not None else getattr(job.quantizer, "GOOD_ERROR", limit)


def _error(trial: Trial, tolerance: float | None) -> float:
    """What is held against the goal; a tolerance is one on the root mean square error."""
    found = trial.verification
    if tolerance is not None or not hasattr(trial.job.quantizer, "GOOD_ERROR"):
        return found.rms_error
    return max(found.rms_error, found.relative_error / 2)


def _leaving(job: Job, floats: Collection[str], layers: Mapping[str, Sequence[str]]) -> Job:
    """The job with some layers left float."""
    names = tuple(name for name in layers if name in floats)
    return dataclasses.replace(job, float_layers=names, keep_float=operators_of(names, layers))


def _few(prepared: Prepared) -> Prepared:
    """The model with less data; what is proved step by step keeps its sequences."""
    representative = prepared.representative
    if representative is not None:
        prepared = dataclasses.replace(prepared, representative=representative.head(SAMPLES))
    if prepared.streamed is not None:
        return prepared
    return dataclasses.replace(
        prepared,
        evaluation=Dataset(prepared.evaluation.head(SAMPLES).inputs),
        reference=Dataset(prepared.reference).head(SAMPLES).inputs,
    )
