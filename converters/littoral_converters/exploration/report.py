"""The page of a search: the best file, the Pareto front, layers to blame, what was ruled out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from littoral.report import charts, page, units
from littoral.report.markup import tag, text
from littoral.report.result import Result, format_name, of_demo
from littoral.report.tables import aligned

from littoral_converters.exploration.picture import Point, front

_HEADER = ("File", "Change", "Accuracy", "Size", "p50", "p90", "Cold start", "Memory")
_OUT_HEADER = ("Candidate", "Change", "Size", "Why")
_SECTIONS = {"front": "Picture", "files": "Files", "out": "Ruled out", "how": "How to read"}

_WORDS = (
    (
        "The picture",
        "Left and up is better; the larger the shape, the larger the file. Ringed files are the "
        "Pareto front: no other file is at least as good in latency, drop and size and better in "
        "one. The star is the file that was chosen, the dotted line the drop that was allowed.",
    ),
    (
        "The choice",
        "The fastest file that keeps the accuracy, timed in turn with the other fast ones. Where "
        "the interval of the ratio holds 1, two files cannot be told apart, and the smaller one is "
        "taken, or the simpler one.",
    ),
    (
        "Layers to blame",
        "Each layer alone was quantized and the rest left float: the error against Keras is what "
        "this layer costs. As few layers as meet the limit were left float, the costliest first.",
    ),
)


def search_report(payload: Mapping[str, Any]) -> str:
    """The page.

    Args:
        payload: What ``search.json`` holds.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    results = payload["results"]
    shown = [_labelled(fields) for fields in results]
    points = [
        Point(result, _drop(fields), fields["is_best"], fields["is_pareto"])
        for result, fields in zip(shown, results, strict=True)
    ]
    blocks = [page.tiles(_tiles(payload, shown))]
    blocks += [page.warning(words) for words in _warnings(payload)]
    blocks.append(page.heading("front", f"Latency, {_plain_metric(payload)}, size"))
    picture = front(points, float(payload["max_drop"]), _metric(payload))
    blocks.append(page.card(picture, charts.legend(shown) if shown else ""))
    if shown:
        blocks.append(page.heading("files", "Files that meet the demands"))
        rows = [_row(point, _metric(payload)) for point in points]
        blocks.append(page.card(page.table(_HEADER, rows, left=1)))
    blocks += _blame(payload["sensitivity"])
    if payload["ruled_out"] or payload["notes"]:
        blocks.append(page.heading("out", "Ruled out"))
        notes = [tag("p", text(note), class_="note") for note in payload["notes"]]
        rows = [_out_row(e) for e in sorted(payload["ruled_out"], key=lambda e: e["kind"])]
        blocks.append(page.card(page.table(_OUT_HEADER, rows, left=1), *notes))
    blocks.append(page.heading("how", "How to read this page"))
    blocks.append(page.how_to_read(_WORDS + page.LATENCY_WORDS))
    blocks.append(page.heading("environment", "Where this was measured"))
    blocks.append(page.environment(payload["environment"]))
    links = page.present(_SECTIONS, blocks)
    return page.page(_title(payload), _lead(payload), links, blocks)


def search_table(payload: Mapping[str, Any]) -> str:
    """The same for the terminal.

    Args:
        payload: What ``search.json`` holds.

    Returns:
        Lines without a final newline: the files, the best one marked; what was ruled out; notes.
    """
    lines: list[str] = []
    if payload["results"]:
        metric = _metric(payload)
        changed = "change" if metric == "accuracy" else "error"
        rows = [["", "file", "threads", changed, "size", "p50", "p90"]]
        for fields in payload["results"]:
            result = of_demo(fields)
            mark = "best" if fields["is_best"] else "*" if fields["is_pareto"] else ""
            name = _name(fields)
            rows.append(
                [
                    mark,
                    name,
                    str(fields["threads"]),
                    units.change(_drop(fields), metric),
                    units.size(result.size_bytes),
                    units.duration_with_spread(result.p50),
                    units.duration_with_spread(result.p90),
                ]
            )
        lines += [*aligned(rows, left=2), "", "* on the Pareto front of latency, drop and size"]
    if payload["ruled_out"]:
        lines += _ruled_out(payload["ruled_out"])
    lines += ["", *payload["notes"]] if payload["notes"] else []
    if payload["passed"]:
        lines += ["", payload["message"]]
    return "\n".join([*lines, f"report: {payload['report']}"]).lstrip("\n")


def _ruled_out(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines about what is not among the files; twins and what was not tried are only counted."""
    told = [f"  {_candidate(e)}: {e['reason']}" for e in entries if e["kind"] == "failed"]
    lines = ["", "ruled out:", *told] if told else []
    kinds = [entry["kind"] for entry in entries]
    counts = (
        (kinds.count("twin"), "more came out the same as another file"),
        (kinds.count("untried"), "more were left untried: the same command goes on from there"),
    )
    counted = [f"{count} {words}" for count, words in counts if count]
    return [*lines, *([""] if counted else []), *counted]


def _labelled(fields: Mapping[str, Any]) -> Result:
    threads = f", {fields['threads']} threads" if fields["threads"] > 1 else ""
    return dataclasses.replace(of_demo(fields), label=f"{_name(fields)}{threads}")


def _name(fields: Mapping[str, Any]) -> str:
    """Format, scheme and whatever is not the usual."""
    words = [_candidate(fields)]
    how = [] if fields["engine"] == "auto" else [fields["engine"]]
    how += [f"{name}={value}" for name, value in fields["options"].items()]
    if how:
        words.append(f"({' '.join(how)})")
    return " ".join(words)


def _candidate(fields: Mapping[str, Any]) -> str:
    words = f"{format_name(fields['format'])} {fields['scheme']}"
    if fields["lowering"] != "auto":
        words += f" {fields['lowering']}"
    if fields["float_layers"]:
        words += f", float: {', '.join(fields['float_layers'])}"
    return words


def _drop(fields: Mapping[str, Any]) -> float:
    return float(fields["drop"])


def _metric(payload: Mapping[str, Any]) -> str:
    """What the labels were held against: ``"accuracy"``, or the name of an error."""
    return str(payload.get("metric") or "accuracy")


def _plain_metric(payload: Mapping[str, Any]) -> str:
    return "accuracy" if _metric(payload) == "accuracy" else "error"


def _title(payload: Mapping[str, Any]) -> str:
    if not payload["passed"]:
        return f"No file of {payload['model']} meets the demands"
    best = payload["best"]
    kind = f"{format_name(best['format'])} {best['scheme']}"
    return f"{payload['model']}: {kind} in {units.duration(best['latency_p50_us'])}"


def _lead(payload: Mapping[str, Any]) -> str:
    tried = len({_candidate(fields) for fields in payload["results"]})
    wanted = (
        f"at most {payload['max_drop']:g} points of accuracy lost"
        if _metric(payload) == "accuracy"
        else f"at most {payload['max_drop']:g}% added to the mean absolute error"
    )
    if payload["max_size"] is not None:
        wanted += f", at most {units.size(payload['max_size'])}"
    return (
        f"Wanted: {wanted}, on {payload['target']}. {tried} files meet it, "
        f"{len(payload['ruled_out'])} candidates were ruled out, in {payload['seconds']:.0f} s."
    )


def _tiles(payload: Mapping[str, Any], shown: Sequence[Result]) -> list[tuple[str, str]]:
    if not payload["passed"]:
        return [("none", payload["message"])]
    best, metric = shown[0], _metric(payload)
    changed = "change of accuracy, in points"
    if metric != "accuracy":
        changed = "change of the mean absolute error"
    floats = [r for r in shown if r.scheme == "float32" and r.p50 and r.format == best.format]
    tiles = [
        (units.duration(best.p50.value if best.p50 else None), f"p50 of {best.label}"),
        (units.change(_drop(payload["best"]), metric), changed),
        (units.size(best.size_bytes), f"size of {PurePath(payload['best']['path']).name}"),
    ]
    if floats and best.p50 and floats[0].p50:
        ratio = floats[0].p50.value / best.p50.value
        tiles.append((units.times(ratio), f"as fast as {format_name(best.format)} float32"))
    return tiles


def _warnings(payload: Mapping[str, Any]) -> list[str]:
    words = [str(doubt) for doubt in payload["warnings"]]
    if payload["emulated"]:
        words.append("The processor was emulated, so the best file is the smallest.")
    if not payload["complete"]:
        words.append(
            "The budget ended before everything was tried. The same command goes on from there."
        )
    return words


def _row(point: Point, metric: str) -> str:
    result = point.result
    chip = tag("i", class_=f"chip {result.hue}")
    cells = [
        chip + text(result.label) + (" \N{BLACK STAR}" if point.is_best else ""),
        text(units.change(point.drop, metric)),
        text(units.percent(result.accuracy)),
        text(units.size(result.size_bytes)),
        page.latency_cell(result.p50),
        page.latency_cell(result.p90),
        text(units.duration(None if result.cold_start_ms is None else result.cold_start_ms * 1e3)),
        text(units.size(result.peak_memory_bytes)),
    ]
    return page.row(cells, left=1, is_best=point.is_best)


def _out_row(entry: Mapping[str, Any]) -> str:
    cells = [
        text(_candidate(entry)),
        text(units.points(entry["drop_points"])),
        text(units.size(entry["size_bytes"])),
        tag("div", text(entry["reason"]), style="white-space:normal;text-align:left"),
    ]
    return page.row(cells, left=1)


def _blame(sensitivity: Sequence[Mapping[str, Any]]) -> list[str]:
    if not sensitivity:
        return []
    blocks = [page.heading("blame", "What each layer costs in int8")]
    for entry in sensitivity:
        worst = max((row["rms_error"] or 0.0 for row in entry["layers"]), default=0.0) or 1.0
        rows = [_sensitivity_row(row, worst) for row in entry["layers"]]
        title = tag("h3", text(f"{format_name(entry['format'])} {entry['scheme']}"))
        blocks.append(page.card(title, page.table(("Layer", "Error alone", ""), rows, left=1)))
    return blocks


def _sensitivity_row(row: Mapping[str, Any], worst: float) -> str:
    error = row["rms_error"]
    share = 1.0 if error is None else error / worst
    bar = tag("rect", x=0.0, y=1.0, width=max(0.5, 160 * share), height=10.0, class_="solid s3")
    svg = tag("svg", bar, viewBox="0 0 160 12", style="width:160px;height:12px", aria_hidden="true")
    kept = " (left float)" if row["is_float"] else ""
    cells = [text(f"{row['layer']}{kept}"), text("fails" if error is None else f"{error:.2%}"), svg]
    return page.row(cells, left=1)
