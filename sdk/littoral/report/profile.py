"""The table and the page of ``littoral profile``: where the time goes, and against which roof."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from littoral.report import page, units
from littoral.report.markup import Axis, breadth, hint, label, line, log_axis, picture, tag, text
from littoral.report.tables import aligned

_WIDTH = 1060.0
_ROW = 21.0
_MOST_BARS = 40
_LONGEST = 46
_ROOF_HEIGHT = 340.0
_ROOF_LEFT = 60.0
_MOST_LABELS = 6
_LABEL_HEIGHT = 15.0
_EMULATED = "The processor is emulated: these times say nothing about a real one."

WORDS = (
    (
        "How an operator is timed",
        "By partial execution: the file (of an .onnx, the graph that ONNX Runtime makes of it) is "
        "cut after each operator, all cuts are timed in turn, round by round, and an operator "
        "takes what its cut takes longer than the one before. A cut without operators takes the "
        "overhead of a call away.",
    ),
    (
        "Share",
        "Of the sum over all operators. Where an engine fuses an operator into its neighbour when "
        "both are there, the parts add up to more than a whole call.",
    ),
    (
        "Roofline",
        "An operator can do no more operations a second than the processor's peak (the flat roof) "
        "and no more than its operations a byte times the memory's bandwidth (the slope). Both "
        "were measured here with NumPy on one core in float32; int8 kernels and data that stay in "
        "the caches may go through the roof.",
    ),
)


def profile_table(payload: Mapping[str, Any]) -> str:
    """The slowest first, then the sum and what a whole call takes.

    Args:
        payload: What ``profile --json`` prints; ``by`` and ``top`` choose what is listed.

    Returns:
        Lines without a final newline.
    """
    if payload.get("by", "operator") == "operator":
        rows = _operator_rows(payload)
        left = 3
    else:
        rows = _group_rows(payload, f"by_{payload['by']}")
        left = 1
    shown = rows[: 1 + payload.get("top", 25)]
    lines = aligned(shown, left)
    if len(rows) > len(shown):
        lines.append(f"... and {len(rows) - len(shown)} more (--top N shows them)")
    roof = payload["roofline"]
    lines += [
        "",
        f"all operators {units.duration(payload['total_us'])}, a whole call "
        f"{units.duration(payload['latency_p50_us'])} at the median ({payload['engine']}, "
        f"{payload['threads']} thread{'s' * (payload['threads'] != 1)})",
        f"roofline of one core, float32: {roof['gflops']:g} GFLOP/s, "
        f"{roof['gigabytes_per_s']:g} GB/s from memory",
    ]
    if payload["emulated"]:
        lines.append(_EMULATED)
    return "\n".join(lines)


def profile_report(payload: Mapping[str, Any]) -> str:
    """The page.

    Args:
        payload: What ``profile --json`` prints.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    operators = sorted(payload["operators"], key=lambda entry: -entry["time_us"])
    blocks = [page.tiles(_figures(payload, operators))]
    if payload["emulated"]:
        blocks.append(page.warning(_EMULATED))
    blocks += [
        page.heading("operators", "Every operator, in the order of execution"),
        page.card(operator_bars(payload)),
        page.heading("layers", "By layer of the model"),
        page.card(layer_bars(payload)),
        page.heading("kinds", "By kind of operator"),
        page.card(_bars(payload["by_kind"], lambda entry: entry["name"])),
        page.heading("roofline", "Against this machine's roofline"),
        page.card(roofline(payload)),
        page.heading("figures", "All figures"),
        page.card(_page_table(payload)),
        page.heading("how", "How to read this page"),
        page.how_to_read(WORDS),
        page.heading("environment", "Where this was measured"),
        page.environment(payload["environment"]),
    ]
    most = operators[0]
    title = f"{_operator_label(most)} takes {most['share']:.0%} of the time"
    lead = f"{payload['path']} on {payload['engine']}, {len(operators)} operators."
    return page.page(title, lead, {}, blocks)


def operator_bars(payload: Mapping[str, Any]) -> str:
    """One bar an operator, in the order of execution.

    Args:
        payload: What ``profile --json`` prints.
    """
    return _bars(payload["operators"], _operator_label)


def layer_bars(payload: Mapping[str, Any]) -> str:
    """One bar a layer of the Keras model.

    Args:
        payload: What ``profile --json`` prints.
    """
    return _bars(payload["by_layer"], lambda entry: entry["name"])


def roofline(payload: Mapping[str, Any]) -> str:
    """Operations a byte against operations a second, both logarithmic, under the two roofs.

    Args:
        payload: What ``profile --json`` prints.

    Returns:
        An SVG; a sentence where no operator's operations could be counted.
    """
    operators, roof = payload["operators"], payload["roofline"]
    shown = [entry for entry in operators if entry["gflops"] and entry["moved_bytes"]]
    if not shown:
        return tag("p", "No operator whose operations could be counted.", class_="note")
    intensity = [2 * entry["macs"] / entry["moved_bytes"] for entry in shown]
    ridge = roof["gflops"] / roof["gigabytes_per_s"]
    x = log_axis([*intensity, ridge], _ROOF_LEFT, _WIDTH - 40.0)
    y = log_axis([*(e["gflops"] for e in shown), roof["gflops"]], _ROOF_HEIGHT, 20.0)
    ends = (10 ** (math.log10(min(*intensity, ridge)) - 0.1), max(*intensity, ridge) * 1.25)
    by_share = sorted(zip(shown, intensity, strict=True), key=lambda pair: -pair[0]["share"])
    placed = [(entry, x(at), y(entry["gflops"])) for entry, at in by_share]
    shapes = _roof(x, y, roof, ends)
    for (entry, across, up), (_, at) in zip(placed, by_share, strict=True):
        told = f"{_operator_label(entry)}: {entry['gflops']:.3g} GFLOP/s, {at:.3g} a byte"
        place = {"cx": f"{across:.1f}", "cy": f"{up:.1f}", "r": f"{_radius(entry):.1f}"}
        shapes.append(tag("circle", hint(told), **place, class_="bubble s0"))
    shapes += _roofline_labels(placed[:_MOST_LABELS])
    return picture(_WIDTH, _ROOF_HEIGHT + 48, "Operators under the roofline", *shapes)


def _roof(x: Axis, y: Axis, roof: Mapping[str, float], ends: tuple[float, float]) -> list[str]:
    """The grid, and the two roofs between these operations a byte."""
    shapes = [
        label(x(tick), _ROOF_HEIGHT + 20, f"{tick:g}", "s mid")
        + line(x(tick), y.start, x(tick), y.end, "grid")
        for tick in x.ticks()
    ]
    shapes += [
        label(x.start - 8, y(tick) + 4, f"{tick:g}", "s end")
        + line(x.start, y(tick), x.end, y(tick), "grid")
        for tick in y.ticks()
    ]
    ridge = roof["gflops"] / roof["gigabytes_per_s"]
    slope_start = max(ends[0], 10**-6)
    low = max(slope_start * roof["gigabytes_per_s"], 1e-9)
    return [
        *shapes,
        line(x(slope_start), y(low), x(ridge), y(roof["gflops"]), "axis"),
        line(x(ridge), y(roof["gflops"]), x(ends[1]), y(roof["gflops"]), "axis"),
        label(x.end, _ROOF_HEIGHT + 40, "operations a byte", "t end"),
        label(8.0, 12.0, "GFLOP/s", "t"),
    ]


def _figures(
    payload: Mapping[str, Any], operators: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    macs = sum(entry["macs"] for entry in operators)
    rate = 2 * macs / (payload["latency_p50_us"] * 1e3) if payload["latency_p50_us"] else 0.0
    return [
        (units.duration(payload["latency_p50_us"]), "a whole call, p50"),
        (f"{macs / 1e6:.3g} M", "multiplications with an addition"),
        (f"{rate:.3g} GFLOP/s", "over a whole call"),
        (f"{payload['roofline']['gflops']:g} GFLOP/s", "one core at most, float32"),
    ]


def _operator_rows(payload: Mapping[str, Any]) -> list[list[str]]:
    header = ["operator", "layer", "tensor", "time", "share", "GFLOP/s", "of the roof", "delegated"]
    ordered = sorted(payload["operators"], key=lambda entry: -entry["time_us"])
    return [header, *(_operator_cells(entry) for entry in ordered)]


def _operator_cells(entry: Mapping[str, Any]) -> list[str]:
    roof = entry["roof_share"]
    known = {True: "yes", False: "no", None: units.UNKNOWN}
    return [
        _short(entry["kind"]),
        _short(entry["layer"] or units.UNKNOWN),
        _short(entry["name"] or units.UNKNOWN),
        _time(entry),
        f"{entry['share']:.1%}",
        units.UNKNOWN if entry["gflops"] is None else f"{entry['gflops']:.3g}",
        units.UNKNOWN if roof is None else f"{roof:.0%}",
        known[entry["delegated"]],
    ]


def _group_rows(payload: Mapping[str, Any], which: str) -> list[list[str]]:
    header = [which.removeprefix("by_"), "operators", "time", "share", "MACs"]
    return [
        header,
        *(
            [
                _short(entry["name"]),
                str(entry["operators"]),
                units.duration(entry["time_us"]),
                f"{entry['share']:.1%}",
                f"{entry['macs']:,}" if entry["macs"] else units.UNKNOWN,
            ]
            for entry in payload[which]
        ),
    ]


def _page_table(payload: Mapping[str, Any]) -> str:
    header, *rows = _operator_rows(payload)
    cells = [page.row([text(cell) for cell in row], 3) for row in rows]
    return page.table(header, cells, left=3)


def _time(entry: Mapping[str, Any]) -> str:
    low, high = entry["time_us_low"], entry["time_us_high"]
    spread = "" if low is None or high is None else f" ±{(high - low) / 2:.2g}"
    return f"{units.duration(entry['time_us'])}{spread}"


def _operator_label(entry: Mapping[str, Any]) -> str:
    place = entry["layer"] or entry["name"]
    return _short(f"{entry['kind']} {place}".strip())


def _bars(entries: Sequence[Mapping[str, Any]], named: Any) -> str:
    """One bar an entry; of very many the longest ones, in their order."""
    shown = list(entries)
    if len(shown) > _MOST_BARS:
        least = sorted((entry["time_us"] for entry in shown), reverse=True)[_MOST_BARS - 1]
        shown = [entry for entry in shown if entry["time_us"] >= least][:_MOST_BARS]
    longest = max((entry["time_us"] for entry in shown), default=0.0) or 1.0
    names = [named(entry) for entry in shown]
    x = Axis(0.0, longest, 12.0 + max(map(breadth, names), default=8.0), _WIDTH - 120.0)
    shapes = []
    for index, (entry, name) in enumerate(zip(shown, names, strict=True)):
        y = _ROW * index
        reach = max(1.0, x(entry["time_us"]) - x.start)
        told = f"{units.duration(entry['time_us'])}, {entry['share']:.1%}"
        bar = tag(
            "rect",
            hint(f"{name}: {told}"),
            x=f"{x.start:.1f}",
            y=f"{y + 3:.1f}",
            width=f"{reach:.1f}",
            height=f"{_ROW - 7:.1f}",
            class_="s0 solid",
        )
        shapes += [label(x.start - 8, y + 14, name, "t end"), bar]
        shapes.append(label(x.start + reach + 6, y + 14, told, "t"))
    left_out = len(entries) - len(shown)
    note = tag("p", f"{left_out} shorter ones are in the table.", class_="note") if left_out else ""
    return picture(_WIDTH, _ROW * len(shown) + 6, "Time by part", *shapes) + note


def _radius(entry: Mapping[str, Any]) -> float:
    return 4 + 10 * math.sqrt(float(entry["share"]))


def _roofline_labels(placed: Sequence[tuple[Mapping[str, Any], float, float]]) -> list[str]:
    """Names beside the largest circles, as far as they do not touch one another.

    Args:
        placed: Operators and where they are drawn, the largest first.
    """
    shapes = []
    taken: list[tuple[float, float, float]] = []
    for entry, across, up in placed:
        name = _operator_label(entry)
        wide, away = breadth(name), _radius(entry) + 5
        is_right = across + away + wide < _WIDTH
        left = across + away if is_right else across - away - wide
        is_free = all(
            abs(up - height) > _LABEL_HEIGHT or left > end or left + wide < start
            for start, end, height in taken
        )
        if is_free and left > _ROOF_LEFT:
            taken.append((left, left + wide, up))
            place = across + away if is_right else across - away
            shapes.append(label(place, up + 4, name, "t halo" if is_right else "t halo end"))
    return shapes


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
