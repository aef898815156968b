"""``littoral demo``: train, convert, prove, measure and show all four families on real data."""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.progress import Progress

SUMMARY = "all of it on real data: train, convert, prove, measure, one report"
EXTRA = "all"
EXAMPLES = """examples:
  littoral demo
  littoral demo --fast --out /tmp/shore

It trains MLP, CNN, LSTM, GRU and Transformer on data that comes with the repository, converts each
to .tflite and .onnx in four schemes, compares every file with Keras, measures all of them
interleaved, and leaves the models, demo.json, results.md and report.html."""

FAMILIES = {
    "mlp": "MLP on Letter Recognition",
    "cnn": "CNN on Fashion-MNIST",
    "lstm": "LSTM on spoken digits",
    "gru": "GRU on spoken digits",
    "transformer": "Transformer on languages of the world",
}
SCHEMES = ("float32", "float16", "dynamic_int8", "static_int8")
FORMATS = ("tflite", "onnx")

SECONDS_A_FILE = 0.5
COLD_STARTS = 2
FAST_SECONDS_A_FILE = 0.15
FAST_COLD_STARTS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo"),
        metavar="DIR",
        help="output folder (default: demo)",
    )
    parser.add_argument(
        "--families", nargs="+", choices=FAMILIES, default=list(FAMILIES), help="default: all"
    )
    parser.add_argument(
        "--fast", action="store_true", help="train and measure briefly: under two minutes"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of training, default 0")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Do all of it.

    Returns:
        What ``demo.json`` holds.

    Raises:
        LittoralError: As the verbs that it calls raise it.
    """
    from littoral import files
    from littoral.progress import Progress
    from littoral.report import demo_markdown, demo_report

    for package in ("keras", "tensorflow", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    began = time.monotonic()
    out = files.make_folder(arguments.out)
    with Progress("demo", total=2 * len(arguments.families) + 2) as progress:
        trained, converted = _train_and_convert(arguments, out, progress)
        results = [result for family in arguments.families for result in converted[family]]
        progress.step(f"measuring {len(results)} files, interleaved")
        environment, emulated = _measure(results, arguments.fast, progress)
        progress.step("writing the report")
        payload = {
            "results": [_relative(result, out) for result in results],
            "families": {name: _family(trained[name], converted[name]) for name in trained},
            "environment": environment,
            "emulated": emulated,
            "fast": arguments.fast,
            "seconds": round(time.monotonic() - began, 1),
            "versions": environment.get("versions", {}),
            "report": str(out / "report.html"),
            "passed": all(result["passed"] for result in results),
        }
        files.write_atomically(out / "report.html", demo_report(payload).encode())
        files.write_atomically(out / "results.md", f"{demo_markdown(payload)}\n".encode())
        files.write_atomically(out / "demo.json", json.dumps(payload, indent=2).encode())
    return payload


def describe(payload: dict[str, Any]) -> str:
    """One table, and where the report is."""
    from littoral.report import demo_table

    return f"{demo_table(payload)}\n\nreport: {payload['report']}"


def _train_and_convert(
    arguments: argparse.Namespace, out: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Train family by family; the one before is converted meanwhile, on the other core."""
    trained: dict[str, Any] = {}
    conversions: dict[str, Future[list[dict[str, Any]]]] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(pool.shutdown, cancel_futures=True)
        for family in arguments.families:
            progress.step(f"training: {FAMILIES[family]}")
            trained[family] = _train(family, arguments, out)
            conversions[family] = pool.submit(_convert, trained[family], out)
        converted = {}
        for family, conversion in conversions.items():
            progress.step(f"converting and proving: {FAMILIES[family]}")
            converted[family] = conversion.result()
    return trained, converted


def _train(family: str, arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    from littoral import cli

    argv = [family, "--out", str(out / f"{family}.keras"), "--export-data", str(out / "data")]
    argv += ["--seed", str(arguments.seed)]
    return cli.call("train", [*argv, "--fast"] if arguments.fast else argv)


def _convert(trained: dict[str, Any], out: Path) -> list[dict[str, Any]]:
    from littoral import cli

    argv = [trained["path"], "--out", str(out), "--formats", *FORMATS, "--schemes", *SCHEMES]
    argv += ["--representative-data", str(trained["representative_data"])]
    argv += ["--evaluation-data", str(trained["evaluation_data"])]
    results: list[dict[str, Any]] = cli.call("convert", argv)["results"]
    return [{**result, "family": trained["family"]} for result in results]


def _measure(
    results: list[dict[str, Any]], fast: bool, progress: Progress
) -> tuple[dict[str, Any], bool]:
    """Measure every file in turn, round by round, and put the figures into the results."""
    from littoral.targets import Options, connect

    options = Options(
        duration_s=FAST_SECONDS_A_FILE if fast else SECONDS_A_FILE,
        cold_starts=FAST_COLD_STARTS if fast else COLD_STARTS,
    )
    target = connect("local")
    measurements = target.measure([Path(r["path"]) for r in results], options, progress.note)
    for result, measurement in zip(results, measurements, strict=True):
        figures = measurement.to_dict()
        result.update({name: figures[name] for name in figures if name not in ("path", "scheme")})
    return measurements[0].environment, measurements[0].emulated


def _family(trained: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    """What the report says of a family, with the confusion of its float32 file."""
    keys = ("accuracy", "parameters", "epochs", "seconds", "labels", "data")
    return {
        "title": FAMILIES[trained["family"]],
        **{key: trained.get(key) for key in keys},
        "confusion": _confusion(Path(results[0]["path"]), trained["evaluation_data"]),
    }


def _confusion(path: Path, evaluation_data: str) -> list[list[int]]:
    """How often each true class (row) was taken for each class (column)."""
    import numpy as np

    import littoral

    with np.load(evaluation_data) as data:
        inputs, truth = data["x"], data["y"]
    with littoral.load(path) as model:
        scores = np.asarray(model.run(inputs))
    classes = scores.shape[1]
    counts = np.bincount(truth * classes + scores.argmax(1), minlength=classes * classes)
    table: list[list[int]] = counts.reshape(classes, classes).tolist()
    return table


def _relative(result: dict[str, Any], out: Path) -> dict[str, Any]:
    return {**result, "path": str(Path(result["path"]).relative_to(out))}
