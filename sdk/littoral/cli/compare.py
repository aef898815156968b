"""``littoral compare``: two model files against each other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.comparison import Comparison

SUMMARY = "compare two model files: outputs, size, operators, latency"
EXAMPLES = """examples:
  littoral compare cnn.float32.tflite cnn.static_int8.tflite --data test.npz
  littoral compare cnn.tflite cnn.onnx --html compared.html
  littoral compare old.onnx new.onnx --max-difference 1e-4 --json

Both run on the same inputs and are timed in turn, round by round. Differences are reported and not
judged (exit code 0), unless --max-difference or --min-agreement makes a check of it (then 1)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("a", type=Path, metavar="A", help=".tflite or .onnx")
    parser.add_argument("b", type=Path, metavar="B", help=".tflite or .onnx, held against A")
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
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare.

    Returns:
        `littoral.comparison.Comparison.to_dict`; with a limit also ``passed`` and ``reason``; and
        ``html`` where a page was written.

    Raises:
        LittoralError: As `littoral.comparison.compare_files` raises it.
    """
    from littoral.comparison import compare_files
    from littoral.files import check_page
    from littoral.progress import Progress

    _check_limits(arguments)
    if arguments.html is not None:
        check_page(arguments.html)
    data, labels = (None, None) if arguments.data is None else _read(arguments.data)
    with Progress("compare") as progress:
        found = compare_files(
            arguments.a,
            arguments.b,
            data=data,
            labels=labels,
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
    if arguments.html is not None:
        payload["html"] = _write_page(arguments.html, payload, found)
    return payload


def describe(payload: dict[str, Any]) -> str:
    """Tables, the comparison in words, the verdict where there is one."""
    from littoral.report import pair_table

    lines = [pair_table(payload)]
    if "passed" in payload:
        lines.append("the check passed" if payload["passed"] else f"FAILED: {payload['reason']}")
    if "html" in payload:
        lines.append(f"report: {payload['html']}")
    return "\n".join(lines)


def _check_limits(arguments: argparse.Namespace) -> None:
    from littoral.errors import InputError

    limit, share = arguments.max_difference, arguments.min_agreement
    if limit is not None and not limit >= 0:
        raise InputError(f"--max-difference must be a number from 0, not {limit}")
    if share is not None and not 0 <= share <= 1:
        raise InputError(f"--min-agreement is a share from 0 to 1, not {share}")


def _read(path: Path) -> tuple[Any, Any]:
    from littoral.errors import InputError
    from littoral.inputs import Arrays, read

    content = read(path)[0]
    if not isinstance(content, Arrays):
        raise InputError(f"{path}: expected an .npz with one array per input name, or x")
    return content.values, content.truth


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


def _write_page(path: Path, payload: dict[str, Any], found: Comparison) -> str:
    from littoral.files import write_atomically
    from littoral.report import pair_report

    page = pair_report(payload, [measurement.rounds for measurement in found.measurements])
    return str(write_atomically(path, page.encode()))
