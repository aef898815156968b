"""Latency, the dearest proof: what is left takes turns on the target.

First all files briefly, on one thread; then the fastest of them again, longer, with every number of
threads and every engine. Figures of the first heat and of the final are not of the same rounds, so
the final alone decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from littoral.errors import EngineError, InputError, ModelError
from littoral.measurement import Measurement
from littoral.statistics import Estimate
from littoral.targets import Options, Target

from littoral_converters.exploration.budget import Budget
from littoral_converters.exploration.proofs import Proof, Proofs, problem_of
from littoral_converters.exploration.settings import Setting, fits

HEAT_SECONDS = 0.3
FINAL_SECONDS = 0.7
LEAST_SECONDS = 0.05
WARMUP_SECONDS = 0.1
"""About what warming up takes a file, beside the timed calls."""

FINALISTS = 6
TRIED_EVERY_WAY = 3
"""So many of the final's files are run in every setting, the others in the plain one."""

WITHIN = 1.4
"""Files that take longer than this many times the fastest one's p50 do not get into the final."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Failure:
    """A file that does not run in a setting.

    Attributes:
        proof: The file.
        setting: How it was run.
        reason: Why it does not, in words.
    """

    proof: Proof
    setting: Setting
    reason: str


@dataclass(frozen=True)
class Timed:
    """A proved file on the clock.

    Attributes:
        proof: The file.
        setting: How it was run.
        measurement: Its latency.
        ratio: How many times as long as the fastest one of the final it takes; None for a file
            that was not in the final, or on an emulator.
    """

    proof: Proof
    setting: Setting
    measurement: Measurement
    ratio: Estimate | None = None


def race(
    entrants: Sequence[Proof],
    settings: Sequence[Setting],
    proofs: Proofs,
    target: Target,
    data: Path | None,
    budget: Budget,
    report: Report,
) -> tuple[list[Timed], list[Failure]]:
    """Measure files interleaved.

    Args:
        entrants: Files that met every other demand.
        settings: Ways to run them; the first one is the plain one.
        proofs: Knows where the files are.
        target: The machine to measure on.
        data: Samples to run on, None for random ones.
        budget: Shortens the rounds, to a twentieth of a second a file at least.
        report: Is told every step.

    Returns:
        Every file with its latency, those of the final last; and what does not run on the target.

    Raises:
        TargetError: The target cannot be used.
    """
    if not entrants:
        return [], []
    heat = [(proof, settings[0]) for proof in entrants]
    report(f"timing {len(heat)} files in turn on {target.name}")
    seconds = _seconds(budget, len(heat), HEAT_SECONDS, share=0.4)
    first, failures = _timed_without_failures(heat, proofs, target, data, seconds)
    if not first:
        return [], failures
    final = finalists(first, settings, _fits_a_final(budget))
    report(f"timing the fastest in turn on {target.name}, {len(final)} ways")
    seconds = _seconds(budget, len(final), FINAL_SECONDS, share=0.8)
    last, more = _timed_without_failures(final, proofs, target, data, seconds, cold_starts=1)
    done = {(timed.proof.candidate, timed.setting) for timed in last}
    others = [timed for timed in first if (timed.proof.candidate, timed.setting) not in done]
    return [*others, *_with_ratios(last)], [*failures, *more]


def _fits_a_final(budget: Budget) -> bool:
    """Whether the final has the time to try more than the plain setting."""
    left = budget.left
    return left is None or left > FINALISTS * (LEAST_SECONDS + WARMUP_SECONDS)


def finalists(
    first: Sequence[Timed], settings: Sequence[Setting], every_setting: bool
) -> list[tuple[Proof, Setting]]:
    """What is timed again: the fastest files, and the fastest one of every format that is near.

    Files of one engine are often alike; a moment that suits it must not keep the other one out.

    Args:
        first: The first heat.
        settings: Ways to run a file, the plain one first.
        every_setting: Whether the fastest few are run in all of them.

    Returns:
        Files and settings.
    """
    ranked = sorted(first, key=_p50)
    near = [timed for timed in ranked if _p50(timed) <= WITHIN * _p50(ranked[0])]
    of_format = {timed.proof.candidate.format: timed for timed in reversed(near)}
    rest = [timed for timed in near[:FINALISTS] if timed not in of_format.values()]
    chosen = [timed.proof for timed in sorted([*of_format.values(), *rest], key=_p50)]
    others = settings[1:] if every_setting else ()
    return [(proof, settings[0]) for proof in chosen] + [
        (proof, setting)
        for setting in others
        for proof in chosen[:TRIED_EVERY_WAY]
        if fits(setting, proof.candidate.format) and not _is_plain(setting, proof, settings, ranked)
    ]


def _is_plain(
    setting: Setting, proof: Proof, settings: Sequence[Setting], first: Sequence[Timed]
) -> bool:
    """Whether a setting names the engine that the plain one took by itself."""
    took = {timed.measurement.engine for timed in first if timed.proof == proof}
    named = dataclasses.replace(setting, engine=settings[0].engine)
    return setting.engine in took and named == settings[0]


def _seconds(budget: Budget, files: int, most: float, share: float) -> float:
    """Seconds of timed calls a file, from what is left of the budget."""
    if budget.left is None:
        return most
    return min(most, max(LEAST_SECONDS, share * budget.left / files - WARMUP_SECONDS))


def _timed_without_failures(
    entries: Sequence[tuple[Proof, Setting]],
    proofs: Proofs,
    target: Target,
    data: Path | None,
    seconds: float,
    cold_starts: int = 0,
) -> tuple[list[Timed], list[Failure]]:
    """Measure; where the target refuses a file, find out which and go on without it."""
    try:
        return _in_turn(entries, proofs, target, data, seconds, cold_starts), []
    except (ModelError, EngineError, InputError):
        problems = [_problem(entry, proofs, target) for entry in entries]
        if not any(problems):
            raise
    each = list(zip(entries, problems, strict=True))
    failures = [Failure(*entry, problem) for entry, problem in each if problem]
    running = [entry for entry, problem in each if not problem]
    timed = _in_turn(running, proofs, target, data, seconds, cold_starts) if running else []
    return timed, failures


def _problem(entry: tuple[Proof, Setting], proofs: Proofs, target: Target) -> str:
    """Why a file does not run in a setting; empty where it does."""
    proof, setting = entry
    once = Options(
        runs=1,
        threads=setting.threads,
        engine=setting.engine,
        options=dict(setting.options),
        cold_starts=0,
    )
    try:
        target.measure([proofs.path(proof)], once, _silent)
    except (ModelError, EngineError, InputError) as error:
        how = f"with {setting} it" if str(setting) else "it"
        return f"{how} does not run on {target.name}: {problem_of(error)}"
    return ""


def _in_turn(
    entries: Sequence[tuple[Proof, Setting]],
    proofs: Proofs,
    target: Target,
    data: Path | None,
    seconds: float,
    cold_starts: int,
) -> list[Timed]:
    """Measure once, all files interleaved."""
    options = Options(
        duration_s=seconds,
        threads=[setting.threads for _, setting in entries],
        engine=[setting.engine for _, setting in entries],
        options=[dict(setting.options) for _, setting in entries],
        data=data,
        cold_starts=cold_starts,
    )
    paths = [proofs.path(proof) for proof, _ in entries]
    measurements = target.measure(paths, options, _silent)
    return [
        Timed(proof, setting, measurement)
        for (proof, setting), measurement in zip(entries, measurements, strict=True)
    ]


def _with_ratios(final: Sequence[Timed]) -> list[Timed]:
    if not final or any(timed.measurement.emulated for timed in final):
        return list(final)
    fastest = min(final, key=_p50).measurement
    return [
        Timed(t.proof, t.setting, t.measurement, t.measurement.ratio_to(fastest)) for t in final
    ]


def _p50(timed: Timed) -> float:
    return timed.measurement.latency_p50.value


def _silent(what: str) -> None:
    """Tell nobody: the search has its own steps."""
