"""The search, top to bottom."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from littoral import files
from littoral.arguments import check_whole
from littoral.errors import InputError
from littoral.targets import Target, connect

from littoral_converters import sources
from littoral_converters.calibration import Data
from littoral_converters.calibration.doubts import warn_of
from littoral_converters.description import Labels, Steps, read
from littoral_converters.exploration import choosing, outcome, samples
from littoral_converters.exploration.budget import (
    FOR_LAST_PROOFS,
    FOR_LATENCY,
    Budget,
    Clock,
    system_clock,
)
from littoral_converters.exploration.candidates import Candidate, Choice, choice_of
from littoral_converters.exploration.demands import Demands, check_drop
from littoral_converters.exploration.locking import alone_in
from littoral_converters.exploration.mending import mend
from littoral_converters.exploration.outcome import Found, RuledOut, Search, found_of, write
from littoral_converters.exploration.proofs import FOLDER, Proof, Proofs, key_of
from littoral_converters.exploration.proving import prove_all
from littoral_converters.exploration.racing import Timed, race
from littoral_converters.exploration.settings import Setting, formats_of, settings_of
from littoral_converters.exploration.work import Work
from littoral_converters.exploration.workshop import Report, Workshop
from littoral_converters.jobs import check_batch
from littoral_converters.preparation import Request
from littoral_converters.sources.own_modules import Modules, digests_of, names_of

NO_TIME = "the budget ended before it was proved"


def search(
    model: Any,
    out: str | os.PathLike[str],
    *,
    max_drop: float,
    evaluation_data: Data,
    representative_data: Data | None = None,
    max_size: int | None = None,
    target: str = "local",
    budget_s: float | None = None,
    formats: Sequence[str] | None = None,
    schemes: Sequence[str] | None = None,
    lowerings: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    engines: Sequence[str] | None = None,
    batch: int | None = 1,
    allow_unsafe: bool = False,
    modules: Modules = (),
    labels: Labels | None = None,
    preprocessing: Steps | None = None,
    report: Report = lambda step: None,
    warn: Report = warn_of,
    clock: Clock = system_clock,
) -> Search:
    """Find the fastest file of a model that keeps its accuracy.

    Every format, scheme, lowering and engine option is tried, the cheap proofs first: size, then
    accuracy on the evaluation data, then latency, measured interleaved on the target. Where int8
    costs too much accuracy, the layers to blame are found and left float. What is proved stays in
    the folder, and a second search of the same model, data and tools goes on from there; latencies
    are measured anew, because only those of the same rounds can be compared.

    Args:
        model: As for `littoral_converters.convert`.
        out: Folder; made when absent. It gets the best file as ``NAME.SUFFIX``, ``search.json``,
            ``report.html``, and the others under ``variants/``.
        max_drop: Points of accuracy that may be lost against Keras; where the labels ``y`` are
            values, percent that the mean absolute error may grow.
        evaluation_data: Inputs with labels ``y``.
        representative_data: Typical inputs to calibrate on; without them there is no static int8.
        max_size: Bytes that the file may have; None for any.
        target: Address of the machine to measure on; see `littoral.targets.connect`.
        budget_s: Seconds after which it stops with what it has; None for no end. Opening the model
            and one proof are done in any case.
        formats: Names of formats, None for all.
        schemes: Names of schemes, None for all that gain anything.
        lowerings: Ways to write recurrences, None for all.
        threads: Numbers of threads to try, None for 1, 2 and 4 as far as the target has cores.
        engines: Engines to try beside the usual one, None for all of the formats, an empty list for
            no other. Formats that none of those named runs are not tried.
        batch: Batch size of the files, None for any.
        allow_unsafe: Whether Python code stored in the model file (Lambda) may run.
        modules: Modules that define the model file's own layers, imported before it is opened; see
            `littoral_converters.sources.own_modules.import_modules`.
        labels: What the classes are called, for `littoral.Model.predict`: names in the order of the
            first output's last axis, or by output name; or a .txt (one a line) or .json file.
        preprocessing: How raw data becomes the input: steps as in `littoral.steps`, for the first
            input or by input name; or a .json file. Both go before what the model's file says.
        report: Called with one line before each step.
        warn: Called with one line for each thing that is doubtful about the representative data.
            By default a `DataWarning`.
        clock: Seconds, monotonic.

    Returns:
        The best file, the Pareto front, every variant, and what was ruled out and why. ``best`` is
        None where nothing meets the demands.

    Raises:
        InputError: An argument or the data does not fit, or the folder cannot be written or is
            that of another search under way.
        ConversionError: The model cannot be traced at all.
        TargetError: The target cannot be used.
    """
    budget = Budget(budget_s, clock)
    description = read(labels, preprocessing)
    check_drop(max_drop)
    check_batch(batch)
    if max_size is not None:
        check_whole("max_size", max_size)
    _check_named(formats=formats, schemes=schemes, lowerings=lowerings, threads=threads)
    demands = Demands(max_drop, max_size)
    formats = formats_of(formats, engines)
    choice = choice_of(formats, schemes, lowerings, representative_data is not None)
    machine = connect(target)
    settings = settings_of(machine, threads, engines, choice.formats)
    own = names_of(modules)
    matters = {
        "batch": batch,
        **(dataclasses.asdict(description) if description else {}),
        **({"modules": digests_of(own)} if own else {}),
    }
    request = Request(
        forms=choice.forms,
        batch=batch,
        representative_data=representative_data,
        evaluation_data=evaluation_data,
        allow_unsafe=allow_unsafe,
        modules=own,
        needs_labels=True,
        description=description,
    )
    wanted = _Wanted(demands, choice, settings, machine, matters)
    with (
        files.output_folder(out) as folder,
        alone_in(folder),
        files.output_folder(folder / FOLDER),
    ):
        return _searched(model, folder, request, wanted, budget, report, warn)


def _check_named(**asked: Sequence[object] | None) -> None:
    """Refuse a list of what to try that is empty."""
    for what, names in asked.items():
        if names is not None and not names:
            raise InputError(f"{what} is empty: name at least one, or leave it out for all")


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What a search was asked for, checked.

    Attributes:
        demands: Limits on a file.
        choice: What to try.
        settings: Ways to run a file, the plain one first.
        machine: Where to measure.
        matters: What proofs hold for beside the model and the data.
    """

    demands: Demands
    choice: Choice
    settings: list[Setting]
    machine: Target
    matters: dict[str, Any]


def _searched(
    model: Any,
    folder: Path,
    request: Request,
    wanted: _Wanted,
    budget: Budget,
    report: Report,
    warn: Report,
) -> Search:
    """The search in a folder that nobody else uses."""
    demands, choice, machine = wanted.demands, wanted.choice, wanted.machine
    data = {"evaluation": request.evaluation_data, "representative": request.representative_data}
    proofs = Proofs(folder, key_of(model, data, wanted.matters))
    workshop = Workshop(model, request, report)
    _learn(workshop, proofs)
    for doubt in proofs.doubts:
        warn(doubt)
    candidates = choice.candidates(proofs.layer_classes)
    untried, notes = _tried(Work(candidates, workshop, proofs, demands, budget, report))
    entrants = _entrants(candidates, proofs, demands)
    timed_on = samples.written(workshop, proofs)
    timed, failures = race(entrants, wanted.settings, proofs, machine, timed_on, budget, report)
    ruled_out = [
        *(RuledOut(candidate, NO_TIME) for candidate in untried),
        *_ruled_out(candidates, proofs, demands),
        *(RuledOut(failure.proof.candidate, failure.reason, failure.proof) for failure in failures),
    ]
    report("writing the report")
    for one in timed:
        proofs.content(one.proof)
    best = choosing.best(timed)
    _place_best(best, proofs, folder)
    variants = _variants(timed, best, proofs, folder, _family(model))
    facts = {
        "model": proofs.stem,
        "metric": _metric(proofs),
        "max_drop": demands.max_drop,
        "max_size": demands.max_size,
        "target": machine.name,
        "environment": timed[0].measurement.environment if timed else machine.environment(),
        "emulated": any(one.measurement.emulated for one in timed),
        "sensitivity": _sensitivity(proofs, candidates),
        "notes": [
            *notes,
            *(f"{name} was left out: {why}" for name, why in choice.left_out.items()),
        ],
        "warnings": list(proofs.doubts),
        "budget_s": budget.seconds,
        "complete": not untried,
        "seconds": round(budget.spent, 1),
    }
    machine.close()
    return write(folder, str(proofs.stem), variants, best is not None, ruled_out, demands, facts)


def _tried(work: Work) -> tuple[list[Candidate], list[str]]:
    """Prove what there is time for, the float files before any layer is looked for.

    Returns:
        What there was no time for, and what did not work out, in words.
    """
    untried = prove_all(work)
    floats = [candidate for candidate in untried if candidate.is_float]
    if floats:
        untried = prove_all(work, (FOR_LATENCY, FOR_LATENCY), floats)
    if any(candidate in floats for candidate in untried):
        return untried, []
    notes = mend(work)
    if untried:
        untried = prove_all(work, (FOR_LAST_PROOFS, FOR_LATENCY))
        notes = mend(work)
    return untried, notes


def _learn(workshop: Workshop, proofs: Proofs) -> None:
    """What is asked of the model before anything is made; a second search need not open it."""
    if proofs.stem is None:
        proofs.stem, proofs.layer_classes = workshop.stem, workshop.layer_classes
        proofs.doubts = workshop.opened().warnings
        proofs.save()


def _entrants(candidates: Sequence[Candidate], proofs: Proofs, demands: Demands) -> list[Proof]:
    """Files of these candidates, mixed ones too, that met every demand so far."""
    return [
        proof
        for proof in proofs.all()
        if proof.file is not None
        and proof.verification is not None
        and dataclasses.replace(proof.candidate, float_layers=()) in candidates
        and not demands.miss(proof)
    ]


def _ruled_out(candidates: Sequence[Candidate], proofs: Proofs, demands: Demands) -> list[RuledOut]:
    found = []
    for proof in proofs.all():
        candidate = proof.candidate
        is_trial = candidate.is_mixed and proof.file is None
        if is_trial or dataclasses.replace(candidate, float_layers=()) not in candidates:
            continue
        reason = demands.miss(proof)
        if proof.same_as:
            reason = f"it is the same file as {proof.same_as}"
        if reason:
            found.append(RuledOut(candidate, reason, proof))
    return found


def _place_best(best: Timed | None, proofs: Proofs, folder: Path) -> None:
    """Copy the best file under the model's name; remove what an earlier search of it left.

    Raises:
        InputError: It is not the file that was proved.
    """
    content = None if best is None else proofs.content(best.proof)
    earlier = outcome.earlier_best(folder, str(proofs.stem))
    if earlier is not None:
        earlier.unlink()
    if best is not None and content is not None:
        files.write_atomically(_best_path(best, proofs, folder), content)


def _best_path(best: Timed, proofs: Proofs, folder: Path) -> Path:
    return folder / f"{proofs.stem}{best.proof.candidate.job().writer.SUFFIX}"


def _variants(
    timed: Sequence[Timed], best: Timed | None, proofs: Proofs, folder: Path, family: str | None
) -> list[Found]:
    """Every file and setting with its figures: the best first, then by latency."""
    ranked = sorted(timed, key=lambda one: (one is not best, one.measurement.latency_p50.value))
    return [
        found_of(
            one.proof,
            _best_path(one, proofs, folder) if one is best else proofs.path(one.proof),
            family,
            one,
        )
        for one in ranked
    ]


def _sensitivity(proofs: Proofs, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """How much each layer alone costs, the most sensitive first."""
    floats = {
        dataclasses.replace(proof.candidate, float_layers=()): proof.candidate.float_layers
        for proof in proofs.all()
        if proof.candidate.is_mixed and proof.file is not None
    }
    return [
        {
            "format": candidate.format,
            "scheme": candidate.scheme,
            "layers": [
                {
                    "layer": layer,
                    "rms_error": error if math.isfinite(error) else None,
                    "is_float": layer in floats.get(candidate, ()),
                }
                for layer, error in sorted(
                    proofs.sensitivity[candidate.key].items(), key=lambda entry: -entry[1]
                )
            ],
        }
        for candidate in candidates
        if candidate.key in proofs.sensitivity
    ]


def _metric(proofs: Proofs) -> str | None:
    """What the labels are held against; None where nothing was proved."""
    known = (proof.verification.metric for proof in proofs.all() if proof.verification)
    return next((metric for metric in known if metric), None)


def _family(model: Any) -> str | None:
    if not isinstance(model, (str, os.PathLike)):
        return None
    card = sources.card_in(Path(model))
    return card.family if card else None
