"""The table and the page of ``littoral compare``: two files, output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.report import charts, distribution, page, units
from littoral.report.comparison import in_words
from littoral.report.markup import text
from littoral.report.result import distinct_names, format_name, of_bench
from littoral.report.tables import aligned
from littoral.statistics import Estimate

_WORDS = (
    (
        "Difference",
        "The second file's value less the first file's, in the output's own units, over every "
        "value of every sample.",
    ),
    (
        "Agreement",
        "The share of samples for which both files name the same class; for an output that is no "
        "classification, the share of values within 1% of its range.",
    ),
    (
        "Signal to noise",
        "The first file's output is the signal, what the second adds to it the noise: 20 dB is a "
        "tenth, 40 dB a hundredth of its size.",
    ),
)


def pair_table(payload: Mapping[str, Any]) -> str:
    """Both files, their outputs, their operators and the findings, for the terminal.

    Args:
        payload: What ``compare --json`` prints.

    Returns:
        Lines without a final newline.
    """
    a, b = _names(payload)
    files = [["", "A", "B"], ["file", a, b], *(list(row) for row in _facts(payload))]
    outputs = [_OUTPUT_HEADER, *(_output_cells(entry) for entry in payload["outputs"])]
    operators = [["operator", "A", "B"], *(list(row) for row in _operators(payload))]
    parts = [
        aligned(files, left=1),
        aligned(outputs, left=2),
        aligned(operators, left=1),
        _findings(payload),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def pair_report(payload: Mapping[str, Any], rounds: Sequence[Sequence[NDArray[np.int64]]]) -> str:
    """The page.

    Args:
        payload: What ``compare --json`` prints.
        rounds: The timed calls of each file in ns, one array a round; empty without latency.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    a, b = _names(payload)
    blocks = [page.tiles(_figures(payload))]
    if payload.get("reason"):
        blocks.append(page.warning(f"The check failed: {payload['reason']}."))
    blocks += [page.heading("found", "Found"), page.card(page.findings(_findings(payload)))]
    rows = [page.row(list(map(text, _output_cells(e))), 2) for e in payload["outputs"]]
    blocks += [
        page.heading("outputs", "Outputs"),
        page.card(page.table(_OUTPUT_HEADER, rows, left=2)),
        page.heading("files", "Files"),
        page.card(_table(("", a, b), _facts(payload))),
        page.heading("operators", "Operators"),
        page.card(_table(("Operator", a, b), _operators(payload))),
    ]
    if rounds:
        results = of_bench(payload["measurements"])
        blocks += [
            page.heading("latency", "Latency with 95% intervals"),
            page.card(charts.latencies(results, distribution.WIDTH)),
            page.heading("distribution", "Every timed call"),
            page.card(distribution.distributions(results, rounds)),
        ]
    more = page.LATENCY_WORDS[:3] if rounds else ()
    blocks += [page.heading("how", "How to read this page"), page.how_to_read(_WORDS + more)]
    if payload["environment"]:
        blocks.append(page.heading("environment", "Where this was measured"))
        blocks.append(page.environment(payload["environment"]))
    inputs = "random inputs" if payload["invented_inputs"] else "inputs"
    lead = f"Both ran on the same {payload['samples']:,} {inputs}."
    return page.page(f"{b} against {a}", lead, {}, blocks)


_OUTPUT_HEADER = [
    "output",
    "shape",
    "max difference",
    "of the range",
    "mean",
    "rms",
    "signal to noise",
    "agreement",
]


def _names(payload: Mapping[str, Any]) -> list[str]:
    return distinct_names([payload["a"]["path"], payload["b"]["path"]])


def _facts(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows about the files themselves."""
    a, b = payload["a"], payload["b"]
    rows = [
        ("format", format_name(a["format"]), format_name(b["format"])),
        ("scheme", a["scheme"] or units.UNKNOWN, b["scheme"] or units.UNKNOWN),
        ("engine", a["engine"], b["engine"]),
        ("size", units.size(a["size_bytes"]), units.size(b["size_bytes"])),
    ]
    kinds = list(dict.fromkeys([*a["weights"], *b["weights"]]))
    for kind in kinds:
        one, other = (units.size(side["weights"].get(kind)) for side in (a, b))
        rows.append((f"weights {kind}", one, other))
    if a["accuracy"] is not None or b["accuracy"] is not None:
        rows.append(("accuracy", units.percent(a["accuracy"]), units.percent(b["accuracy"])))
    for name in ("p50", "p90"):
        if payload["measurements"]:
            one, other = (
                units.duration_with_spread(Estimate.of_fields(fields, f"latency_{name}_us"))
                for fields in payload["measurements"]
            )
            rows.append((name, one, other))
    return rows


def _operators(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Counts of every operator, those that only one file has with a dash for the other."""
    counts = [payload[side]["operators"] for side in ("a", "b")]
    names = sorted(set(counts[0]) | set(counts[1]), key=str.casefold)
    a, b = ({name: str(count.get(name, units.UNKNOWN)) for name in names} for count in counts)
    return [(name, a[name], b[name]) for name in names]


def _output_cells(entry: Mapping[str, Any]) -> list[str]:
    name = entry["name"]
    if entry["name_in_b"] != name:
        name = f"{name} / {entry['name_in_b']}"
    shape = "x".join(map(str, entry["shape"])) or "scalar"
    if "reason" in entry:
        return [name, shape, entry["reason"], *[units.UNKNOWN] * 5]
    return [
        name,
        shape,
        f"{entry['max_abs']:.3g}",
        units.percent(entry["relative"]),
        f"{entry['mean_abs']:.3g}",
        f"{entry['rms']:.3g}",
        units.decibels(entry["snr_db"]),
        units.percent(entry["agreement"]),
    ]


def _findings(payload: Mapping[str, Any]) -> list[str]:
    """What the figures say, in sentences."""
    found = [_output_words(payload), _size_words(payload), _operator_words(payload)]
    for side in ("a", "b"):
        names = payload[f"outputs_only_in_{side}"]
        if names:
            found.append(f"only {side.upper()} has the outputs {', '.join(names)}")
    broken = sum(entry.get("not_finite", 0) for entry in payload["outputs"])
    if broken:
        found.append(f"{broken} output values are NaN or infinite in one file and not in the other")
    found += _input_words(payload["inputs"])
    found += dict.fromkeys(
        payload[side]["no_accuracy"] for side in ("a", "b") if payload[side]["no_accuracy"]
    )
    latency = payload["latency"]
    if latency is not None:
        ratio = Estimate(latency["ratio"], latency["ratio_low"], latency["ratio_high"])
        found.append(in_words("B", "A", ratio))
    elif payload["measurements"]:
        found.append("the processor is emulated: the times say nothing about a real one")
    return found


def _output_words(payload: Mapping[str, Any]) -> str:
    count = f"{payload['samples']:,} {'random ' * payload['invented_inputs']}inputs"
    if payload["max_difference"] is None:
        return f"on {count} no output of A could be compared with one of B"
    if payload["max_difference"] == 0 and payload["agreement"] == 1:
        return f"on {count} both files say the same"
    return (
        f"on {count} their outputs differ by {payload['max_difference']:.3g} at most and agree in "
        f"{units.percent(payload['agreement'])}"
    )


def _input_words(inputs: Sequence[Mapping[str, str]]) -> list[str]:
    """How several inputs were paired that names do not pair."""
    if len(inputs) < 2 or all(entry["name"] == entry["name_in_b"] for entry in inputs):
        return []
    pairs = ", ".join(f"{entry['name']} of A with {entry['name_in_b']} of B" for entry in inputs)
    return [f"inputs that are called differently were paired by shape and order: {pairs}"]


def _size_words(payload: Mapping[str, Any]) -> str:
    if payload["size_ratio"] == 1:
        return "both have the same size"
    return f"B has {units.times(payload['size_ratio'])} the size of A"


def _operator_words(payload: Mapping[str, Any]) -> str:
    if payload["a"]["format"] != payload["b"]["format"]:
        return "the two formats name their operators differently: only the counts can be compared"
    alone = [
        f"{side.upper()} alone has {', '.join(payload[f'operators_only_in_{side}'])}"
        for side in ("a", "b")
        if payload[f"operators_only_in_{side}"]
    ]
    if alone:
        return "; ".join(alone)
    same = payload["a"]["operators"] == payload["b"]["operators"]
    return f"both use the same operators{'' if same else ', in different numbers'}"


def _figures(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    largest = payload["max_difference"]
    figures = [
        (units.UNKNOWN if largest is None else f"{largest:.3g}", "largest difference of an output"),
        (units.percent(payload["agreement"]), "agreement of the first output"),
        (units.times(payload["size_ratio"]), "B's size to A's"),
    ]
    if payload["latency"] is not None:
        figures.append((units.times(payload["latency"]["ratio"]), "B's latency to A's"))
    return figures


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return page.table(header, [page.row(list(map(text, cells)), 1) for cells in rows], left=1)
