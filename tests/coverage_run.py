"""What converts: every model of the tests to both formats, as float32 and static int8, measured.

    python tests/coverage_run.py                      # all of it, for the README
    python tests/coverage_run.py lstm gru mobilenet   # some, as lines

All of it is one run of many minutes. Every model that is done is kept in build/coverage.part.jsonl,
from which a run that was cut off goes on, as long as neither our sources nor the tests' models nor
the versions of what converts have changed; else it begins anew.

Each file is run through `littoral.load` on data that the conversion has not seen and held against
Keras. An error is the largest difference of any output, as a share of that output's largest value.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import hashlib
import importlib.metadata
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

FORMATS = ("tflite", "onnx")
LIMITS = {"float32": 1e-4, "static_int8": 0.1}
WORKERS = 2
CALIBRATION = 64
NO_MEMORY = "are free here"
ROOT = Path(__file__).parent.parent
START, END = "<!-- coverage -->", "<!-- /coverage -->"

WITHOUT_MODEL = {
    "Equalization": "Keras itself fails to build it in a functional model",
    "FlaxLayer": "needs a Flax module",
    "HashedCrossing": "refused: strings",
    "Hashing": "refused: strings",
    "InputSpec": "no layer",
    "JaxLayer": "needs a JAX function",
    "Layer": "the base of all",
    "MaxNumBoundingBoxes": "prepares training labels",
    "Pipeline": "a list of preprocessing layers, run before a model",
    "StringLookup": "refused: strings",
    "TFSMLayer": "a SavedModel, which converts from its folder",
    "TextVectorization": "refused: strings",
    "TorchModuleWrapper": "needs PyTorch",
    "Wrapper": "the base of wrappers",
}
"""Classes of `keras.layers` that no model of the tests has, and why."""


@dataclasses.dataclass(frozen=True)
class Found:
    """One model in one format and scheme.

    Attributes:
        model: Name of the model.
        layers: Classes of its layers and cells.
        format: Of the file.
        scheme: Of the file.
        error: The file's error; None when there is no file.
        refusal: Why there is none; empty when there is one.
        seconds: What the conversion took, proof included; the model's time over its files.
        floats: How many layers the scheme left float because it costs too much in them.
    """

    model: str
    layers: tuple[str, ...]
    format: str
    scheme: str
    error: float | None
    refusal: str
    seconds: float
    floats: int = 0

    @property
    def passed(self) -> bool:
        """Whether there is a file that agrees with Keras."""
        return self.error is not None and self.error < LIMITS[self.scheme]


def measure(names: Iterable[str], workers: int = WORKERS) -> Iterator[Found]:
    """Convert models, several at a time, and yield what came of each as it is done.

    One that the machine has no memory for beside another is tried again in the end, alone.
    """
    context = multiprocessing.get_context("spawn")
    again = []
    with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
        for future in concurrent.futures.as_completed([pool.submit(check, n) for n in names]):
            rows = future.result()
            if workers > 1 and any(NO_MEMORY in row.refusal for row in rows):
                again.append(rows[0].model)
            else:
                yield from rows
    if again:
        yield from measure(again, workers=1)


def check(name: str) -> list[Found]:
    """Convert one model to every format and scheme, and hold the files against Keras."""
    import application_models
    import keras
    from converted import feeds, keras_outputs, randomize
    from littoral_converters.preparation.precision import full_precision

    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model = models()[name]()
    samples = feeds(model, CALIBRATION, seed=2)
    if name in application_models.MODELS:
        application_models.settle(model, next(iter(samples.values())))
    else:
        randomize(model)
    data = feeds(model, 1, seed=0)
    with full_precision(model):
        wanted = keras_outputs(model, data)
    layers = classes_in(model)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = dict(_outcomes(model, Path(folder), samples, data, wanted))
    each = round((time.monotonic() - started) / len(results), 2)
    return [
        Found(name, layers, format_name, scheme, error, refusal, each, floats)
        for (format_name, scheme), (error, refusal, floats) in results.items()
    ]


def _outcomes(
    model: Any, folder: Path, samples: Any, data: Any, wanted: Any
) -> Iterator[tuple[tuple[str, str], tuple[float | None, str, int]]]:
    """((format, scheme), (error, refusal, layers left float)).

    All are converted together, apart only if that fails.
    """
    from littoral.errors import LittoralError
    from littoral_converters import convert

    def made(formats: Sequence[str], schemes: Sequence[str]) -> list[Any]:
        return convert(
            model,
            folder,
            formats=formats,
            schemes=schemes,
            representative_data=samples,
            recommend=False,
            warn=lambda doubt: None,
        )

    try:
        variants = made(FORMATS, [*LIMITS])
    except LittoralError:
        variants = []
        for format_name, scheme in itertools.product(FORMATS, LIMITS):
            try:
                variants += made([format_name], [scheme])
            except LittoralError as error:
                yield (format_name, scheme), (None, f"{type(error).__name__}: {error}", 0)
    for variant in variants:
        error = _error(variant.path, data, wanted)
        yield (variant.format, variant.scheme), (error, "", len(variant.float_layers))


def _error(path: Path, data: Any, wanted: list[Any]) -> float:
    import numpy as np
    from converted import file_outputs

    got = file_outputs(path, data)
    if [values.shape for values in got] != [values.shape for values in wanted]:
        return float("inf")
    worst = 0.0
    for expected, values in zip(wanted, got, strict=True):
        difference = np.abs(np.float64(expected) - np.float64(values))
        worst = max(worst, float(difference.max() / (1e-6 + np.abs(np.float64(expected)).max())))
    return worst if np.isfinite(worst) else float("inf")


def models() -> dict[str, Any]:
    """Every model by name: layers, idioms, whole architectures."""
    import application_models
    import architecture_models

    return {**architecture_models.MODELS, **application_models.MODELS}


def classes_in(model: Any) -> tuple[str, ...]:
    """Classes of a model's layers, and of the cells of its recurrent ones."""
    from littoral_converters.nesting import every_layer

    names = _names_in_keras()
    found = set()
    for part in every_layer(model):
        cell = getattr(part, "cell", None)
        cells = [] if cell is None else [cell, *getattr(cell, "cells", [])]
        found |= {names.get(type(each), type(each).__name__) for each in (part, *cells)}
    return tuple(sorted(found))


def classes_of_keras() -> list[str]:
    """Names of the classes of `keras.layers` that the installed Keras has, each once."""
    return sorted(_names_in_keras().values())


def _names_in_keras() -> dict[type, str]:
    """What `keras.layers` calls each of its classes: by its own name where several are there."""
    import inspect

    from keras import layers

    members = inspect.getmembers(layers, inspect.isclass)
    own = {kind: name for name, kind in members if kind.__name__ == name}
    return {kind: own.get(kind, name) for name, kind in members}


def table(found: list[Found]) -> str:
    """A Markdown table: one row for each class of `keras.layers`, with its models' worst errors."""
    columns = [(f, s) for f in FORMATS for s in LIMITS]
    lines = [
        "| layer | models | TFLite float32 | TFLite int8 | ONNX float32 | ONNX int8 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in classes_of_keras():
        rows = [row for row in found if name in row.layers]
        if not rows:
            lines.append(f"| {name} | - | {WITHOUT_MODEL.get(name, 'no model')} | | | |")
            continue
        cells = [_cell([r for r in rows if (r.format, r.scheme) == column]) for column in columns]
        lines.append(f"| {name} | {len({row.model for row in rows})} | {' | '.join(cells)} |")
    return "\n".join(lines)


def architectures(found: list[Found]) -> str:
    """A Markdown table: one row for each family of `keras.applications`."""
    from application_models import SMALLEST

    lines = [
        "| architecture | TFLite float32 | TFLite int8 | ONNX float32 | ONNX int8 |",
        "|---|--:|--:|--:|--:|",
    ]
    for module, (name, size) in SMALLEST.items():
        rows = [row for row in found if row.model == module]
        cells = [
            _cell([r for r in rows if (r.format, r.scheme) == (f, s)])
            for f in FORMATS
            for s in LIMITS
        ]
        lines.append(f"| {name}, {size}x{size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rows: list[Found]) -> str:
    """A tick and the worst error, or how many of the models fall short."""
    failing = [row for row in rows if not row.passed]
    if not rows or failing:
        return f"✗ {len(failing)} of {len(rows)}" if rows else "-"
    floats = f", {rows[0].floats} float" if len(rows) == 1 and rows[0].floats else ""
    return f"✓ {max(row.error or 0.0 for row in rows):.0e}{floats}"


def summary(found: list[Found]) -> str:
    """One sentence with the figures."""
    passed = sum(row.passed for row in found)
    count = len({row.model for row in found})
    return (
        f"{passed} of {len(found)} files agree with Keras: {count} models, each as TFLite and "
        "ONNX, float32 (largest error under 0.0001 of the output's range) and static int8 (under "
        "0.1, on random data that the calibration has not seen)."
    )


def rewrite(readme: Path, found: list[Found]) -> None:
    """Put the figures of a run between the README's markers."""
    text = readme.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    block = (
        f"{summary(found)} A figure is the worst error of all models with that layer; behind it "
        "stands how many layers int8 leaves float, where it costs too much.\n\n"
        f"{architectures(found)}\n\n"
        f"<details><summary>Every class of keras.layers</summary>\n\n{table(found)}\n\n</details>\n"
    )
    readme.write_text(f"{before}{START}\n{block}{END}{after}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models; none for all, and for the README")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "coverage.json")
    arguments = parser.parse_args()
    # The slowest first, so that no worker ends up with one of them alone.
    names = arguments.names or sorted(models(), key=lambda n: n not in _architectures())
    found: list[Found] = []
    for row in measure(names) if arguments.names else _resumed(names, arguments.json):
        found.append(row)
        if not row.passed or arguments.names:
            words = row.refusal or f"error {row.error:.2g}, {row.floats} layers float"
            print(f"{row.model} {row.format} {row.scheme}: {words}", flush=True)
    found.sort(key=lambda row: (row.model, row.format, row.scheme))
    if not arguments.names:
        rows = [{**dataclasses.asdict(row), "passed": row.passed} for row in found]
        arguments.json.write_text(json.dumps({"results": rows}, indent=1) + "\n")
        rewrite(ROOT / "README.md", found)
    print(summary(found))
    return 0 if all(row.passed for row in found) else 1


def _resumed(names: list[str], path: Path) -> Iterator[Found]:
    """What a run that was cut off has found, then the rest; each row is kept as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, stamp = path.with_suffix(".part.jsonl"), {"sources": _stamp()}
    lines = part.read_text().splitlines() if part.exists() else []
    if not lines or json.loads(lines[0]) != stamp:
        lines = [json.dumps(stamp)]
        part.write_text(lines[0] + "\n")
    known = [Found(**json.loads(line)) for line in lines[1:]]
    done = {name for name, count in Counter(row.model for row in known).items() if count == 4}
    yield from (row for row in known if row.model in done)
    with part.open("a") as file:
        for row in measure([name for name in names if name not in done]):
            file.write(json.dumps(dataclasses.asdict(row)) + "\n")
            file.flush()
            yield row
    part.unlink()


def _stamp() -> str:
    """A digest of all that a figure depends on."""
    digest = hashlib.sha256()
    for folder in ("sdk", "converters", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if folder != "tests" or path.parent == ROOT / "tests":
                digest.update(path.read_bytes())
    for name in ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert"):
        digest.update(importlib.metadata.version(name).encode())
    return digest.hexdigest()


def _architectures() -> Iterable[str]:
    from application_models import SMALLEST

    return SMALLEST


if __name__ == "__main__":
    sys.exit(main())
