"""The table and the page of ``littoral debug``: signal to noise, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from littoral.report import page, units
from littoral.report.markup import Axis, hint, label, line, picture, tag, text
from littoral.report.tables import aligned

_HEADER = (
    "layer",
    "class",
    "tensor in the file",
    "operator",
    "signal to noise",
    "added here",
    "error",
)
_LONGEST_NAME = 38
_ROW = 21.0
_WIDTH = 1060.0
_MOST_DB = 120.0
"""Above it float32 itself rounds: more is drawn as this much."""

_WORDS = (
    (
        "Signal to noise",
        "Keras's output is the signal, what the file adds to it the noise: 20 dB is a tenth of its "
        "size, 40 dB a hundredth, 120 dB what float32 rounds. Eight bits over a range that is well "
        "used give 48 dB at best.",
    ),
    (
        "Added here",
        "The signal-to-noise ratio that the layer would have if its own noise were the only one: "
        "where this is low, noise is made; the other layers only inherit it.",
    ),
    (
        "The first wrong layer",
        "The first one, in the order in which Keras computes, whose signal to noise is below the "
        "limit. Look there first. A layer whose noise is all its own has a limit 5 dB higher.",
    ),
    (
        "Fused away",
        "Converters compute several layers in one operator; then only the last of them has a "
        "tensor that could be compared. What is computed from a fused layer shows how right it is.",
    ),
    (
        "Outputs",
        "The model's outputs were read from a run as users get it; the layers inside from one that "
        "keeps every tensor, for which an engine leaves some of its shortcuts out.",
    ),
)


def layers_table(payload: Mapping[str, Any]) -> str:
    """What is wrong first, then every layer from the worst, then those without a tensor.

    Args:
        payload: What ``debug --json`` prints.

    Returns:
        Lines without a final newline.
    """
    rows = [_cells(entry) for entry in _from_worst(payload)]
    shortened = [[_short(cell) for cell in row] for row in (_HEADER, *rows)]
    parts = [[_verdict(payload)], aligned(shortened, left=4)]
    if payload["invented_inputs"]:
        parts[0].append(
            "The inputs were random, perhaps unlike any that it was made for: give --data"
        )
    if payload["fused"]:
        parts.append([_fused(payload)])
    return "\n\n".join("\n".join(part) for part in parts)


def layers_report(payload: Mapping[str, Any]) -> str:
    """The page.

    Args:
        payload: What ``debug --json`` prints.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    rows = [page.row(_markup(_cells(entry)), 3) for entry in _from_worst(payload)]
    fused = page.card(tag("p", text(_fused(payload)))) if payload["fused"] else ""
    blocks = [
        page.tiles(_figures(payload)),
        page.heading("picture", "Signal to noise in Keras's order"),
        page.card(_picture(payload)),
        page.heading("layers", "Every layer, the worst first"),
        page.card(page.table([*_HEADER[:3], *_HEADER[4:]], rows, left=3)),
        fused,
        page.heading("how", "How to read this page"),
        page.how_to_read(_WORDS),
    ]
    inputs = "random inputs" if payload["invented_inputs"] else "inputs"
    lead = f"{payload['path']} against {payload['model']} on {payload['samples']:,} {inputs}."
    return page.page(_verdict(payload), lead, {}, blocks)


def _from_worst(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    known = [entry for entry in payload["layers"] if entry["snr_db"] is not None]
    return sorted(known, key=lambda entry: entry["snr_db"])


def _first_wrong(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((entry for entry in payload["layers"] if _is_wrong(entry)), None)


def _is_wrong(entry: Mapping[str, Any]) -> bool:
    return entry["snr_db"] is not None and bool(entry["snr_db"] < entry["limit_db"])


def _verdict(payload: Mapping[str, Any]) -> str:
    first = _first_wrong(payload)
    if first is None:
        return f"No layer is wrong: all keep {payload['limit_db']:g} dB or more"
    names = payload["suspected"]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    of_others = f"; or {', '.join(names[:3])}{more}, without a tensor of their own" if names else ""
    return (
        f"{_called(first)} is where it goes wrong first: "
        f"{units.decibels(first['snr_db'])} (limit {first['limit_db']:g} dB){of_others}"
    )


def _called(entry: Mapping[str, Any]) -> str:
    if entry["kind"] in ("Input", "Output"):
        return f"{entry['kind']} {entry['layer']}"
    return f"Layer {entry['layer']} ({entry['kind']})"


def _fused(payload: Mapping[str, Any]) -> str:
    kinds = {entry["layer"]: entry["kind"] for entry in payload["layers"]}
    names = ", ".join(f"{name} ({kinds[name]})" for name in payload["fused"])
    return f"no tensor of their own in the file (fused into another layer): {names}"


def _cells(entry: Mapping[str, Any]) -> list[str]:
    return [
        entry["layer"],
        entry["kind"],
        entry["tensor"],
        entry["operator"] or units.UNKNOWN,
        units.decibels(entry["snr_db"]),
        units.decibels(entry["added_db"]),
        f"{entry['max_abs_error']:.3g} ({units.percent(entry['relative_error'])})",
    ]


def _markup(cells: Sequence[str]) -> list[str]:
    """The cells of a page's row, the operator below its tensor: seven columns are too wide."""
    layer, kind, tensor, operator, *figures = map(text, cells)
    return [layer, kind, tensor + tag("small", operator), *figures]


def _short(name: str) -> str:
    """The end of a long name, which tells it from others."""
    return name if len(name) <= _LONGEST_NAME else f"...{name[3 - _LONGEST_NAME :]}"


def _figures(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = _from_worst(payload)
    wrong = sum(map(_is_wrong, known))
    worst = known[0]
    makers = [entry for entry in known if entry["added_db"] is not None]
    figures = [
        (
            f"{wrong} of {len(known)}",
            f"layers and outputs are below their limit of {payload['limit_db']:g} dB",
        ),
        (units.decibels(worst["snr_db"]), f"the worst: {worst['layer']}"),
    ]
    if makers:
        loudest = min(makers, key=lambda entry: entry["added_db"])
        words = f"is what {loudest['layer']} adds, more noise than any other"
        figures.append((units.decibels(loudest["added_db"]), words))
    figures.append((str(len(payload["fused"])), "layers were fused away"))
    return figures


def _picture(payload: Mapping[str, Any]) -> str:
    """One bar a layer in Keras's order, the limit across, wrong ones in another colour."""
    entries: Sequence[Mapping[str, Any]] = payload["layers"]
    limit = payload["limit_db"]
    names = [_short(_label(entry)) for entry in entries]
    left = min(24.0 + 6.6 * max(map(len, names)), 0.4 * _WIDTH)
    x = Axis(0.0, _MOST_DB, left, _WIDTH - 84.0)
    height = _ROW * len(entries)
    shapes = [
        line(x(tick), 0.0, x(tick), height + 4, "grid")
        + label(x(tick), height + 20, f"{tick:g} dB", "s mid")
        for tick in x.ticks(6)
    ]
    first = _first_wrong(payload)
    for index, (name, entry) in enumerate(zip(names, entries, strict=True)):
        shapes.append(_bar(name, entry, x, _ROW * index, entry is first))
    shapes.append(line(x(limit), 0.0, x(limit), height + 4, "keras"))
    title = "Signal-to-noise ratio of every layer"
    return picture(_WIDTH, height + 28, title, *shapes)


def _label(entry: Mapping[str, Any]) -> str:
    return f"output {entry['layer']}" if entry["kind"] == "Output" else str(entry["layer"])


def _bar(name: str, entry: Mapping[str, Any], x: Axis, top: float, is_first: bool) -> str:
    middle = top + _ROW / 2
    ratio = entry["snr_db"]
    bold = "b end" if is_first else "end"
    written = label(x.start - 10, middle + 4, name, bold)
    if ratio is None:
        return tag("g", written, label(x.start + 6, middle + 4, "fused away", "s"))
    facts = hint("\n".join(f"{a}: {b}" for a, b in zip(_HEADER, _cells(entry), strict=True)))
    kind = "miss" if _is_wrong(entry) else "hit"
    wide = max(1.5, x(ratio) - x.start)
    return tag(
        "g",
        facts,
        tag("rect", x=0.0, y=top, width=_WIDTH, height=_ROW, fill="transparent"),
        written,
        tag("rect", x=x.start, y=top + 4, width=wide, height=_ROW - 8, rx=2, class_=kind),
        label(_WIDTH, middle + 4, units.decibels(ratio), bold),
    )
