"""``littoral compare``: two model files, or two files of measurements, against each other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.comparison import Comparison

SUMMARY = "compare two model files, or two measurements with gates for a build"
EXAMPLES = """examples:
  littoral compare cnn.float32.tflite cnn.static_int8.tflite --data test.npz
  littoral compare cnn.tflite cnn.onnx --html compared.html
  littoral compare old.onnx new.onnx --max-difference 1e-4 --json
  littoral compare old.json new.json --gate "p90<=+5%" --gate "size<=200k" --markdown summary.md

Two model files run on the same inputs and are timed in turn, round by round. Two .json files are
what `littoral bench --json` wrote, earlier and later: latencies are held against the yardstick that
each run timed beside its files. Differences are reported and not judged (exit code 0), unless
--gate, --max-difference or --min-agreement makes a check of it (then 1).

A gate is METRIC<=LIMIT or METRIC>=LIMIT with p50, p90, p99, cold_start, load, memory, size or
accuracy; a limit with a sign is a change (+5%, -0.5 points), one without is the figure itself
(200k, 50us). A latency breaches a gate only where noise cannot explain it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("a", type=Path, metavar="A", help=".tflite, .onnx or .json")
    parser.add_argument("b", type=Path, metavar="B", help="the same, held against A")
    parser.add_argument(
        "--data", type=Path, metavar="NPZ", help="inputs, perhaps with labels y (default: random)"
    )
    parser.add_argument(
        "--max-difference", type=float, metavar="X", help="fail where any output differs by more"
    )
    parser.add_argument(
        "--min-agreement", type=float, metavar="SHARE", help="fail below it, for example 0.99"
    )
    parser.add_argument("--runs", type=int, metavar="N", help="exactly N timed calls of each file")
    parser.add_argument(
        "--duration", type=float, metavar="S", help="at most S seconds a file (default: 1)"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--no-latency", action="store_true", help="do not time them")
    parser.add_argument(
        "--gate", action="append", default=[], metavar="LIMIT", help='for example "p90<=+5%%"'
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the gates as JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a summary for people")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare.

    Returns:
        Of two model files `littoral.comparison.Comparison.to_dict`; with a limit also ``passed``
        and ``reason``, with gates ``gates``; and ``html`` where a page was written. Of two files
        of measurements what `littoral.regressions.compare_measurements` returns.

    Raises:
        LittoralError: As those two raise it.
    """
    from littoral.errors import InputError
    from littoral.files import check_page

    for page in (arguments.junit, arguments.markdown):
        if page is not None:
            if not arguments.gate:
                raise InputError("--junit and --markdown write verdicts: give at least one --gate")
            check_page(page)
    kinds = [path.suffix.lower() == ".json" for path in (arguments.a, arguments.b)]
    if any(kinds) and not all(kinds):
        raise InputError("give two model files or two .json files of measurements, not one of each")
    return _measurements(arguments) if all(kinds) else _models(arguments)


def _measurements(arguments: argparse.Namespace) -> dict[str, Any]:
    """Two files that ``littoral bench --json`` wrote."""
    from littoral.errors import InputError
    from littoral.regressions import compare_measurements

    for name in ("data", "max_difference", "min_agreement", "runs", "duration", "html"):
        if getattr(arguments, name) is not None:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is for two model files, these are measurements")
    payload = compare_measurements(arguments.a, arguments.b, arguments.gate)
    _write_verdicts(arguments, payload)
    return payload


def _models(arguments: argparse.Namespace) -> dict[str, Any]:
    """Two model files, run on the same inputs."""
    from littoral import gates
    from littoral.comparison import compare_files
    from littoral.files import check_page
    from littoral.inputs import read_arrays
    from littoral.progress import Progress

    _check_limits(arguments)
    for limit in arguments.gate:
        gates.parse(limit)
    if arguments.html is not None:
        check_page(arguments.html)
    given = None if arguments.data is None else read_arrays(arguments.data)
    with Progress("compare") as progress:
        found = compare_files(
            arguments.a,
            arguments.b,
            data=None if given is None else given.values,
            labels=None if given is None else given.truth,
            is_timed=not arguments.no_latency,
            runs=arguments.runs,
            duration_s=arguments.duration,
            threads=arguments.threads,
            progress=progress.step,
        )
    payload = found.to_dict()
    if arguments.max_difference is not None or arguments.min_agreement is not None:
        reason = _breach(found, arguments)
        payload |= {"passed": not reason, "reason": reason}
    if arguments.gate:
        payload["gates"] = _gated(found, arguments)
        payload["passed"] = payload.get("passed", True) and payload["gates"]["passed"]
    if arguments.html is not None:
        payload["html"] = _write_page(arguments.html, payload, found)
    return payload


def describe(payload: dict[str, Any]) -> str:
    """Tables, the comparison in words, the verdict where there is one."""
    from littoral.report import gates_table, pair_table

    if "files" in payload:
        return gates_table(payload)
    lines = [pair_table(payload)]
    if "gates" in payload:
        lines.append(gates_table(payload["gates"]))
    if "reason" in payload:
        held = "the check passed"
        lines.append(f"FAILED: {payload['reason']}" if payload["reason"] else held)
    if "html" in payload:
        lines.append(f"report: {payload['html']}")
    return "\n".join(lines)


def _check_limits(arguments: argparse.Namespace) -> None:
    from littoral.errors import InputError

    if arguments.no_latency:
        for name in ("runs", "duration"):
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} is for timing, and --no-latency leaves it out")
    limit, share = arguments.max_difference, arguments.min_agreement
    if limit is not None and not limit >= 0:
        raise InputError(f"--max-difference must be a number from 0, not {limit}")
    if share is not None and not 0 <= share <= 1:
        raise InputError(f"--min-agreement is a share from 0 to 1, not {share}")


def _breach(found: Comparison, arguments: argparse.Namespace) -> str:
    """The limit that was not kept; empty when all were."""
    if not found.is_comparable or found.max_difference is None:
        return "outputs that have no partner, another shape, or values that are not finite"
    limit, share = arguments.max_difference, arguments.min_agreement
    if limit is not None and not found.max_difference <= limit:
        return f"the largest difference is {found.max_difference:.3g} (limit {limit:g})"
    if share is not None and not (found.agreement or 0.0) >= share:
        return f"the agreement is {found.agreement:.4f} (at least {share:g} asked for)"
    return ""


def _gated(found: Comparison, arguments: argparse.Namespace) -> dict[str, Any]:
    from littoral.regressions import judge_pair

    sides: list[dict[str, Any]] = [dict(side) for side in found.sides]
    for side in sides:
        side["samples"] = found.samples
    for side, measurement in zip(sides, found.measurements, strict=False):
        side |= {**measurement.to_dict(), "path": side["path"], "accuracy": side["accuracy"]}
    payload = judge_pair(sides[0], sides[1], found.paired(), arguments.gate)
    _write_verdicts(arguments, payload)
    return payload


def _write_verdicts(arguments: argparse.Namespace, payload: dict[str, Any]) -> None:
    from littoral.files import write_atomically
    from littoral.report import gates_junit, gates_markdown

    for path, write in ((arguments.junit, gates_junit), (arguments.markdown, gates_markdown)):
        if path is not None:
            write_atomically(path, write(payload).encode())


def _write_page(path: Path, payload: dict[str, Any], found: Comparison) -> str:
    from littoral.files import write_atomically
    from littoral.report import pair_report

    page = pair_report(payload, [measurement.rounds for measurement in found.measurements])
    return str(write_atomically(path, page.encode()))
