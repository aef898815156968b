"""``littoral search``: the fastest file of a model that keeps its accuracy."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from littoral_converters.cli._arguments import add_description, add_own_code

SUMMARY = "find the fastest file that keeps the accuracy, by proof and measurement"
EXTRA = "convert"
EXAMPLES = """examples:
  littoral search cnn.keras --out best/ --max-drop 0.5 \\
      --evaluation-data eval.npz --representative-data train.npz
  littoral search cnn.keras --out best/ --max-drop 0.5 --max-size 200k --budget 120s \\
      --evaluation-data eval.npz --representative-data train.npz --target ssh://pi@board

It tries every format, scheme, lowering, number of threads and engine, the cheap proofs first: size,
then accuracy, then latency, timed in turn. Where int8 loses too much, it finds the layers to blame
and leaves just those float. The folder gets the best file, search.json, report.html, and the others
under variants/. Stopped by --budget or Ctrl-C, the same command goes on from there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help=".keras or .h5 file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--evaluation-data",
        required=True,
        metavar="DATA",
        help="inputs and labels y to prove the accuracy on",
    )
    parser.add_argument(
        "--representative-data", metavar="DATA", help="typical inputs to calibrate on"
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        required=True,
        metavar="POINTS",
        help="accuracy that may be lost against Keras, in points (percent); for labels that are "
        "values, percent that the mean absolute error may grow",
    )
    parser.add_argument("--max-size", metavar="SIZE", help="of the file, for example 200k or 1.5M")
    parser.add_argument("--target", default="local", help="where to measure (default: local)")
    parser.add_argument(
        "--budget", metavar="TIME", help="stop after, for example 120s or 10m, with what there is"
    )
    for name, what in (
        ("formats", "tflite onnx"),
        ("schemes", "those that gain anything"),
        ("lowerings", "auto unrolled loop fused"),
    ):
        parser.add_argument(f"--{name}", nargs="+", metavar="NAME", help=f"default: {what}")
    parser.add_argument(
        "--engines",
        nargs="+",
        metavar="NAME",
        help="to try beside the usual one, on formats they run (default: those of the formats)",
    )
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N", help="to try (default: 1 2 4, as cores go)"
    )
    add_description(parser)
    add_own_code(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Search.

    Returns:
        What ``search.json`` holds; ``passed`` is False where no file meets the demands.

    Raises:
        LittoralError: As `littoral_converters.search` raises it.
    """
    from littoral.progress import Progress, say

    from littoral_converters.cli.convert import split
    from littoral_converters.exploration.demands import parse_seconds, parse_size
    from littoral_converters.exploration.search import search

    def names(given: list[str] | None) -> list[str] | None:
        return None if given is None else split(given)

    with Progress("search") as progress, _resumable():
        found = search(
            arguments.model,
            arguments.out,
            max_drop=arguments.max_drop,
            evaluation_data=arguments.evaluation_data,
            representative_data=arguments.representative_data,
            max_size=None if arguments.max_size is None else parse_size(arguments.max_size),
            budget_s=None if arguments.budget is None else parse_seconds(arguments.budget),
            target=arguments.target,
            threads=arguments.threads,
            allow_unsafe=arguments.allow_unsafe,
            modules=arguments.modules,
            labels=arguments.labels,
            preprocessing=arguments.preprocessing,
            formats=names(arguments.formats),
            schemes=names(arguments.schemes),
            lowerings=names(arguments.lowerings),
            engines=names(arguments.engines),
            report=progress.step,
            warn=progress.warn,
        )
    if found.best is None:
        say(f"littoral: {found.message}\n")
    return found.payload


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Say after Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "what is proved so far is kept: the same command goes on from there"
        ) from None


def describe(payload: dict[str, Any]) -> str:
    """The measured files with the best marked, what was ruled out, and where the page is."""
    from littoral_converters.exploration.report import search_table

    return search_table(payload)
