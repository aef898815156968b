"""When int8 costs too much accuracy: find the layers to blame and leave just those float.

1. Each layer alone is quantized, the rest left float, and the file held against Keras: its error is
   the layer's sensitivity.
2. The most sensitive layers are left float, as few as meet the limit
   (`littoral_converters.mixing.sparing.fewest`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from littoral import plugins
from littoral.errors import LittoralError

from littoral_converters import schemes
from littoral_converters.exploration import proving
from littoral_converters.exploration.budget import FOR_LATENCY, Budget
from littoral_converters.exploration.candidates import AUTO, Candidate
from littoral_converters.exploration.demands import Demands
from littoral_converters.exploration.proofs import Proof, Proofs, problem_of
from littoral_converters.exploration.work import Work
from littoral_converters.exploration.workshop import Workshop
from littoral_converters.mixing.sparing import fewest

SAMPLES = 128
"""Samples of either data that a sensitivity is measured on: it ranks, it proves nothing."""


class OutOfTime(Exception):
    """The budget ended before the layers to blame were found."""


def mend(work: Work) -> list[str]:
    """Make a mixed file for every candidate that misses the accuracy and can leave layers float.

    Args:
        work: The candidates that were tried, and their proofs, which get the mixed ones.

    Returns:
        What did not work out, in words.
    """
    notes = []
    for candidate in work.candidates:
        proof = work.proofs.get(candidate)
        if proof is None or not is_mendable(proof, work.demands):
            continue
        try:
            floats = _layers_to_blame(candidate, work)
        except OutOfTime:
            notes.append(f"{candidate}: the budget ended before the layers to blame were found")
            continue
        if floats is None:
            notes.append(f"{candidate}: leaving single layers float does not mend it")
            continue
        mixed = dataclasses.replace(candidate, float_layers=floats)
        known = work.proofs.get(mixed)
        if known is None or known.file is None:
            made = proving.make(mixed, work)
            if made.file is not None:
                proving.prove(made, work)
    return notes


def is_mendable(proof: Proof, demands: Demands) -> bool:
    """Whether a file loses too much accuracy in a scheme that can leave layers float."""
    scheme = plugins.load(schemes, proof.candidate.scheme)
    return (
        getattr(scheme, "KEEPS_FLOAT", False)
        and proof.candidate.lowering == AUTO
        and not proof.candidate.is_mixed
        and proof.verification is not None
        and bool(demands.miss_of(proof.verification))
    )


def _layers_to_blame(candidate: Candidate, work: Work) -> tuple[str, ...] | None:
    """Layers to leave float, in the model's order."""
    workshop, proofs, budget = work.workshop, work.proofs, work.budget
    layers = _known_layers(candidate, workshop, proofs)
    alone = proofs.sensitivity.setdefault(candidate.key, {})
    began, known_before = budget.spent, len(alone)
    for count, layer in enumerate(layers):
        if layer not in alone:
            _check(budget, "blaming", candidate)
            outlook = budget.outlook(began, count - known_before, len(layers) - count)
            work.report(f"{candidate}: sensitivity of {layer}{outlook}")
            others = tuple(name for name in layers if name != layer)
            with budget.step("blaming", candidate.key):
                alone[layer] = _error_of(candidate, others, workshop)
            proofs.save()

    def holds(kept: Sequence[str]) -> bool:
        ordered = tuple(name for name in layers if name in kept)
        trial = dataclasses.replace(candidate, float_layers=ordered)
        known = proofs.get(trial)
        if known is None:
            _check(budget, "trying", candidate)
            work.report(f"trying {trial}")
            with budget.step("trying", candidate.key):
                known = proofs.put(_trial(trial, workshop))
        verification = known.verification
        return verification is not None and not work.demands.miss_of(verification)

    ranked = sorted(layers, key=lambda name: -alone[name])
    found = fewest(ranked, holds)
    return None if found is None else tuple(name for name in layers if name in found)


def _known_layers(candidate: Candidate, workshop: Workshop, proofs: Proofs) -> tuple[str, ...]:
    """Layers in the model's order; from the proofs where all of them are known."""
    names = proofs.layers.get(candidate.key)
    if names is None:
        names = proofs.layers[candidate.key] = tuple(workshop.layers(candidate))
        proofs.save()
    return names


def _error_of(candidate: Candidate, floats: tuple[str, ...], workshop: Workshop) -> float:
    single = dataclasses.replace(candidate, float_layers=floats)
    try:
        return workshop.error_on_few(single, workshop.make(single, SAMPLES), SAMPLES)
    except LittoralError:
        # What cannot even be made with this layer quantized is the layer's fault.
        return float("inf")


def _trial(candidate: Candidate, workshop: Workshop) -> Proof:
    """A proof without a file: only the layers that are found in the end get one."""
    try:
        content = workshop.make(candidate)
        return Proof(candidate, verification=workshop.prove(candidate, content))
    except LittoralError as error:
        return Proof(candidate, problem=problem_of(error))


def _check(budget: Budget, work: str, candidate: Candidate) -> None:
    if budget.is_over(FOR_LATENCY, budget.expected(work, candidate.key)):
        raise OutOfTime
