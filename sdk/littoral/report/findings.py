"""What the figures say, in words: computed, so that the page never claims what was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.report import units
from littoral.report.result import Result, family_name


def best_of(results: Sequence[Result]) -> Result | None:
    """The fastest file by p50 among those that agree with Keras; None when there is none."""
    measured = [r for r in results if r.p50 is not None and r.passed is not False]
    return min(measured, key=lambda r: r.p50.value if r.p50 else 0.0, default=None)


def speedup(results: Sequence[Result], best: Result) -> float | None:
    """How many times as fast as the fastest float32 file; None when that is not known."""
    reference = best_of([result for result in results if result.scheme == "float32"])
    if reference is None or reference.p50 is None or best.p50 is None or best.p50.value == 0:
        return None
    return reference.p50.value / best.p50.value


def shrink(results: Sequence[Result], best: Result) -> float | None:
    """How many times smaller than the float32 file of the same format; None when not known."""
    sizes = [r.size_bytes for r in results if r.scheme == "float32" and r.format == best.format]
    if not sizes or not sizes[0] or not best.size_bytes:
        return None
    return sizes[0] / best.size_bytes


def headline(results: Sequence[Result], families: int, seconds: float | None) -> tuple[str, str]:
    """The page's title and the sentence below it.

    Args:
        results: All files.
        families: How many models they were made from.
        seconds: What the whole run took; None when not known.
    """
    failed = sum(result.passed is False for result in results)
    models = f"{families} Keras model{'s' * (families != 1)}"
    files = f"{len(results)} file{'s' * (len(results) != 1)}"
    if failed:
        title = f"{models}, {files} for devices: {failed} of them disagree with Keras"
    elif any(result.passed is None for result in results):
        title = f"{models}, {files} for devices"
    else:
        title = f"{models}, {files} for devices, every one proven against Keras"
    took = f", in {seconds / 60:.1f} minutes" if seconds else ""
    lead = (
        "Trained on real data, converted to TFLite and ONNX, checked against the Keras model on "
        f"the test set and timed on this machine{took}."
    )
    return title, lead


def key_figures(results: Sequence[Result]) -> list[tuple[str, str]]:
    """The largest figures of the page with a line of explanation each."""
    figures: list[tuple[str, str]] = []
    checked = [result for result in results if result.passed is not None]
    if checked:
        agreeing = sum(bool(result.passed) for result in checked)
        figures.append((f"{agreeing} of {len(checked)}", "files agree with their Keras model"))
    dropped = [result for result in results if result.drop_points is not None]
    if dropped:
        worst = max(dropped, key=lambda result: result.drop_points or 0.0)
        figures.append(_drop_figure(worst))
    fastest = best_of(results)
    if fastest is not None and fastest.p50 is not None:
        where = f"fastest p50: {family_name(fastest.family)}, {fastest.label}"
        figures.append((units.duration(fastest.p50.value), where))
    sized = [result for result in results if result.size_bytes and result.passed is not False]
    if sized:
        smallest = min(sized, key=lambda result: result.size_bytes or 0)
        where = f"smallest file: {family_name(smallest.family)}, {smallest.label}"
        figures.append((units.size(smallest.size_bytes), where))
    return figures


def sentence(title: str, results: Sequence[Result], best: Result) -> str:
    """What to know about one family.

    Args:
        title: What the family is called.
        results: Its files.
        best: The one to recommend.
    """
    parts = [f"{title}: {best.label} is the fastest"]
    slowest = max(
        (r for r in results if r.p50), key=lambda r: r.p50.value if r.p50 else 0.0, default=best
    )
    if best.p50 and slowest.p50 and slowest.p50.value > 1.2 * best.p50.value:
        ratio = units.times(slowest.p50.value / best.p50.value)
        parts.append(f"{slowest.label}, the slowest, takes {ratio} as long")
    if best.drop_points is not None:
        parts.append(_change(best.drop_points))
    return "; ".join(parts) + "."


def _change(drop: float) -> str:
    if round(drop, 2) == 0:
        return "the fastest is as accurate as Keras"
    if drop > 0:
        return f"the fastest loses {drop:.2f} points against Keras"
    return f"the fastest gains {-drop:.2f} points on Keras"


def _drop_figure(worst: Result) -> tuple[str, str]:
    lost = worst.drop_points or 0.0
    if round(lost, 2) <= 0:
        return "0.00", "percentage points: the largest accuracy drop against Keras"
    where = f"{family_name(worst.family)}, {worst.label}"
    return f"{lost:.2f}", f"percentage points: the largest accuracy drop against Keras ({where})"
