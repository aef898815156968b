"""``littoral bench``: measure model files on a target."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.cli import _running
from littoral.cli._trust import add_trust, check_files

if TYPE_CHECKING:
    from littoral.measurement import Measurement

SUMMARY = "measure model files: latency with intervals, cold start, memory"
EXAMPLES = """examples:
  littoral bench cnn.tflite
  littoral bench cnn.tflite cnn.onnx --html report.html
  littoral bench cnn.tflite --option xnnpack=off
  littoral bench cnn.tflite --scenario throughput --threads 4
  littoral bench cnn.tflite --scenario deadline --period 10ms --duration 60
  littoral bench cnn.tflite --until 1% --strict
  littoral bench build/*.tflite --duration 5 --data test.npz --json

Files are timed in turn, round by round, and compared by paired ratios with 95% intervals. The
scenario throughput runs --threads copies at once and counts calls a second; deadline sends a sample
every --period, late or not, and counts the answers that come too late."""

_TIMES = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".tflite or .onnx")
    parser.add_argument("--target", default="local", help="where to measure (default: local)")
    parser.add_argument("--runs", type=int, metavar="N", help="exactly N timed calls of each file")
    parser.add_argument(
        "--duration", type=float, metavar="S", help="at most S seconds a file (default: 1)"
    )
    parser.add_argument(
        "--until", type=_share, metavar="2%", help="go on until the p90's interval is so narrow"
    )
    parser.add_argument(
        "--scenario",
        default="single-stream",
        metavar="NAME",
        help="single-stream (default), throughput, deadline",
    )
    parser.add_argument(
        "--period", type=_seconds, metavar="10ms", help="deadline: how often a sample arrives"
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse a machine that is busy, hot or slowed down"
    )
    parser.add_argument(
        "--warmup", type=int, metavar="N", help="untimed calls first (default: until steady)"
    )
    _running.add_arguments(parser)
    parser.add_argument("--data", type=Path, metavar="NPZ", help="samples (default: random ones)")
    parser.add_argument(
        "--cold-starts", type=int, default=6, metavar="N", help="fresh processes a file, default 6"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure.

    Returns:
        ``measurements``, ``comparison`` (each file to the fastest), ``environment``, ``emulated``,
        and ``note`` or ``html`` where there is one.

    Raises:
        LittoralError: As `littoral.targets.Target.measure` raises it.
    """
    from littoral.files import check_page
    from littoral.progress import Progress
    from littoral.targets import Options, connect

    check_files(arguments.files, arguments.trust)
    target = connect(arguments.target)
    if arguments.html is not None:
        check_page(arguments.html)
    options = Options(
        runs=arguments.runs,
        warmup=arguments.warmup,
        duration_s=arguments.duration,
        **_running.how(arguments),
        data=arguments.data,
        cold_starts=arguments.cold_starts,
        yardstick=True,
        scenario=arguments.scenario,
        until=arguments.until,
        period_s=arguments.period,
        is_strict=arguments.strict,
    )
    with Progress("bench") as progress:
        measurements = target.measure(arguments.files, options, progress.step)
    payload = _payload(measurements)
    if arguments.html is not None:
        payload["html"] = _write_page(arguments.html, payload, measurements)
    return payload


def describe(payload: dict[str, Any]) -> str:
    """The table, the comparison in words, and where the page is."""
    from littoral.report import bench_table

    table = bench_table(payload)
    return f"{table}\n\nreport: {payload['html']}" if "html" in payload else table


def _share(text: str) -> float:
    """``2%`` or ``0.02``."""
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def _seconds(text: str) -> float:
    """``10ms``, ``500us``, ``0.01s`` or ``0.01``."""
    unit = next((unit for unit in _TIMES if text.endswith(unit)), "")
    return float(text.removesuffix(unit)) * _TIMES.get(unit, 1.0)


def _payload(measurements: Sequence[Measurement]) -> dict[str, Any]:
    from littoral.report import compare

    emulated = any(measurement.emulated for measurement in measurements)
    in_turn = all(measurement.scenario == "single_stream" for measurement in measurements)
    payload: dict[str, Any] = {
        "measurements": [measurement.to_dict() for measurement in measurements],
        "comparison": compare(measurements) if in_turn and not emulated else [],
        "environment": measurements[0].environment,
        "emulated": emulated,
    }
    if emulated:
        payload["note"] = "The processor is emulated: these times say nothing about a real one."
    return payload


def _write_page(path: Path, payload: dict[str, Any], measurements: Sequence[Measurement]) -> str:
    from littoral.files import write_atomically
    from littoral.report import bench_report

    page = bench_report(payload, [measurement.rounds for measurement in measurements])
    return str(write_atomically(path, page.encode()))
