"""``littoral profile``: where the time goes inside a model file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from littoral.cli import _running

SUMMARY = "time each operator of a model file, by kind and by layer, against the machine's roofline"
EXAMPLES = """examples:
  littoral profile cnn.tflite
  littoral profile cnn.onnx --by layer
  littoral profile cnn.tflite --html profile.html --json

The file (of an .onnx, the graph that ONNX Runtime makes of it) is cut after each operator, all cuts
are timed in turn, and an operator takes what its cut takes longer than the one before."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help=".tflite or .onnx")
    parser.add_argument(
        "--by",
        default="operator",
        choices=("operator", "kind", "layer"),
        help="what the table lists",
    )
    parser.add_argument("--top", type=int, default=25, metavar="N", help="rows shown, default 25")
    parser.add_argument(
        "--duration", type=float, default=2.0, metavar="S", help="seconds of timing, default 2"
    )
    _running.add_arguments(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Profile.

    Returns:
        What `littoral.profiling.profile` returns, with ``by`` and ``top``, and ``html`` where a
        page was written.

    Raises:
        LittoralError: As `littoral.profiling.profile` raises it.
    """
    from littoral.files import check_page, write_atomically
    from littoral.profiling import profile
    from littoral.progress import Progress
    from littoral.report import profile_report

    if arguments.html is not None:
        check_page(arguments.html)
    with Progress("profile") as progress:
        payload = profile(
            arguments.file,
            duration_s=arguments.duration,
            tell=progress.step,
            **_running.how(arguments),
        )
    payload |= {"by": arguments.by, "top": arguments.top}
    if arguments.html is not None:
        page = profile_report(payload)
        payload["html"] = str(write_atomically(arguments.html, page.encode()))
    return payload


def describe(payload: dict[str, Any]) -> str:
    """The table, and where the page is."""
    from littoral.report import profile_table

    table = profile_table(payload)
    return f"{table}\n\nreport: {payload['html']}" if "html" in payload else table
