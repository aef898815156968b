"""``littoral bench``: measure model files on a target."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.cli import _running
from littoral.cli._trust import add_trust, check_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from littoral.fleet import Result
    from littoral.targets import Target

SUMMARY = "measure model files: latency with intervals, cold start, memory"
EXAMPLES = """examples:
  littoral bench cnn.tflite
  littoral bench cnn.tflite cnn.onnx --html report.html
  littoral bench cnn.tflite --target local --target pi4 --profile --html page.html
  littoral bench cnn.tflite --option xnnpack=off
  littoral bench cnn.tflite --scenario throughput --threads 4
  littoral bench cnn.tflite --scenario deadline --period 10ms --duration 60
  littoral bench cnn.tflite --until 1% --strict
  littoral bench build/*.tflite --duration 5 --data test.npz --json
  littoral bench cnn.tflite --target local --target ssh://pi@board --check test.npz
  littoral bench --clean --target ssh://pi@board

A target is local, ssh://user@host[:port][/folder], adb://serial[/folder], browser://, or a name
that targets.toml gives to one. Several are measured in parallel. --check holds the outputs of each
against those of this machine before anything is timed. A board needs sshd and Python 3.10; the rest
is brought there and kept until --clean. An Android device without a Python is measured in an app
that has littoral's benchmark activity; adb://serial?app=PACKAGE chooses one.

Files are timed in turn, round by round, and compared by paired ratios with 95% intervals. The
scenario throughput runs --threads copies at once and counts calls a second; deadline sends a sample
every --period, late or not, and counts the answers that come too late."""

_TIMES = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=".tflite or .onnx")
    parser.add_argument(
        "--target", action="append", metavar="T", help="where to measure, repeatable (local)"
    )
    parser.add_argument(
        "--check", type=Path, metavar="NPZ", help="compare each target's outputs with ours first"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="what --check lets floats differ by, of the largest value (default: 1e-4)",
    )
    parser.add_argument(
        "--offline", action="store_true", help="bring packages to the board, from here"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="S", help="seconds a target may take (default: 1800)"
    )
    parser.add_argument(
        "--clean", action="store_true", help="remove what littoral keeps on the targets, and end"
    )
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
        "--profile", action="store_true", help="time each operator too, on this machine"
    )
    parser.add_argument(
        "--cold-starts", type=int, default=6, metavar="N", help="fresh processes a file, default 6"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure.

    Returns:
        ``measurements`` (each with its ``target``), ``comparison`` (each file to the fastest of its
        target), ``environment`` and ``emulated``, ``targets`` (name, environment, emulated, checks,
        error), and ``note`` or ``html`` where there is one; with ``--profile`` also ``profiles``,
        see `littoral.profiling.profile`. ``passed`` is False when a target of several failed. With
        ``--clean`` only ``cleaned``.

    Raises:
        LittoralError: As `littoral.targets.Target.measure` raises it, where no target is left.
    """
    from littoral import fleet
    from littoral.errors import InputError
    from littoral.files import check_page
    from littoral.progress import Progress
    from littoral.targets import Options

    if bool(arguments.files) == arguments.clean:
        raise InputError(
            "--clean takes no FILE" if arguments.clean else "no FILE: give .tflite or .onnx files"
        )
    check_files(arguments.files, arguments.trust)
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
    order = fleet.Order(arguments.files, options, arguments.check, _tolerance(arguments))
    with (
        Progress("bench") as progress,
        fleet.connected(
            arguments.target or ["local"], offline=arguments.offline, timeout_s=arguments.timeout
        ) as targets,
    ):
        if arguments.clean:
            return _cleaned(targets, progress.step)
        results = fleet.measure_on(targets, order, progress.step)
        payload = _payload(results)
        if arguments.profile:
            payload |= _profiles(arguments, targets, payload.get("note"), progress.step)
    if arguments.html is not None:
        payload["html"] = _write_page(arguments.html, payload, results)
    return payload


def describe(payload: dict[str, Any]) -> str:
    """The table, the comparison in words, and where the page is."""
    from littoral.report import bench_table, profile_table

    if "cleaned" in payload:
        return f"cleaned: {', '.join(payload['cleaned'])}"
    parts = [bench_table(payload)]
    parts += [f"{one['path']}\n{profile_table(one)}" for one in payload.get("profiles", ())]
    parts += [f"report: {payload['html']}"] if "html" in payload else []
    return "\n\n".join(parts)


def _share(text: str) -> float:
    """``2%`` or ``0.02``."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: give 2% or 0.02") from None


def _seconds(text: str) -> float:
    """``10ms``, ``500us``, ``0.01s`` or ``0.01``."""
    unit = next((unit for unit in _TIMES if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) * _TIMES.get(unit, 1.0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give 10ms or 0.01") from None


def _tolerance(arguments: argparse.Namespace) -> float:
    from littoral.errors import InputError
    from littoral.fleet import TOLERANCE

    if arguments.tolerance is None:
        return TOLERANCE
    if arguments.check is None:
        raise InputError("--tolerance is for --check: give it data to compare outputs on")
    if not 0 <= arguments.tolerance < float("inf"):
        raise InputError(f"--tolerance must be 0 or more, not {arguments.tolerance:g}")
    return float(arguments.tolerance)


def _cleaned(targets: Sequence[Target], progress: Callable[[str], object]) -> dict[str, Any]:
    for target in targets:
        target.clean(progress)
    return {"cleaned": [target.name for target in targets]}


def _payload(results: Sequence[Result]) -> dict[str, Any]:
    from dataclasses import asdict

    from littoral.report import compare_each_target

    measurements = [one for result in results for one in result.measurements]
    errors = [result.error for result in results if result.error is not None]
    if not measurements:
        raise errors[0]
    payload: dict[str, Any] = {
        "measurements": [measurement.to_dict() for measurement in measurements],
        "comparison": compare_each_target(measurements),
        "environment": measurements[0].environment,
        "emulated": any(measurement.emulated for measurement in measurements),
        "targets": [
            {
                "target": result.target,
                "environment": result.measurements[0].environment if result.measurements else None,
                "emulated": any(one.emulated for one in result.measurements),
                "checks": [asdict(check) for check in result.checks],
                "error": None if result.error is None else str(result.error),
            }
            for result in results
        ],
        "passed": not errors,
    }
    if payload["emulated"]:
        payload["note"] = _note(payload["targets"])
    return payload


def _profiles(
    arguments: argparse.Namespace,
    targets: Sequence[Target],
    note: str | None,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    """``profiles`` of the files that could be profiled, and a ``note`` about the others."""
    from littoral.errors import LittoralError
    from littoral.profiling import profile
    from littoral.targets.local import Local

    if not any(isinstance(target, Local) for target in targets):
        missing = "Operators are only timed on this machine: add --target local."
        return {"profiles": [], "note": " ".join(filter(None, [note, missing]))}
    profiles, notes = [], [note] if note else []
    for path in arguments.files:
        try:
            profiles.append(profile(path, tell=tell, **_running.how(arguments)))
        except LittoralError as error:
            notes.append(f"The operators of {path} could not be timed: {error}.")
    return {"profiles": profiles, **({"note": " ".join(notes)} if notes else {})}


def _note(targets: Sequence[dict[str, Any]]) -> str:
    emulated = [target["target"] for target in targets if target["emulated"]]
    place = "" if len(targets) == 1 else f" of {', '.join(emulated)}"
    return f"The processor{place} is emulated: its times say nothing about a real one."


def _write_page(path: Path, payload: dict[str, Any], results: Sequence[Result]) -> str:
    from littoral.files import write_atomically
    from littoral.report import bench_report

    page = bench_report(payload, [one.rounds for result in results for one in result.measurements])
    return str(write_atomically(path, page.encode()))
