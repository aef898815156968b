"""The cheap proofs, for every candidate: can it be made, how large is it, how accurate is it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from littoral import files
from littoral.errors import ConversionError, EngineError, ModelError

from littoral_converters.exploration.budget import FOR_MENDING, FOR_PROOFS, Reserve
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.proofs import Proof, digest_of, problem_of
from littoral_converters.exploration.work import Work


def prove_all(
    work: Work,
    reserves: tuple[Reserve, Reserve] = (FOR_PROOFS, FOR_MENDING),
    only: Collection[Candidate] | None = None,
) -> list[Candidate]:
    """Make every candidate for its size, then prove those that are small enough.

    Sizes come first because they are cheap, and the smallest file is proved first. One candidate is
    proved whatever the budget, so that a search always gets on: a float one where the budget is
    over before the first.

    Args:
        work: What to try, and with what; what is proved already is not done again.
        reserves: What of the budget is kept back while making, and while proving.
        only: Candidates to do now; None for all.

    Returns:
        Candidates that the budget left no time for.
    """
    candidates, workshop, proofs = work.candidates, work.workshop, work.proofs
    budget = work.budget
    todo = [
        candidate
        for candidate in candidates
        if not _is_settled(proofs.get(candidate), candidates)
        and (only is None or candidate in only)
    ]
    if todo:
        workshop.opened()
    began = budget.spent
    if budget.is_over(reserves[0]):
        todo.sort(key=lambda candidate: not candidate.is_float)
    for count, candidate in enumerate(todo):
        place = f"{candidate.format} {candidate.lowering}"
        is_late = budget.is_over(reserves[0], budget.expected("making", place))
        if is_late and any(p.file is not None for p in proofs.all()):
            break
        known = proofs.get(candidate)
        if known is None or known.same_as:
            outlook = budget.outlook(began, count, 2 * len(todo) - count)
            work.report(f"making {candidate}{outlook}")
            with budget.step("making", place):
                make(candidate, work)
    made = [p for p in map(proofs.get, todo) if p is not None and not p.is_settled]
    fitting = sorted(
        (p for p in made if not work.demands.miss(p)),
        key=lambda p: (p.size_bytes or 0, p.candidate),
    )
    for count, proof in enumerate(fitting):
        ahead = budget.expected("comparing", proof.candidate.format)
        if budget.is_over(reserves[1], ahead) and any(p.verification for p in proofs.all()):
            break
        outlook = budget.outlook(began, len(todo) + count, len(fitting) - count)
        work.report(f"comparing {proof.candidate} with Keras{outlook}")
        with budget.step("comparing", proof.candidate.format):
            prove(proof, work)
    return [c for c in candidates if _is_open(proofs.get(c), work)]


def make(candidate: Candidate, work: Work) -> Proof:
    """Make a candidate's file and keep it with its size; or keep why it cannot be made.

    One that is the same file as another that is tried needs none. A lowering that writes the same
    float file as one before it is not even quantized.

    Args:
        candidate: What to make.
        work: With what; its proofs get the one returned.

    Returns:
        The proof.
    """
    workshop, proofs = work.workshop, work.proofs
    try:
        lowerings = tuple(dict.fromkeys(other.lowering for other in work.candidates))
        twin_lowering = workshop.twin_lowering(candidate, lowerings)
        if twin_lowering is not None:
            same = dataclasses.replace(candidate, lowering=twin_lowering)
            return proofs.put(Proof(candidate, same_as=same.key))
        content = workshop.make(candidate)
        digest = workshop.fingerprint(candidate, content)
        twin = proofs.twin_of(candidate, digest, work.candidates)
        if twin is not None:
            return proofs.put(Proof(candidate, same_as=twin.candidate.key))
        whole, oldest = workshop.finish(candidate, content, None)
    except ConversionError as error:
        return proofs.put(Proof(candidate, problem=problem_of(error)))
    name = candidate.file_name(workshop.stem, candidate.job().writer.SUFFIX)
    files.write_atomically(proofs.folder / name, whole)
    return proofs.put(
        Proof(
            candidate,
            name,
            len(whole),
            digest,
            min_runtime=oldest,
            file_digest=digest_of(whole),
        )
    )


def prove(proof: Proof, work: Work) -> Proof:
    """Compare a file with Keras and write the comparison into its card.

    Raises:
        InputError: The file is not the one that was made.
    """
    workshop, proofs = work.workshop, work.proofs
    path, content = proofs.path(proof), proofs.content(proof)
    try:
        verification = workshop.prove(proof.candidate, content)
        whole, _ = workshop.finish(proof.candidate, content, verification)
    except (ConversionError, EngineError, ModelError) as error:
        path.unlink()
        return proofs.put(
            dataclasses.replace(proof, file=None, size_bytes=None, problem=problem_of(error))
        )
    files.write_atomically(path, whole)
    return proofs.put(
        dataclasses.replace(
            proof,
            size_bytes=len(whole),
            verification=verification,
            file_digest=digest_of(whole),
        )
    )


def _is_settled(proof: Proof | None, candidates: Sequence[Candidate]) -> bool:
    """Whether nothing is left to do; the same file as one that is not tried now is no answer."""
    if proof is None or not proof.is_settled:
        return False
    return not proof.same_as or proof.same_as in {candidate.key for candidate in candidates}


def _is_open(proof: Proof | None, work: Work) -> bool:
    settled = _is_settled(proof, work.candidates)
    return not settled and (proof is None or bool(proof.same_as) or not work.demands.miss(proof))
