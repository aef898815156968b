"""What a search found, as objects and as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from littoral import files
from littoral.report import units

from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.choosing import front
from littoral_converters.exploration.demands import Demands, drop_of
from littoral_converters.exploration.proofs import Proof
from littoral_converters.exploration.racing import Timed
from littoral_converters.exploration.report import search_report
from littoral_converters.exploration.settings import Setting
from littoral_converters.pipeline import Variant
from littoral_converters.results import result_of

JSON, PAGE = "search.json", "report.html"

LATENCIES = (
    "latency_p50_us",
    "latency_p90_us",
    "latency_p99_us",
    "cold_start_ms",
)
DISAGREES = 1e6
"""Added to the excess of a file that disagrees with Keras, beside which no limit counts."""

_MEASURED = (
    *(f"{name}{end}" for name in LATENCIES for end in ("", "_low", "_high")),
    "peak_memory_bytes",
    "emulated",
)


@dataclass(frozen=True)
class Found:
    """A proved and measured file, and how it was run.

    Attributes:
        variant: The file with its verification.
        drop: Accuracy lost in points, or percent added to the mean absolute error.
        threads: Threads of one call.
        engine: What to give `littoral.load` as ``engine``.
        options: What to give it as ``options``.
        latency_p50_us: Median latency on the target; None where it was not measured.
        result: Every figure under its name in ``search.json``.
    """

    variant: Variant
    drop: float
    threads: int
    engine: str
    options: Mapping[str, str]
    latency_p50_us: float | None
    result: dict[str, Any] = field(repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The file."""
        return self.variant.path

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return self.variant.size_bytes


@dataclass(frozen=True)
class RuledOut:
    """A candidate that is not among the results.

    Attributes:
        candidate: What it was.
        reason: Why, in words.
        proof: What is known of it; None for one that was never made.
    """

    candidate: Candidate
    reason: str
    proof: Proof | None = None

    @property
    def kind(self) -> str:
        """``"untried"``, ``"twin"`` of another file, or ``"failed"``."""
        if self.proof is None:
            return "untried"
        return "twin" if self.proof.same_as else "failed"

    def to_dict(self) -> dict[str, Any]:
        """Its entry in ``search.json``."""
        proof = self.proof
        verification = proof.verification if proof else None
        return {
            "format": self.candidate.format,
            "scheme": self.candidate.scheme,
            "lowering": self.candidate.lowering,
            "float_layers": list(self.candidate.float_layers),
            "reason": self.reason,
            "kind": self.kind,
            "size_bytes": proof.size_bytes if proof else None,
            "drop_points": verification.drop_points if verification else None,
        }


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        best: The fastest file that meets every demand, copied to the output folder; None for none.
        pareto: The files that no other one beats in latency, drop and size.
        variants: Every file that meets the demands, in every way it was run, the fastest first.
        ruled_out: What is not among them, and why.
        message: What came of it, in one sentence.
        report: The HTML page.
        payload: What ``search.json`` holds.
    """

    best: Found | None
    pareto: tuple[Found, ...]
    variants: tuple[Found, ...]
    ruled_out: tuple[RuledOut, ...]
    message: str
    report: Path
    payload: dict[str, Any] = field(repr=False, compare=False)


def found_of(proof: Proof, path: Path, family: str | None, timed: Timed | None) -> Found:
    """A proof, with its latency where there is one."""
    assert proof.verification is not None
    assert proof.size_bytes is not None
    candidate = proof.candidate
    variant = Variant(
        path,
        candidate.format,
        candidate.scheme,
        candidate.lowering,
        proof.size_bytes,
        proof.verification,
        min_runtime=proof.min_runtime,
        float_layers=candidate.float_layers,
    )
    setting = timed.setting if timed else Setting()
    figures = timed.measurement.to_dict() if timed else {}
    ratio = timed.ratio if timed else None
    result = {
        **result_of(variant, family),
        "drop": round(drop_of(proof.verification), 4),
        **{name: figures.get(name) for name in _MEASURED},
        "threads": setting.threads,
        "engine": setting.engine,
        "options": dict(setting.options),
        "ratio_to_fastest": None if ratio is None else round(ratio.value, 4),
    }
    drop = drop_of(proof.verification)
    how = (setting.threads, setting.engine, dict(setting.options))
    return Found(variant, drop, *how, figures.get("latency_p50_us"), result)


def write(
    folder: Path,
    stem: str,
    variants: Sequence[Found],
    has_best: bool,
    ruled_out: Sequence[RuledOut],
    demands: Demands,
    facts: Mapping[str, Any],
) -> Search:
    """Choose the Pareto front, put everything into words, and write ``search.json`` and the page.

    Args:
        folder: Where to.
        stem: What the model's files are called.
        variants: Measured files; the first is the best one where `has_best` says so.
        has_best: Whether there is a best one.
        ruled_out: What is not among them.
        demands: What was demanded.
        facts: What else ``search.json`` holds.

    Returns:
        The search.
    """
    best = variants[0] if has_best else None
    pareto = front(variants, _figures)
    results = [
        {**found.result, "is_best": found is best, "is_pareto": any(found is p for p in pareto)}
        for found in variants
    ]
    message = _sentence(stem, best, demands, ruled_out, bool(facts["complete"]), facts["metric"])
    payload: dict[str, Any] = {
        "results": results,
        "best": results[0] if has_best else None,
        "best_digest": None if best is None else _digest_of(best.path),
        "ruled_out": [entry.to_dict() for entry in ruled_out],
        **facts,
        "message": message,
        "report": str(folder / PAGE),
        "passed": has_best,
    }
    files.write_atomically(folder / PAGE, search_report(payload).encode())
    text = json.dumps(payload, indent=2, allow_nan=False)
    files.write_atomically(folder / JSON, text.encode())
    found = tuple(variants)
    return Search(best, tuple(pareto), found, tuple(ruled_out), message, folder / PAGE, payload)


def earlier_best(folder: Path, stem: str) -> Path | None:
    """The best file that an earlier search of a model left in a folder.

    Args:
        folder: Where both searches write.
        stem: What the model's files are called.

    Returns:
        The file; None where there is none, it was changed since, or it is another model's.
    """
    try:
        known = json.loads((folder / JSON).read_bytes())
        path = folder / Path(known["best"]["path"]).name
        is_left = known["model"] == stem and _digest_of(path) == known["best_digest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return path if is_left else None


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _figures(found: Found) -> tuple[float, ...]:
    latency = found.latency_p50_us
    # A drop is known to a hundredth of a point at best: less is rounding in the last digit.
    drop = round(found.drop, 2)
    return (float("inf") if latency is None else latency, drop, found.size_bytes)


def _sentence(
    stem: str,
    best: Found | None,
    demands: Demands,
    ruled_out: Sequence[RuledOut],
    complete: bool,
    metric: str | None,
) -> str:
    """What came of a search, for a person."""
    if best is not None:
        return (
            f"the best file of {stem} is {best.path}: {best.variant.format} "
            f"{best.variant.scheme}{_mixed(best)}, {_latency(best)}, "
            f"{units.size(best.size_bytes)}, {_changed(best)}"
        )
    wanted = f"a drop of at most {demands.max_drop:g}"
    if metric not in (None, "accuracy"):
        wanted = f"at most {demands.max_drop:g}% added to its error"
    if demands.max_size is not None:
        wanted += f" in {units.size(demands.max_size)}"
    nearest = nearest_miss(ruled_out, demands)
    if nearest is not None:
        near = f"; nearest is {nearest.candidate}: {nearest.reason}"
    else:
        near = "".join(f"; {e.candidate}: {e.reason}" for e in ruled_out[:1])
    way = "allow more with --max-drop or --max-size"
    if not complete:
        way = "not everything was tried: run it again to go on, or give a larger --budget"
    return f"no file of {stem} has {wanted}{near}; {way}"


def nearest_miss(ruled_out: Sequence[RuledOut], demands: Demands) -> RuledOut | None:
    """The file that exceeds the limits by the smallest share."""
    known = [(_excess(entry.proof, demands), entry) for entry in ruled_out if entry.proof]
    near = [(excess, entry) for excess, entry in known if math.isfinite(excess)]
    return min(near, key=lambda pair: pair[0])[1] if near else None


def _excess(proof: Proof | None, demands: Demands) -> float:
    """How far a file is beyond the limits, as a share of them; infinite where nothing is known."""
    if proof is None or proof.size_bytes is None or proof.file is None:
        return float("inf")
    excess = 0.0
    if demands.max_size is not None:
        excess += max(0.0, proof.size_bytes / demands.max_size - 1)
    if proof.verification is not None:
        # What disagrees altogether is only near when nothing else is.
        excess += 0.0 if proof.verification.passed else DISAGREES
        excess += max(0.0, drop_of(proof.verification) - demands.max_drop) / max(
            demands.max_drop, 0.1
        )
    return excess


def _mixed(found: Found) -> str:
    layers = found.variant.float_layers
    return f" with {', '.join(layers)} float" if layers else ""


def _changed(found: Found) -> str:
    metric = found.variant.verification.metric
    what = "change" if metric in (None, "accuracy") else "error"
    return f"{what} {units.change(found.drop, metric)}"


def _latency(found: Found) -> str:
    p50 = found.latency_p50_us
    return "not timed" if p50 is None else f"p50 {units.duration(p50)}"
