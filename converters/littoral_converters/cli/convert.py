"""``littoral convert``: a Keras model to verified model files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from littoral_converters.cli._arguments import add_description, add_own_code

if TYPE_CHECKING:
    from littoral_converters.pipeline import Variant

SUMMARY = "convert a Keras model to verified .tflite and .onnx files"
EXTRA = "convert"
EXAMPLES = """examples:
  littoral convert cnn.keras --out build/
  littoral convert cnn.keras --out build/ --schemes float32 static_int8 \\
      --representative-data train.npz --evaluation-data eval.npz
  littoral convert yours.keras --out build/ --labels labels.txt --preprocessing steps.json

--labels and --preprocessing go into the files, so that littoral run takes a photo and prints names
(littoral steps lists the steps).

data: an .npz with one array per input name (a single input may be called x); for evaluation also
the labels, y. Where the model's card says how: a .csv, or a folder with a folder of pictures or
.wav per class. Every file is run and compared with Keras before it is written; one that does not
agree is an error, not a file."""


_NOTABLE = 1.02
"""Above it a file is called larger than another: below, what their cards say can be all of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help=".keras or .h5 file, or a SavedModel folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--formats", nargs="+", default=["tflite", "onnx"], help="default: tflite onnx"
    )
    parser.add_argument(
        "--schemes",
        nargs="+",
        default=["float32"],
        help="float32 float16 dynamic_int8 static_int8 strict_int8 int16x8 weight_int4, or all: "
        "those that formats and model allow (default: float32)",
    )
    parser.add_argument(
        "--representative-data", metavar="DATA", help="typical inputs to calibrate on"
    )
    parser.add_argument(
        "--evaluation-data", metavar="DATA", help="inputs and labels to prove it on"
    )
    parser.add_argument(
        "--lowering", default="auto", help="recurrences: auto unrolled loop fused (default: auto)"
    )
    parser.add_argument(
        "--batch", type=_batch, default=1, metavar="N", help="batch size, or any (default: 1)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="SHARE",
        help="rms error allowed, as a share of the output's (default: the scheme's limits)",
    )
    parser.add_argument(
        "--min-runtime",
        nargs="+",
        default=[],
        metavar="RUNTIME",
        help="write what this release runs, for example tflite-2.14, litert-2.0, ort-1.17",
    )
    parser.add_argument(
        "--no-recommend",
        action="store_true",
        help="do not time the files of a format against each other to say which to ship",
    )
    parser.add_argument(
        "--io",
        choices=["float32", "float16"],
        default="float32",
        help="type of the files' float inputs and outputs (default: float32)",
    )
    parser.add_argument(
        "--streaming",
        action="store_true",
        help="convert one time step, its state in and out, for Model.stream: NAME.step.SCHEME",
    )
    parser.add_argument(
        "--context",
        type=int,
        metavar="STEPS",
        help="how far the attention of a streamed model reaches back (default: its length)",
    )
    add_description(parser)
    add_own_code(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert.

    Returns:
        ``results``: one object per file; ``left_out``: with ``--schemes all``, each file that could
        not be made and why; ``warnings``: what is doubtful about the data; ``passed``.

    Raises:
        LittoralError: As `littoral_converters.convert` raises it.
    """
    from littoral.progress import Progress

    from littoral_converters.pipeline import convert
    from littoral_converters.results import result_of
    from littoral_converters.sources import card_in

    formats, schemes = split(arguments.formats), split(arguments.schemes)
    takes_all = schemes == ["all"]
    if takes_all:
        schemes = _all_schemes(arguments.representative_data is not None)
    left_out: list[dict[str, str]] = []
    warnings: list[str] = []

    def warn(doubt: str) -> None:
        warnings.append(doubt)
        progress.warn(doubt)

    def expect(steps: int) -> None:
        progress.total = steps

    with Progress("convert") as progress:
        variants = convert(
            arguments.model,
            arguments.out,
            formats=formats,
            schemes=schemes,
            representative_data=arguments.representative_data,
            evaluation_data=arguments.evaluation_data,
            lowering=arguments.lowering,
            batch=arguments.batch,
            tolerance=arguments.tolerance,
            min_runtime=split(arguments.min_runtime),
            io=arguments.io,
            allow_unsafe=arguments.allow_unsafe,
            modules=arguments.modules,
            labels=arguments.labels,
            preprocessing=arguments.preprocessing,
            recommend=not arguments.no_recommend,
            streaming=arguments.streaming,
            context=arguments.context,
            left_out=(lambda f, why: left_out.append({"file": f, "reason": why}))
            if takes_all
            else None,
            report=progress.step,
            expect=expect,
            warn=warn,
        )
        for variant in variants:
            if variant.float_layers:
                progress.warn(_left_float(variant))
        for larger in _larger(variants):
            progress.warn(larger)
    card = card_in(Path(arguments.model))
    family = card.family if card else None
    results = [result_of(variant, family) for variant in variants]
    return {"results": results, "left_out": left_out, "warnings": warnings, "passed": True}


def describe(payload: dict[str, Any]) -> str:
    """One line per file, and which of each format to ship."""
    from littoral.report import units

    judged = next((pair for pair in _JUDGED if _are_known(payload["results"], pair)), _JUDGED[0])
    lines = [
        f"{'file':44}{'size':>11}{'max error':>12}{'agreement':>11}{judged.title:>11}"
        f"{judged.beside:>9}"
    ]
    for result in payload["results"]:
        value, beside = result[judged.value], result[judged.against]
        lines.append(
            f"{result['path']:44}{units.size(result['size_bytes']):>11}"
            f"{result['max_abs_error']:>12.2g}{result['agreement']:>11.4f}"
            f"{'-' if value is None else format(value, judged.form):>11}"
            f"{'-' if beside is None else format(beside, judged.form_beside):>9}"
            f"{'  *' if result['recommended'] else ''}"
        )
    if any(result["recommended"] for result in payload["results"]):
        lines.append("* the fastest of its format here, by measurement: ship this one")
    lines += [f"left out {entry['file']}: {entry['reason']}" for entry in payload["left_out"]]
    return "\n".join(lines)


class _Judged(NamedTuple):
    """Two columns of the table: a file's figure against the labels, and what stands beside it."""

    title: str
    value: str
    form: str
    beside: str
    against: str
    form_beside: str


_JUDGED = (
    _Judged("accuracy", "accuracy", ".4f", "drop", "drop_points", ".2f"),
    _Judged("mean error", "target_error", ".4g", "Keras's", "float_target_error", ".4g"),
)


def _are_known(results: list[dict[str, Any]], judged: _Judged) -> bool:
    return any(result[judged.value] is not None for result in results)


def _left_float(variant: Variant) -> str:
    """What to say of a file whose scheme does not suit every layer."""
    names = variant.float_layers
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"{variant.path.name}: {variant.scheme} costs too much in {len(names)} "
        f"layer{'s' if len(names) > 1 else ''}, left float: {', '.join(names[:3])}{more}"
    )


def _larger(variants: Sequence[Variant]) -> Iterator[str]:
    """What to say of files that another scheme made larger than float32 of their format."""
    from littoral.report import units

    from littoral_converters.recommendation import FLOAT

    plain = {variant.format: variant.size_bytes for variant in variants if variant.scheme == FLOAT}
    for variant in variants:
        size = plain.get(variant.format, variant.size_bytes)
        if variant.size_bytes > _NOTABLE * size:
            yield (
                f"{variant.path.name} is larger than float32, {units.size(variant.size_bytes)} "
                f"against {units.size(size)}: take it for its speed or its integers, not to save "
                "space"
            )


def split(names: list[str]) -> list[str]:
    """Names given apart or joined by commas, as one list."""
    return [name for entry in names for name in entry.split(",") if name]


def _all_schemes(has_data: bool) -> list[str]:
    from littoral import plugins

    from littoral_converters import schemes

    names = plugins.names(schemes)
    return [n for n in names if has_data or not plugins.load(schemes, n).NEEDS_SAMPLES]


def _batch(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no batch size: give a number or any")
    return int(text)
