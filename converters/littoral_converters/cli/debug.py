"""``littoral debug``: where a model file departs from its Keras model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from littoral_converters.cli._arguments import add_own_code

SUMMARY = "find the layer where a .tflite or .onnx file departs from Keras"
EXTRA = "convert"
EXAMPLES = """examples:
  littoral debug cnn.keras build/cnn.static_int8.tflite --data eval.npz
  littoral debug cnn.keras somebody-elses.onnx --html drift.html

Every layer of the Keras model is held against the tensor of the file that says the same, ours or
anybody's. A layer below the limit is wrong; the first of them in Keras's order is the one to look
at, for those behind it inherit its noise. Reports, and does not judge: the exit code is 0."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help=".keras or .h5 file")
    parser.add_argument("artifact", metavar="FILE", help=".tflite or .onnx file, anybody's")
    parser.add_argument("--data", metavar="DATA", help="inputs (default: random ones)")
    parser.add_argument(
        "--samples", type=int, default=32, metavar="N", help="of them at most (default: 32)"
    )
    parser.add_argument(
        "--limit",
        type=float,
        metavar="DB",
        help="signal to noise below which a layer is wrong (default: 40, with integers inside 10)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with a picture")
    add_own_code(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare layer by layer.

    Returns:
        ``model path`` and what `littoral_converters.debugging.Drift.to_dict` says; ``html`` where
        a page was written.

    Raises:
        LittoralError: As `littoral_converters.debug` raises it.
    """
    from littoral.files import check_page, write_atomically
    from littoral.progress import Progress

    from littoral_converters.debugging import debug
    from littoral_converters.debugging.report import layers_report

    if arguments.html is not None:
        check_page(arguments.html)
    with Progress("debug") as progress:
        progress.step(f"running {arguments.model} and {arguments.artifact} layer by layer")
        found = debug(
            arguments.model,
            arguments.artifact,
            data=arguments.data,
            samples=arguments.samples,
            limit_db=arguments.limit,
            allow_unsafe=arguments.allow_unsafe,
            modules=arguments.modules,
        )
    payload = {"model": arguments.model, "path": arguments.artifact, **found.to_dict()}
    if arguments.html is not None:
        page = layers_report(payload)
        payload["html"] = str(write_atomically(arguments.html, page.encode()))
    return payload


def describe(payload: dict[str, Any]) -> str:
    """The first wrong layer, the table from the worst, the layers that were fused away."""
    from littoral_converters.debugging.report import layers_table

    table = layers_table(payload)
    return f"{table}\nreport: {payload['html']}" if "html" in payload else table
