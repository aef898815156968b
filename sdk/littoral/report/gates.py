"""What changed between two measurements, for a terminal, a pull request and a build server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from littoral.gates import shown
from littoral.report import units
from littoral.report.tables import aligned

_SIGNS = {"passed": "ok", "breached": "BREACHED", "undecided": "undecided", "unknown": "UNKNOWN"}
_HEADER = ("metric", "before", "after", "change", "95% interval", "")


def gates_table(payload: Mapping[str, Any]) -> str:
    """Every metric of every file, then the gates.

    Args:
        payload: What `littoral.regressions.compare_measurements` returns.

    Returns:
        Lines without a final newline.
    """
    lines = []
    for file in payload["files"]:
        rows = [_HEADER, *(_cells(change) for change in file["changes"])]
        lines += [file["name"], *(f"  {line}" for line in aligned(rows, left=1))]
        lines += [f"  {_SIGNS[v['outcome']]:9}  {v['gate']}: {v['words']}" for v in _verdicts(file)]
        lines += [f"  note: {note}" for note in file["notes"]]
        lines.append("")
    lines += [f"only in {place}: {name}" for place, name in _alone(payload)]
    return "\n".join([*lines, _conclusion(payload)]).strip()


def gates_markdown(payload: Mapping[str, Any]) -> str:
    """The same for a pull request.

    Args:
        payload: What `littoral.regressions.compare_measurements` returns.

    Returns:
        Markdown with a final newline; text from files is escaped.
    """
    lines = [f"### {_conclusion(payload)}", ""]
    for file in payload["files"]:
        lines += [f"**{_escaped(file['name'])}**", ""]
        verdicts = _verdicts(file)
        if verdicts:
            lines += ["| gate | verdict | |", "|---|---|---|"]
            lines += [
                f"| `{_escaped(v['gate'])}` | {_SIGNS[v['outcome']]} | {_escaped(v['words'])} |"
                for v in verdicts
            ]
            lines.append("")
        lines += [f"| {' | '.join(_HEADER)} |", "|---|--:|--:|--:|--:|---|"]
        lines += [f"| {' | '.join(_cells(change))} |" for change in file["changes"]]
        lines.append("")
        lines += [f"{_escaped(note)}\n" for note in file["notes"]]
    lines += [f"- only in {_escaped(place)}: {_escaped(name)}" for place, name in _alone(payload)]
    return "\n".join(lines).rstrip() + "\n"


def gates_junit(payload: Mapping[str, Any]) -> str:
    """The same for a build server: a test suite a file, a test case a gate.

    Args:
        payload: What `littoral.regressions.compare_measurements` returns.

    Returns:
        JUnit XML. A gate that noise may explain is a passed case with a note in ``system-out``; a
        figure that is missing is an error.
    """
    root = ElementTree.Element("testsuites", name="littoral compare")
    for file in payload["files"]:
        verdicts = _verdicts(file)
        bad = [v["outcome"] for v in verdicts]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_printable(file["name"]),
            tests=str(len(verdicts)),
            failures=str(bad.count("breached")),
            errors=str(bad.count("unknown")),
            skipped="0",
        )
        for verdict in verdicts:
            case = ElementTree.SubElement(
                suite, "testcase", name=verdict["gate"], classname=_printable(file["name"])
            )
            tag = {"breached": "failure", "unknown": "error"}.get(verdict["outcome"])
            if tag is not None:
                ElementTree.SubElement(case, tag, message=verdict["words"]).text = verdict["words"]
            else:
                ElementTree.SubElement(case, "system-out").text = verdict["words"]
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
    return text + "\n"


def _cells(change: Mapping[str, Any]) -> tuple[str, ...]:
    metric, ratio = change["metric"], change["ratio"]
    low, high = change["ratio_low"], change["ratio_high"]
    interval = "" if low is None or low == high else f"{low - 1:+.1%} to {high - 1:+.1%}"
    moved = units.UNKNOWN if ratio is None else f"{ratio - 1:+.1%}"
    if metric == "accuracy":
        moved, interval = f"{change['new'] - change['old']:+.2f} points", ""
    note = "significant" if change["significant"] else ""
    return metric, shown(metric, change["old"]), shown(metric, change["new"]), moved, interval, note


def _verdicts(file: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(file["verdicts"])


def _alone(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    sides = ("old", "new")
    return [(payload[side], name) for side in sides for name in payload[f"only_in_{side}"]]


def _conclusion(payload: Mapping[str, Any]) -> str:
    outcomes = [v["outcome"] for file in payload["files"] for v in file["verdicts"]]
    if not outcomes:
        moved = sum(c["significant"] for file in payload["files"] for c in file["changes"])
        return f"{moved} figure{'s' * (moved != 1)} changed beyond noise; no gate was given"
    bad = sum(outcome in ("breached", "unknown") for outcome in outcomes)
    open_ones = outcomes.count("undecided")
    told = "all gates hold" if not bad else f"{bad} of {len(outcomes)} gates do not hold"
    return told + (f", {open_ones} undecided: measure longer" if open_ones else "")


def _escaped(words: str) -> str:
    for character in "\\`*_[]<>|":
        words = words.replace(character, f"\\{character}")
    return " ".join(words.split())


def _printable(words: str) -> str:
    """XML 1.0 has no way to write control characters."""
    return "".join(character if character >= " " else "?" for character in words)
