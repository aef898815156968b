"""The frame of a page and the blocks that pages share. Nothing in it needs the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from littoral import __version__
from littoral.report import units
from littoral.report.markup import tag, text
from littoral.report.style import sheet
from littoral.statistics import Estimate

_WAVE = (
    '<svg class="wave" viewBox="0 0 1200 38" preserveAspectRatio="none" aria-hidden="true">'
    '<path d="M0 22C150 2 280 2 430 18S720 40 880 20 1110 4 1200 16V38H0Z"/></svg>'
)


def page(title: str, lead: str, links: Mapping[str, str], blocks: Sequence[str]) -> str:
    """A whole HTML document.

    Args:
        title: The headline, plain text.
        lead: The sentence below it, plain text.
        links: Text by anchor, for the row of links.
        blocks: Markup, top to bottom.

    Returns:
        The document; it refers to nothing outside itself.
    """
    anchors = [tag("a", text(name), href=f"#{anchor}") for anchor, name in links.items()]
    head = tag(
        "div",
        tag("p", "littoral", class_="brand"),
        tag("h1", text(title)),
        tag("p", text(lead), class_="lead"),
        tag("nav", *anchors) if anchors else "",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{sheet()}</style></head>\n<body>"
        f"<header>{head}{_WAVE}</header>\n<main>" + "\n".join(blocks) + "</main>\n"
        f"<footer><main>Written by littoral {text(__version__)}. "
        "This page is one file and needs no network.</main></footer></body></html>\n"
    )


def tiles(entries: Sequence[tuple[str, str]]) -> str:
    """Large figures with a line of explanation each."""
    made = [
        tag("div", tag("b", text(figure)), tag("span", text(words)), class_="tile")
        for figure, words in entries
    ]
    return tag("div", *made, class_="tiles")


def card(*content: str, class_: str = "") -> str:
    """A block on a surface of its own."""
    return tag("section", *content, class_=f"card {class_}".strip())


def heading(anchor: str, title: str) -> str:
    """A section's heading that links can reach."""
    return tag("h2", text(title), id=anchor)


def present(sections: Mapping[str, str], blocks: Sequence[str]) -> dict[str, str]:
    """Those sections, by anchor, whose heading is among the blocks."""
    markup = "".join(blocks)
    return {anchor: name for anchor, name in sections.items() if f'id="{anchor}"' in markup}


def warning(words: str) -> str:
    """Something the reader must know before the figures."""
    return card(tag("p", text(words)), class_="warning")


def findings(sentences: Sequence[str]) -> str:
    """A list of sentences."""
    return tag("ul", *(tag("li", text(words)) for words in sentences), class_="findings")


def table(header: Sequence[str], rows: Sequence[str], left: int) -> str:
    """A table that scrolls sideways on a narrow screen.

    Args:
        header: Column names.
        rows: Markup of the rows, see `row`.
        left: So many columns are aligned left.
    """
    cells = [
        tag("th", text(name), class_="l" if index < left else None, scope="col")
        for index, name in enumerate(header)
    ]
    whole = tag("table", tag("thead", tag("tr", *cells)), tag("tbody", *rows))
    return tag("div", whole, class_="scroll", tabindex=0)


def row(cells: Sequence[str], left: int, tops: Sequence[int] = (), is_best: bool = False) -> str:
    """A table row of markup cells; `tops` are the columns where it is the best."""
    made = []
    for index, cell in enumerate(cells):
        classes = ["l"] * (index < left) + ["top"] * (index in tops)
        made.append(tag("td", cell, class_=" ".join(classes) or None))
    return tag("tr", *made, class_="best" if is_best else None)


def latency_cell(estimate: Estimate | None) -> str:
    """A latency with its interval below."""
    if estimate is None:
        return units.UNKNOWN
    if estimate.low is None and estimate.high is None:
        return text(units.duration(estimate.value))
    return text(units.duration(estimate.value)) + tag("small", text(units.interval(estimate)))


def environment(facts: Mapping[str, Any], title: str = "") -> str:
    """The machine and the software, what is not known left out.

    Args:
        facts: `littoral.environment.describe`, and what a target adds.
        title: Markup above them.
    """
    shown = [(name, _fact(key, value)) for key, name, value in _facts(facts)]
    pairs = [
        tag("div", tag("dt", text(name)), tag("dd", text(value))) for name, value in shown if value
    ]
    return card(title, tag("dl", *pairs))


def how_to_read(entries: Sequence[tuple[str, str]]) -> str:
    """Short explanations under their names."""
    made = [tag("div", tag("h3", text(name)), tag("p", text(words))) for name, words in entries]
    return card(tag("div", *made, class_="how"))


LATENCY_WORDS = (
    (
        "Latency: p50, p90, p99",
        "Half of the calls were at least as fast as p50, nine in ten as fast as p90, all but one "
        "in a hundred as fast as p99. One call is one sample through Model.run, with everything "
        "that a program pays for. p90 is what MLPerf quotes for a single stream.",
    ),
    (
        "Intervals",
        "Under a latency stands its 95% interval: measured again under the same conditions, "
        "the true percentile lies inside it in 19 of 20 cases. It comes from order statistics, "
        "assumes no distribution, and widens when the machine has slow stretches. Where two "
        "intervals overlap, do not call one file faster.",
    ),
    (
        "Fair comparison",
        "All files of a comparison were timed in turn, round by round, in shuffled order, so that "
        "a slow moment of the machine falls on all of them.",
    ),
    (
        "Cold start and memory",
        "A fresh process from its start to the first result, Python, numpy and the engine "
        "included, with the file in the page cache; and the largest memory of that process. The "
        "model's own memory is what a second load of the file and one run add to it.",
    ),
)

_NAMES = {
    "cpu": "Processor",
    "board": "Board",
    "machine": "Architecture",
    "cores": "Cores used at most",
    "governor": "Frequency governor",
    "frequency_mhz": "Frequency",
    "temperature_celsius": "Temperature",
    "heat": "Temperature before, highest, after",
    "clock": "Clock before, lowest, after",
    "throttled": "Throttled meanwhile",
    "load_average": "Load average",
    "memory_bytes": "Memory",
    "os": "Operating system",
    "kernel": "Kernel",
    "python": "Python",
    "numpy": "NumPy",
    "littoral": "littoral",
    "engines": "Engines",
    "hardware": "Hardware",
    "abi": "ABI",
    "battery_percent": "Battery, %",
    "battery_celsius": "Battery, °C",
    "is_charging": "Charging",
    "thermal_status": "Thermal status",
    "browser": "Browser",
    "isolated": "Page may use threads",
    "clock_resolution_us": "Clock resolution",
    "preflight": "Speaks against measuring",
    "measured_at": "Measured at",
}


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    facts = {**facts, **_of_conditions(facts.get("conditions") or {})}
    facts.pop("conditions", None)
    known = [(key, name, facts.get(key)) for key, name in _NAMES.items()]
    return known + [(key, key, value) for key, value in facts.items() if key not in _NAMES]


def _of_conditions(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Three readings of each sensor in one line, as far as it was there to be read."""
    heat = [
        conditions.get(f"temperature_{when}_celsius") for when in ("before", "highest", "after")
    ]
    clock = [conditions.get(f"frequency_{when}_mhz") for when in ("before", "lowest", "after")]
    return {
        "heat": None if None in heat else f"{', '.join(f'{one:.0f}' for one in heat)} °C",
        "clock": None if None in clock else f"{', '.join(f'{one:.0f}' for one in clock)} MHz",
        "throttled": conditions.get("throttled"),
    }


def _fact(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    written = {
        "frequency_mhz": lambda: f"{value:.0f} MHz",
        "temperature_celsius": lambda: f"{value:.0f} °C",
        "memory_bytes": lambda: units.size(value),
        "clock_resolution_us": lambda: units.duration(value),
    }.get(key)
    if written is not None:
        return written()
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
