"""Two files of measurements, an earlier and a later one: what changed, and which gates it breaks.

found = compare_measurements("old.json", "new.json", ["p90<=+5%", "size<=200k"])
found["passed"]
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from littoral import gates
from littoral.errors import InputError
from littoral.gates import Change, Gate, Verdict
from littoral.statistics import Estimate

_LISTS = ("measurements", "results")
"""Where a verb's JSON keeps its figures: ``bench`` and ``compare``, ``demo`` and ``convert``."""

_SAME_MACHINE = ("cpu", "machine", "cores", "board")
_IDENTITY = ("target", "format", "scheme", "engine", "threads")

Fields = Mapping[str, Any]


def compare_measurements(
    old: str | os.PathLike[str], new: str | os.PathLike[str], limits: Sequence[str] = ()
) -> dict[str, Any]:
    """Compare two files that ``littoral bench --json`` (or any verb that lists figures) wrote.

    Args:
        old: The earlier one.
        new: The later one.
        limits: Gates, see `littoral.gates`.

    Returns:
        JSON-able: ``old new files only_in_old only_in_new passed``; each of ``files``
        has ``name changes verdicts notes``. ``passed`` is False when a gate is breached.

    Raises:
        InputError: A file or gate cannot be read, nothing in one is also in the other, or a gate
            asks for times that two different or emulated machines gave.
    """
    wanted = [gates.parse(limit) for limit in limits]
    before, after = _read(Path(old)), _read(Path(new))
    if any(gates.METRICS[gate.metric].kind == "time" for gate in wanted):
        _check_same_machine(before, after)
    pairs, alone = _matched(_entries(before), _entries(after))
    if not pairs:
        raise InputError(f"no file of {old} is also in {new}: nothing can be compared")
    disturbed = any(_is_disturbed(content) for content in (before, after))
    files = [_file(name, *pair, wanted, is_disturbed=disturbed) for name, pair in pairs.items()]
    return {
        "old": str(old),
        "new": str(new),
        "files": files,
        "only_in_old": alone[0],
        "only_in_new": alone[1],
        "passed": _passed(files),
    }


def judge_pair(
    old: Fields, new: Fields, paired: Mapping[str, Estimate], limits: Sequence[str]
) -> dict[str, Any]:
    """The same for two files that were measured in turn, in one run.

    Args:
        old: The figures of the first, as a measurement's JSON has them.
        new: Those of the second.
        paired: By metric, second to first by pairs of rounds: narrower than two intervals.
        limits: Gates, see `littoral.gates`.

    Raises:
        InputError: A gate cannot be read, or asks for times of an emulated machine.
    """
    wanted = [gates.parse(limit) for limit in limits]
    if any(gates.METRICS[gate.metric].kind == "time" for gate in wanted):
        _check_same_machine(old, new)
    file = _file(_name(new, full=False), old, new, wanted, paired)
    return {
        "old": str(old.get("path")),
        "new": str(new.get("path")),
        "files": [file],
        "only_in_old": [],
        "only_in_new": [],
        "passed": _passed([file]),
    }


def _passed(files: Sequence[Mapping[str, Any]]) -> bool:
    outcomes = {verdict["outcome"] for file in files for verdict in file["verdicts"]}
    return not {"breached", "unknown"} & outcomes


def _file(
    name: str,
    old: Fields,
    new: Fields,
    wanted: Sequence[Gate],
    paired: Mapping[str, Estimate] | None = None,
    *,
    is_disturbed: bool = False,
) -> dict[str, Any]:
    ratios = paired or {}
    changes = {
        metric: gates.change(metric, old, new, ratios.get(metric), is_disturbed=is_disturbed)
        for metric in gates.METRICS
    }
    verdicts = [gates.judge(gate, changes[gate.metric]) for gate in wanted]
    return {
        "name": name,
        "changes": [_change(one) for one in changes.values() if one.old and one.new],
        "verdicts": [_verdict(one) for one in verdicts],
        "notes": _notes(old, new),
    }


def _notes(old: Fields, new: Fields) -> list[str]:
    """What to know of the changes: accuracies of different data can hardly be compared."""
    before, after = (fields.get("samples") for fields in (old, new))
    known = all(f.get("accuracy") is not None and f.get("samples") for f in (old, new))
    if not known or before == after:
        return []
    return [
        f"the accuracy was taken on different evaluation data: {before:,} samples before, "
        f"{after:,} after"
    ]


def _change(found: Change) -> dict[str, Any]:
    ratio = None if found.ratio is None else found.ratio.scaled(1, 4)
    value, low, high = ratio or (None, None, None)
    return {
        "metric": found.metric,
        "old": None if found.old is None else found.old.value,
        "new": None if found.new is None else found.new.value,
        "ratio": value,
        "ratio_low": low,
        "ratio_high": high,
        "significant": found.is_significant,
        "in_yardsticks": found.in_yardsticks,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"gate": verdict.gate, "outcome": verdict.outcome, "words": verdict.words}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a file of measurements: {error}") from error
    entries = _entries(content) if isinstance(content, dict) else []
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(
            f"{path}: holds no measurements; make it by littoral bench FILE --json > {path.name}"
        )
    return dict(content)


def _entries(content: Mapping[str, Any]) -> list[Fields]:
    return next((list(content[name]) for name in _LISTS if isinstance(content.get(name), list)), [])


def _check_same_machine(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if old.get("emulated") or new.get("emulated"):
        raise InputError("times from an emulated processor cannot be gated: they say nothing")
    places = [content.get("environment") or {} for content in (old, new)]
    for name in _SAME_MACHINE:
        one, other = (place.get(name) for place in places)
        if one is not None and other is not None and one != other:
            raise InputError(
                f"the two were measured on different machines ({name}: {one}, {other}): "
                "measure both on one, or gate size, memory and accuracy alone"
            )


def _is_disturbed(content: Mapping[str, Any]) -> bool:
    """The measurement itself found that the machine was not quiet."""
    return bool((content.get("environment") or {}).get("preflight"))


def _matched(
    old: list[Fields], new: list[Fields]
) -> tuple[dict[str, tuple[Fields, Fields]], tuple[list[str], list[str]]]:
    """Pairs by name; one against one is a pair whatever they are called."""
    if len(old) == len(new) == 1:
        return {_name(new[0], full=False): (old[0], new[0])}, ([], [])
    before, after = ({_name(entry, full=True): entry for entry in side} for side in (old, new))
    pairs = {name: (before[name], after[name]) for name in before if name in after}
    alone = [name for name in before if name not in after], [n for n in after if n not in before]
    return pairs, alone


def _name(fields: Fields, *, full: bool) -> str:
    """The file's name without folders, which differ from one checkout to the next."""
    path = PurePath(str(fields.get("path") or "model").replace("\\", "/")).name
    target = fields.get("target")
    words = [path] if target in (None, "local") else [path, f"on {target}"]
    if full:
        known = [fields.get(name) for name in (*_IDENTITY[1:], "family")]
        words.append("(" + ", ".join(str(word) for word in known if word is not None) + ")")
    return " ".join(words)
