"""How fast our files are beside those of every stock route: `make bench`.

    python tests/speed_run.py                       # all models, as tables
    python tests/speed_run.py gru transformer       # some
    python tests/speed_run.py --readme              # and into README.md

Stock files are made for real, then all files of a model, theirs and ours, are timed in turn in one
process, one thread, batch 1, through the raw calls of the engines. A ratio is the median over the
rounds of the ratio of the rounds' medians, with its 95% interval. Files more than half a point
below Keras's accuracy do not count on either side.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import stock_routes
from littoral.clock import Plan, time_in_turn
from littoral.errors import LittoralError
from littoral.statistics import Estimate, paired_ratio, percentile
from processor import has_int8_products
from raw_files import SESSIONS, Entry, entry

MAX_DROP = 0.005
TEST_SAMPLES = 2000
SECONDS = 1.0
FAMILIES = ("mlp", "cnn", "lstm", "gru", "transformer")
SCHEMES = ("float32", "float16", "dynamic_int8", "static_int8")
ROOT = Path(__file__).parent.parent

GOALS = {
    "mlp": {"default": 2.8, "any": 1.0},
    "cnn": {"default": 1.7, "any": 1.0},
    "lstm": {"tflite": 4.0, "any": 1.15},
    "bilstm": {"tflite": 2.0, "any": 1.15},
    "gru": {"tf2onnx": 8.0, "any": 1.25, "onnx float32": 8.0},
    "transformer": {"default": 1.45, "tflite_int8": 4.0, "any": 1.2, "onnx float32": 1.5},
}
"""By what our best file is to be faster than a stock one: the best float32 one of a single call,
one by name, or the best of any kind; and our .onnx than tf2onnx's, both float32. Our own families
are held to the same as the small networks over pictures that are of their kind."""


@dataclasses.dataclass(frozen=True)
class Raced:
    """What came of one model.

    Attributes:
        model: Its name.
        kind: Which of `GOALS` it is.
        accuracy: Keras's.
        p50_us: Median time of each file that runs.
        accuracies: Of each file that runs.
        failures: What became of the routes whose file does not.
        ratios: By what our best file is faster, for each comparison that can be made.
        to_float: Time of each of our files by that of our float32 file of its format.
        best: Our best file.
        against: The stock file of each comparison.
    """

    model: str
    kind: str
    accuracy: float
    p50_us: dict[str, float]
    accuracies: dict[str, float]
    failures: dict[str, str]
    ratios: dict[str, Estimate]
    to_float: dict[str, Estimate]
    best: str
    against: dict[str, str]

    def goal(self, what: str) -> float:
        """What the ratio of a comparison is to be."""
        return GOALS[self.kind].get(what, 0.0)


def race(
    name: str,
    folder: Path,
    report: Callable[[str], object] = print,
    routes: Sequence[str] = tuple(stock_routes.ROUTES),
    epochs: int | None = None,
) -> Raced:
    """Train a model, convert it in every way, and time all files in turn.

    Args:
        name: One of `probe_models.BODIES`, or ``"our KIND"`` for one of our families.
        folder: Where the files go.
        report: Told what happens.
        routes: The stock routes to compare with.
        epochs: Passes over the training data; None for enough.
    """
    report(f"{name}: training")
    source, samples, x, y, keras_accuracy = _trained(name, folder, epochs)
    entries, failures = [], {}
    for route in routes:
        report(f"{name}: {route}")
        found = _stock(route, source, samples, folder, x, y)
        if isinstance(found, Entry):
            entries.append(found)
        else:
            failures[route] = found
    report(f"{name}: ours")
    entries += _ours(source, samples, folder, x, y)
    report(f"{name}: timing {len(entries)} files in turn")
    return _raced(name, entries, failures, keras_accuracy)


def _trained(name: str, folder: Path, epochs: int | None) -> tuple[Path, Any, Any, Any, float]:
    """A Keras file, representative samples, test samples with labels, Keras's accuracy."""
    import littoral_models
    import probe_models

    path = folder / f"{name.replace(' ', '_')}.keras"
    if name.startswith("our "):
        trained = littoral_models.train(
            name.removeprefix("our "), fast=True, epochs=epochs, out=path
        )
        model, data = trained.model, trained.data
        x_train, x, y = data.x_train, data.x_test, data.y_test
    else:
        model = probe_models.train(name, epochs)
        model.save(path)
        x_train, _, x, y = probe_models.pictures()
    x, y = x[:TEST_SAMPLES], y[:TEST_SAMPLES]
    scores = model.predict(x, verbose=0)
    return path, x_train[:256], x, y, probe_models.accuracy(scores, y)


def _stock(route: str, source: Path, samples: Any, folder: Path, x: Any, y: Any) -> Entry | str:
    """A route's file, or why there is none."""
    from littoral_converters.isolation import isolated

    try:
        path = isolated(stock_routes.make, route, source, samples, folder, doing=route)
        return entry(route, path, x, y)
    except (LittoralError, RuntimeError, ValueError) as error:
        return " ".join(str(error).split())[:160]
    except Exception as error:
        # onnxruntime's errors share no base class but this one.
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _ours(source: Path, samples: Any, folder: Path, x: Any, y: Any) -> list[Entry]:
    from littoral_converters import convert

    variants = convert(
        source,
        folder / "ours",
        schemes=SCHEMES,
        representative_data=samples,
        evaluation_data={"x": x, "y": y},
        recommend=False,
    )
    return [entry(f"ours {v.format} {v.scheme}", v.path, x, y) for v in variants]


def _raced(
    name: str, entries: Sequence[Entry], failures: dict[str, str], keras_accuracy: float
) -> Raced:
    plan = Plan(duration_ns=int(SECONDS * 1e9))
    rounds = time_in_turn([each.calls for each in entries], plan)
    medians = {
        each.name: [percentile(burst, 0.5) for burst in own]
        for each, own in zip(entries, rounds, strict=True)
    }
    p50 = {which: percentile(values, 0.5) / 1e3 for which, values in medians.items()}
    kind = name.removeprefix("our ")
    near = [each for each in entries if each.accuracy >= keras_accuracy - MAX_DROP]
    ours = min((e.name for e in near if e.is_ours), key=lambda which: p50[which])
    against = _rivals([e.name for e in near if not e.is_ours], [*p50], p50, GOALS[kind])
    ratios = {
        what: paired_ratio(medians[rival], medians[_racer(what, ours)], sessions=SESSIONS)
        for what, rival in against.items()
    }
    to_float = {
        each.name: paired_ratio(
            medians[each.name], medians[_float_of(each.name)], sessions=SESSIONS
        )
        for each in entries
        if each.is_ours
    }
    return Raced(
        model=name,
        kind=kind,
        accuracy=keras_accuracy,
        p50_us=p50,
        accuracies={each.name: each.accuracy for each in entries},
        failures=failures,
        ratios=ratios,
        to_float=to_float,
        best=ours,
        against=against,
    )


def _float_of(ours: str) -> str:
    return " ".join([*ours.split()[:2], "float32"])


def _racer(what: str, best: str) -> str:
    return "ours onnx float32" if what == "onnx float32" else best


def _rivals(
    near: Sequence[str], running: Sequence[str], p50: dict[str, float], goals: dict[str, float]
) -> dict[str, str]:
    """The stock file of each comparison; a comparison without a file that loads is left out."""

    def fastest(names: Sequence[str]) -> str | None:
        return min(names, key=lambda which: p50[which], default=None)

    found = {}
    for what in ("default", *(goal for goal in goals if goal != "default")):
        if what == "default":
            rival = fastest([which for which in near if which in stock_routes.ONE_LINE])
        elif what == "any":
            rival = fastest(near)
        elif what == "onnx float32":
            rival = fastest([w for w in running if w in ("tf2onnx", "tf2onnx_repaired")])
        else:
            rival = what if what in running else None
        if rival is not None:
            found[what] = rival
    return found


def details(raced: Raced) -> str:
    """Every file of a model, fastest first, then what it means."""
    lines = [f"{raced.model} (Keras {raced.accuracy:.4f})"]
    for name, value in sorted(raced.p50_us.items(), key=lambda item: item[1]):
        mark = "*" if name == raced.best else " "
        drop = 100 * (raced.accuracies[name] - raced.accuracy)
        lines.append(f"  {mark} {name:28}{value:9.1f} us {drop:+7.2f} points")
    lines += [f"    {name:28}no file that runs: {why}" for name, why in raced.failures.items()]
    for what, ratio in raced.ratios.items():
        goal = f" (goal {raced.goal(what)})" if raced.goal(what) else ""
        lines.append(f"  {shown_ratio(ratio)} {what}: {raced.against[what]}{goal}")
    return "\n".join(lines)


def shown_ratio(ratio: Estimate) -> str:
    """A ratio with its interval, for people."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.2f}x"
    return f"{ratio.value:.2f}x [{ratio.low:.2f}, {ratio.high:.2f}]"


def table(found: Sequence[Raced]) -> str:
    """The Markdown table of the README."""
    lines = [
        "| model | our best file | p50 | best float32 of one call | faster | "
        "best stock file | faster |",
        "|---|---|--:|---|--:|---|--:|",
    ]
    for raced in found:
        cells = [
            raced.model,
            raced.best.removeprefix("ours "),
            f"{raced.p50_us[raced.best]:.1f} µs",
        ]
        for what in ("default", "any"):
            rival = raced.against.get(what)
            if rival is None:
                cells += ["none loads", "-"]
            else:
                cells += [f"{rival}, {raced.p50_us[rival]:.1f} µs", shown_ratio(raced.ratios[what])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def others(found: Sequence[Raced]) -> str:
    """The comparisons with a file by name, as a Markdown list."""
    return "\n".join(
        f"- {raced.model}: {shown_ratio(ratio)} {raced.against[what]}"
        f"{' by float32 .onnx against float32 .onnx' if what == 'onnx float32' else ''}"
        for raced in found
        for what, ratio in raced.ratios.items()
        if what not in ("default", "any")
    )


def short(raced: Raced) -> list[str]:
    """Comparisons whose interval lies below the goal, in words."""
    return [
        f"{raced.model}: {shown_ratio(ratio)} {what}, goal {raced.goal(what)}"
        for what, ratio in raced.ratios.items()
        if (ratio.value if ratio.high is None else ratio.high) < raced.goal(what)
    ]


def main(arguments: Sequence[str]) -> int:
    """Race what is named; everything without a name."""
    import probe_models

    everything = [*probe_models.BODIES, *(f"our {family}" for family in FAMILIES)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(everything))
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    found = []
    for name in chosen.models or everything:
        with tempfile.TemporaryDirectory() as folder:
            found.append(race(name, Path(folder), lambda text: print(text, file=sys.stderr)))
        print(details(found[-1]), flush=True)
    seconds = time.monotonic() - started
    print(f"\n{table(found)}\n\n{others(found)}")
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps([dataclasses.asdict(raced) for raced in found], indent=1))
    if chosen.readme:
        _into_readme(found, seconds)
    missed = [line for raced in found for line in short(raced)]
    print("\n".join(["", "short of the goal:", *missed] if missed else ["every goal is reached"]))
    return 1 if missed and chosen.check else 0


def _into_readme(found: Sequence[Raced], seconds: float) -> None:
    """Each kind of processor has a table: what int8 gains depends on it."""
    kind = "with" if has_int8_products() else "without"
    note = (
        f"One run of `make bench` ({seconds:.0f} s, {platform.machine()} {kind} VNNI, one thread, "
        "batch 1, medians, 95% intervals of the ratios)."
    )
    put_into_readme(f"speed {kind} VNNI", f"{note}\n\n{table(found)}\n\n{others(found)}")


def put_into_readme(mark: str, text: str) -> None:
    """Replace what stands between two marks in README.md.

    Args:
        mark: For example ``"runtime"``.
        text: Markdown.
    """
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(start)
    _, after = rest.split(end)
    readme.write_text(f"{before}{start}\n{text}\n{end}{after}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
