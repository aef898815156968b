"""``littoral verify``: does a model file still say what the Keras model says?"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from littoral_converters.cli._arguments import add_own_code

SUMMARY = "compare a .tflite or .onnx file with its Keras model"
EXTRA = "convert"
EXAMPLES = """examples:
  littoral verify cnn.keras build/cnn.static_int8.tflite --data eval.npz
  littoral verify cnn.keras somebody-elses.onnx

Exit code 1 when the file disagrees."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help=".keras or .h5 file")
    parser.add_argument("artifact", metavar="FILE", help=".tflite or .onnx file, anybody's")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="inputs, and labels y for the accuracy (default: random inputs)",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="SHARE",
        help="rms error allowed, as a share of the output's (default: its scheme's limits)",
    )
    add_own_code(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare.

    Returns:
        The figures of `littoral_converters.Verification`, with ``drop_points``, the path, and
        ``warnings``: what makes the comparison say little.

    Raises:
        LittoralError: As `littoral_converters.verify` raises it.
    """
    from littoral.progress import Progress

    from littoral_converters.proof import verify

    doubts: list[str] = []
    with Progress("verify") as progress:

        def warn(doubt: str) -> None:
            doubts.append(doubt)
            progress.warn(doubt)

        found = verify(
            arguments.model,
            arguments.artifact,
            data=arguments.data,
            tolerance=arguments.tolerance,
            allow_unsafe=arguments.allow_unsafe,
            modules=arguments.modules,
            report=progress.step,
            warn=warn,
        )
    return {
        "path": str(arguments.artifact),
        **dataclasses.asdict(found),
        "drop_points": found.drop_points,
        "warnings": doubts,
    }


def describe(payload: dict[str, Any]) -> str:
    """The verdict and its figures."""
    lines = [
        f"{payload['path']} {'agrees' if payload['passed'] else 'DISAGREES'} with Keras"
        + (f": {payload['reason']}" if payload["reason"] else ""),
        f"  largest error {payload['max_abs_error']:.3g}"
        f" ({payload['relative_error']:.2g} of the range), rms {payload['rms_error']:.2g},"
        f" agreement {payload['agreement']:.4f} on {payload['samples']} samples",
    ]
    if payload["metric"]:
        lines.append(
            f"  {payload['metric']} {payload['value']:.4f}, Keras {payload['float_value']:.4f}"
        )
    return "\n".join(lines)
