"""The demo's page: every family's files against Keras, in words, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from littoral.report import charts, page, units
from littoral.report.confusion import confusion, most_confused
from littoral.report.findings import best_of, headline, key_figures, sentence, shrink, speedup
from littoral.report.markup import tag, text
from littoral.report.result import Result, family_name, format_name, of_demo

_HEADER = (
    "Format",
    "Scheme",
    "Accuracy",
    "Change",
    "Size",
    "p50",
    "p90",
    "p99",
    "Cold start",
    "Memory",
    "Against Keras",
)

_GLANCE = ("Family", "Best file", "Accuracy", "Keras", "Size", "p50", "Against float32")

_WORDS = (
    (
        "Accuracy and change",
        "Share of the test set that the file gets right, run through the runtime that users run, "
        "and how many percentage points that is above or below the Keras model. Every file was "
        "compared with Keras before it was kept.",
    ),
    (
        "Schemes",
        "float32 keeps every number; float16 stores weights in half the room; dynamic_int8 stores "
        "weights as 8-bit integers; static_int8 computes in 8-bit integers where that pays. Inputs "
        "and outputs stay in real units for all of them.",
    ),
    (
        "The picture",
        "Up and left is better; the larger the shape, the larger the file. Ringed files on the "
        "dashed steps are the Pareto front: no other file is both faster and more accurate. The "
        "dotted line is Keras.",
    ),
)


def demo_report(payload: Mapping[str, Any]) -> str:
    """The page.

    Args:
        payload: What ``demo.json`` holds: ``results``, ``families`` (by family: ``title
            parameters labels confusion accuracy data seconds epochs``), ``environment emulated
            fast seconds versions``. Anything but ``results`` may be missing.

    Returns:
        An HTML document that refers to nothing outside itself.
    """
    results = [of_demo(fields) for fields in payload["results"]]
    by_family = {name: [r for r in results if r.family == name] for name in _families(results)}
    about = payload.get("families") or {}
    titles = {
        name: str(_about(about, name).get("title") or family_name(name)) for name in by_family
    }
    blocks = [page.tiles(key_figures(results))]
    blocks += _warnings(payload)
    blocks.append(page.heading("glance", "At a glance"))
    blocks.append(_glance(by_family, titles))
    for name, own in by_family.items():
        blocks += _family(name, titles[name], own, _about(about, name))
    blocks.append(page.heading("how", "How to read this page"))
    blocks.append(page.how_to_read(_WORDS + page.LATENCY_WORDS))
    blocks.append(page.heading("environment", "Where this was measured"))
    blocks.append(page.environment(_environment(payload)))
    title, lead = headline(results, len(by_family), payload.get("seconds"))
    links = {**titles, "how": "How to read this page", "environment": "Environment"}
    return page.page(title, lead, links, blocks)


def _families(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.family for result in results))


def _about(about: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = about.get(name) or {}
    return found


def _warnings(payload: Mapping[str, Any]) -> list[str]:
    words = []
    if payload.get("emulated"):
        words.append(
            "The processor was emulated. Sizes and accuracies hold; the times say nothing about a "
            "real processor."
        )
    if payload.get("fast"):
        words.append(
            "This was the fast demo: the models were trained briefly, so their accuracies are "
            "below what the full demo reaches. The comparison of each file with its own Keras "
            "model is as strict."
        )
    return [page.warning(sentence) for sentence in words]


def _glance(by_family: Mapping[str, Sequence[Result]], titles: Mapping[str, str]) -> str:
    rows, sentences = [], []
    for name, own in by_family.items():
        best = best_of(own)
        if best is not None:
            rows.append(_glance_row(name, titles[name], own, best))
            sentences.append(tag("li", text(sentence(titles[name], own, best))))
    if not rows:
        return page.card(tag("p", "No file passed and was measured."))
    note = tag("p", "Best: the fastest file among those that agree with Keras.", class_="note")
    findings = tag("ul", *sentences, class_="findings")
    return page.card(page.table(_GLANCE, rows, left=2), note, findings)


def _glance_row(name: str, title: str, own: Sequence[Result], best: Result) -> str:
    ratio, smaller = speedup(own, best), shrink(own, best)
    gains = [f"{units.times(ratio)} as fast"] if ratio and ratio > 1.01 else []
    gains += [f"{units.times(smaller)} smaller"] if smaller and smaller > 1.01 else []
    cells = [
        tag("a", text(title), href=f"#{name}"),
        tag("i", class_=f"chip {best.hue}") + text(best.label),
        text(units.percent(best.accuracy)),
        text(units.percent(best.float_accuracy)),
        text(units.size(best.size_bytes)),
        text(units.duration(best.p50.value if best.p50 else None)),
        text(", ".join(gains) or units.UNKNOWN),
    ]
    return page.row(cells, left=2)


def _family(name: str, title: str, own: Sequence[Result], about: Mapping[str, Any]) -> list[str]:
    keras = next((r.float_accuracy for r in own if r.float_accuracy is not None), None)
    trade = page.card(
        tag("h3", "Latency, accuracy, size"), charts.scatter(own, keras), charts.legend(own)
    )
    bars = page.card(
        tag("h3", "Latency with 95% intervals"),
        charts.latencies(own),
        tag("p", "Solid: p50. Pale: up to p90. Stroke: p99. Whiskers: intervals.", class_="note"),
    )
    blocks = [page.heading(name, title), tag("p", text(_facts(own, about, keras)), class_="soft")]
    blocks.append(_data_note(about.get("data") or {}))
    blocks.append(tag("div", trade, bars, class_="pair"))
    blocks.append(page.card(_results_table(own)))
    if about.get("confusion"):
        blocks.append(_confusion_card(about))
    return blocks


def _facts(own: Sequence[Result], about: Mapping[str, Any], keras: float | None) -> str:
    facts = []
    if about.get("parameters"):
        facts.append(f"{about['parameters']:,} parameters")
    if about.get("epochs"):
        facts.append(f"{about['epochs']} epoch{'s' * (about['epochs'] != 1)}")
    if about.get("seconds"):
        facts.append(f"{about['seconds']:.0f} s of training")
    if keras is not None:
        facts.append(f"Keras gets {units.percent(keras)} of the test set right")
    facts.append(f"{len(own)} files")
    return " \N{MIDDLE DOT} ".join(facts)


def _data_note(card: Mapping[str, Any]) -> str:
    """Whose the data is and how it was split: what its licence asks for, in one line."""
    parts = [("Data", "name"), ("by", "attribution"), ("source", "source")]
    parts += [("licence", "licence"), ("split", "split")]
    known = [f"{words}: {card[key]}" for words, key in parts if card.get(key)]
    return tag("p", text("; ".join(known) + "."), class_="note") if known else ""


def _results_table(own: Sequence[Result]) -> str:
    best = best_of(own)
    tops = _tops(own)
    rows = [
        page.row(_cells(result), 2, [i for i, one in tops if one is result], result is best)
        for result in own
    ]
    return page.table(_HEADER, rows, left=2)


def _tops(own: Sequence[Result]) -> list[tuple[int, Result]]:
    """For each column, the file that is best in it."""
    figures: tuple[tuple[int, Callable[[Result], float | None]], ...] = (
        (2, lambda r: None if r.accuracy is None else -r.accuracy),
        (4, lambda r: r.size_bytes),
        (5, lambda r: r.p50.value if r.p50 else None),
        (6, lambda r: r.p90.value if r.p90 else None),
        (7, lambda r: r.p99.value if r.p99 else None),
        (8, lambda r: r.cold_start_ms),
        (9, lambda r: r.peak_memory_bytes),
    )
    tops: list[tuple[int, Result]] = []
    for column, figure in figures:
        known = [(value, result) for result in own if (value := figure(result)) is not None]
        least = min((value for value, _ in known), default=None)
        tops += [(column, result) for value, result in known if value == least]
    return tops


def _cells(result: Result) -> list[str]:
    cold = result.cold_start_ms
    lowering = tag("small", text(result.lowering)) if result.lowering else ""
    return [
        text(format_name(result.format)),
        tag("i", class_=f"chip {result.hue}") + text(result.scheme) + lowering,
        text(units.percent(result.accuracy)),
        text(units.points(result.drop_points)),
        text(units.size(result.size_bytes)),
        page.latency_cell(result.p50),
        page.latency_cell(result.p90),
        page.latency_cell(result.p99),
        text(units.duration(None if cold is None else cold * 1e3)),
        text(units.size(result.peak_memory_bytes)),
        _verdict(result),
    ]


def _verdict(result: Result) -> str:
    error = "" if result.max_abs_error is None else f"error {result.max_abs_error:.0e}"
    said = ""
    if result.passed is not None:
        words, class_ = ("agrees", "ok") if result.passed else ("differs", "no")
        said = tag("span", words, class_=class_)
    return said + tag("small", text(error)) if error else said


def _confusion_card(about: Mapping[str, Any]) -> str:
    matrix = about["confusion"]
    labels = [str(name) for name in about.get("labels") or range(len(matrix))]
    mistakes = most_confused(matrix, labels, 8)
    entries = [
        tag("li", f"<b>{text(true)}</b> taken for <b>{text(said)}</b>: {count} of {total}")
        for true, said, count, total in mistakes
    ]
    total = sum(map(sum, matrix))
    wrong = total - sum(matrix[index][index] for index in range(len(matrix)))
    words = [
        tag("h3", "What it confuses"),
        tag(
            "p",
            text(f"{wrong:,} of {total:,} test samples are taken for another class."),
            class_="soft",
        ),
        tag("ul", *entries, class_="findings") if entries else "",
    ]
    return page.card(
        tag("div", tag("div", confusion(matrix, labels)), tag("div", *words), class_="confusion")
    )


def _environment(payload: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(payload.get("environment") or {})
    for name, number in (payload.get("versions") or {}).items():
        if name not in facts:
            facts[name] = number
    return facts
