"""Aligned tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from littoral.report import units
from littoral.report.notes import notes
from littoral.report.result import Result, family_name, format_name, of_bench, of_demo


def demo_table(payload: Mapping[str, Any]) -> str:
    """The demo's results, one line a file, a gap between families.

    Args:
        payload: What ``demo.json`` holds.

    Returns:
        Lines without a final newline.
    """
    header = ["model", "format", "scheme", "accuracy", "change", "size"]
    header += ["p50", "p90", "p99", "cold start", "memory", ""]
    results = [of_demo(fields) for fields in payload["results"]]
    lines = aligned([header, *(_demo_cells(result) for result in results)], left=3)
    spaced = [lines[0]]
    for index, result in enumerate(results):
        if index and result.family != results[index - 1].family:
            spaced.append("")
        spaced.append(lines[index + 1])
    return "\n".join(spaced)


def demo_markdown(payload: Mapping[str, Any]) -> str:
    """The demo's results as a Markdown table, to be pasted where people read.

    Args:
        payload: What ``demo.json`` holds.

    Returns:
        Lines without a final newline.
    """
    header = ("model", "format", "scheme", "accuracy", "change", "size", "p50", "p90", "cold start")
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * 3}{'--:|' * (len(header) - 3)}"]
    for result in map(of_demo, payload["results"]):
        cells = _demo_cells(result)
        chosen = [*cells[:8], cells[9]]
        lines.append(f"| {' | '.join(chosen)} |")
    return "\n".join(lines)


def bench_table(payload: Mapping[str, Any]) -> str:
    """Measurements with their intervals, then the comparison in words.

    Args:
        payload: What ``bench --json`` prints.

    Returns:
        Lines without a final newline.
    """
    results = of_bench(payload["measurements"])
    ratios = {entry["index"]: entry for entry in payload["comparison"]}
    header = ["file", "format", "scheme", "size", "p50", "p90", "p99", "cold start", "memory"]
    rows = [header + ["ratio"] * bool(ratios)]
    for index, result in enumerate(results):
        is_ranked = not payload["measurements"][index].get("emulated")
        ratio = _ratio(ratios.get(index)) if is_ranked else units.UNKNOWN
        rows.append(_bench_cells(result) + [ratio] * bool(ratios))
    lines = aligned(rows, left=3)
    words = [entry["words"] for entry in payload["comparison"]]
    told = notes(payload)
    return "\n".join([*lines, *([""] if words or told else []), *words, *told])


def aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Pad cells to columns.

    Args:
        rows: Cells of each line, the same number in each.
        left: So many columns from the first are aligned left, the others right.

    Returns:
        One string a row, two spaces between columns.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _demo_cells(result: Result) -> list[str]:
    return [
        family_name(result.family),
        format_name(result.format),
        result.scheme,
        units.percent(result.accuracy),
        units.points(result.drop_points),
        *_figures(result),
        "" if result.passed is None else "ok" if result.passed else "FAILED",
    ]


def _bench_cells(result: Result) -> list[str]:
    return [
        result.label,
        format_name(result.format),
        result.scheme or units.UNKNOWN,
        *_figures(result),
    ]


def _figures(result: Result) -> list[str]:
    cold = result.cold_start_ms
    return [
        units.size(result.size_bytes),
        units.duration_with_spread(result.p50),
        units.duration_with_spread(result.p90),
        units.duration_with_spread(result.p99),
        units.duration(None if cold is None else cold * 1e3),
        units.size(result.peak_memory_bytes),
    ]


def _ratio(entry: Mapping[str, Any] | None) -> str:
    return units.times(1 if entry is None else entry["ratio"])
