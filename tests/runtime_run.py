"""What running a file through littoral costs beside the raw engine: `make bench`.

    python tests/runtime_run.py                     # as tables
    python tests/runtime_run.py --readme            # and into README.md

Ours and the raw calls take turns in one process, or fresh processes take turns, so that what the
machine does falls on both. Figures are medians over the rounds, with their 95% interval.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import littoral
import numpy as np
import onnx_writer
import tflite_writer
from call_races import Race, call_races
from littoral.statistics import Estimate, paired_ratio, percentile
from speed_run import put_into_readme, shown_ratio
from tflite_writer import Graph, Op, T

ROOT = Path(__file__).parent.parent
STARTS = 15
LIMITS = {
    "import littoral, beyond numpy": (10.0, "ms"),
    "first result, LiteRT": (1.1, "x"),
    "first result, onnxruntime": (1.1, "x"),
    "peak memory, LiteRT": (3.0, "MB"),
    "peak memory, onnxruntime": (3.0, "MB"),
    "the runtime's part of the wheel": (300.0, "KB"),
    "wheel": (300.0, "KB"),
}
LEAST = {"Pool of 2, LiteRT": 1.8, "Pool of 2, onnxruntime": 1.8}
"""Of threads: how many times the throughput of one."""

QUIET_LOAD = 0.75 * (os.cpu_count() or 1)
"""Processes at work beyond which two threads cannot have two cores."""

RAW_STARTS = {
    "LiteRT": """
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
i = Interpreter(model_path=sys.argv[1], num_threads=1)
i.allocate_tensors()
d = i.get_input_details()[0]
i.set_tensor(d["index"], np.zeros(d["shape"], d["dtype"]))
i.invoke()
i.get_tensor(i.get_output_details()[0]["index"])
""",
    "onnxruntime": """
import sys, numpy as np, onnxruntime
o = onnxruntime.SessionOptions()
o.intra_op_num_threads = o.inter_op_num_threads = 1
s = onnxruntime.InferenceSession(sys.argv[1], o, providers=["CPUExecutionProvider"])
n = s.get_inputs()[0]
s.run(None, {n.name: np.zeros(n.shape, np.float32)})
""",
}
OUR_START = """
import sys, numpy as np, littoral
m = littoral.load(sys.argv[1])
m.run(np.zeros(m.inputs[0].shape, np.float32))
"""
PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


def starts(folder: Path, count: int = STARTS) -> dict[str, Estimate]:
    """Fresh processes beside those of the raw engines: processor time, peak memory.

    Processor time and not the clock's: what else runs on the machine would decide.
    """
    program = {
        "numpy": "import numpy",
        "import": "import numpy, littoral",
    }
    argument = {"numpy": "", "import": ""}
    for engine, suffix in (("LiteRT", "tflite"), ("onnxruntime", "onnx")):
        path = folder / f"cnn.float32.{suffix}"
        program |= {f"raw {engine}": RAW_STARTS[engine], f"our {engine}": OUR_START}
        argument |= {f"raw {engine}": str(path), f"our {engine}": str(path)}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name, code in program.items():  # compiles the modules, as an installation does
            _start(code, argument[name], environment)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in program}
        for _ in range(count):
            for name, code in program.items():
                found[name].append(_start(code, argument[name], environment))
    ms = {name: [value for value, _ in pairs] for name, pairs in found.items()}
    figures = {"import littoral, beyond numpy": _difference(ms["import"], ms["numpy"])}
    for engine in RAW_STARTS:
        figures[f"first result, {engine}"] = paired_ratio(ms[f"our {engine}"], ms[f"raw {engine}"])
        peaks = [[mb for _, mb in found[f"{whose} {engine}"]] for whose in ("our", "raw")]
        figures[f"peak memory, {engine}"] = _difference(*peaks)
    return figures


def _start(code: str, argument: str, environment: Mapping[str, str]) -> tuple[float, float]:
    """Processor time in ms and peak memory in MB of a fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code + PEAK, argument]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent * 1e3, int(done.stdout.split()[-1]) / 1024


def _difference(mine: Sequence[float], theirs: Sequence[float]) -> Estimate:
    return Estimate(percentile([a - b for a, b in zip(mine, theirs, strict=True)], 0.5))


def wheel_kb() -> dict[str, Estimate]:
    """Size of the wheel that `pip install littoral` fetches, and of what a device imports of it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        (path,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            sizes = [
                entry.compress_size
                for entry in wheel.infolist()
                if entry.filename.startswith("littoral/")
            ]
        return {
            "the runtime's part of the wheel": Estimate(sum(sizes) / 1e3),
            "wheel": Estimate(path.stat().st_size / 1e3),
        }


def pools(rounds: int = 60) -> dict[str, Estimate]:
    """Throughput of a `Pool` of two by that of one thread, on a network of over 1 ms."""
    return {
        "Pool of 2, LiteRT": _pool_ratio(_busy_tflite(), rounds),
        "Pool of 2, onnxruntime": _pool_ratio(_busy_onnx(), rounds),
    }


def _pool_ratio(content: bytes, rounds: int) -> Estimate:
    calls = 12
    with littoral.load(content) as model, littoral.Pool(content, size=2) as pool:
        x = np.ones(model.inputs[0].shape, np.float32)
        alone, together = [], []
        for _ in range(rounds):
            started = time.perf_counter()
            for _ in range(calls):
                model.run(x)
            alone.append(time.perf_counter() - started)
            started = time.perf_counter()
            for _ in pool.map(x for _ in range(calls)):
                pass
            together.append(time.perf_counter() - started)
        assert alone[-1] / calls > 1e-3, "the network is too small for this comparison"
    # The best of each: another program on one of the two cores would halve the second.
    return Estimate(min(alone) / min(together))


_SIDE, _CHANNELS, _DEPTH = 24, 64, 10


def _busy_tflite() -> bytes:
    weights = np.random.default_rng(0).standard_normal((_CHANNELS, 3, 3, _CHANNELS)) / 24
    shape = [1, _SIDE, _SIDE, _CHANNELS]
    tensors, operators = [T("x", shape)], []
    for number in range(_DEPTH):
        at = len(tensors)
        tensors += [
            T(f"w{number}", weights.shape, data=weights),
            T(f"b{number}", [_CHANNELS], data=np.zeros(_CHANNELS)),
            T(f"y{number}", shape),
        ]
        options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        before = 0 if number == 0 else at - 1
        operators.append(Op("CONV_2D", [before, at, at + 1], [at + 2], "Conv2DOptions", options))
    return tflite_writer.write(Graph(tensors, [0], [len(tensors) - 1], operators))


def _busy_onnx() -> bytes:
    weights = np.random.default_rng(0).standard_normal((_CHANNELS, _CHANNELS, 3, 3)) / 24
    shape = [1, _CHANNELS, _SIDE, _SIDE]
    names = ["x", *(f"y{number}" for number in range(_DEPTH))]
    nodes = [
        ("Conv", [before, "w"], [after], {"pads": [1, 1, 1, 1]})
        for before, after in itertools.pairwise(names)
    ]
    return onnx_writer.write(
        [("x", "float32", shape)],
        [(names[-1], "float32", shape)],
        nodes,
        {"w": weights.astype(np.float32)},
    )


def short(races: Sequence[Race], figures: Mapping[str, Estimate], noise: float = 1.0) -> list[str]:
    """What misses its limit, in words; `noise` widens the limits."""
    missed = over(races, [race.allowed_us * noise for race in races])
    for what, (limit, unit) in LIMITS.items():
        if what in figures and figures[what].value > limit * noise:
            missed.append(f"{what}: {figures[what].value:.2f} {unit}, limit {limit}")
    for what, least in LEAST.items():
        if what in figures and figures[what].value < least / noise:
            missed.append(f"{what}: {figures[what].value:.2f}x, at least {least}")
    return missed


def over(races: Sequence[Race], allowed_us: Sequence[float]) -> list[str]:
    """Which calls take longer than allowed, in words."""
    return [
        f"{race.engine} {race.what}: {race.more_us:+.2f} us, allowed {allowed:.2f}"
        for race, allowed in zip(races, allowed_us, strict=True)
        if race.is_held and race.more_us > allowed
    ]


def tables(races: Sequence[Race], figures: Mapping[str, Estimate]) -> str:
    """The Markdown of the README."""
    lines = ["| call | engine | raw | ours | ratio |", "|---|---|--:|--:|--:|"]
    lines += [
        f"| {race.what} | {race.engine} | {race.raw_us:.1f} µs | {race.more_us:+.2f} µs | "
        f"{shown_ratio(race.ratio)} |"
        for race in races
    ]
    lines += ["", "| beside the raw engine | | limit |", "|---|--:|--:|"]
    for what, (limit, unit) in LIMITS.items():
        if what in figures:
            lines.append(f"| {what} | {_figure(figures[what], unit)} | {limit:g} {unit} |")
    for what, least in LEAST.items():
        if what in figures:
            shown = shown_ratio(figures[what])
            lines.append(f"| {what}, throughput by one thread's | {shown} | at least {least}x |")
    return "\n".join(lines)


def _figure(value: Estimate, unit: str) -> str:
    if unit == "x":
        return shown_ratio(value)
    sign = "" if unit == "KB" else "+"
    return f"{value.value:{sign}.1f} {unit}"


def main(arguments: Sequence[str]) -> int:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is missed")
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        races = call_races(Path(folder))
        figures = starts(Path(folder))
    if os.getloadavg()[0] < QUIET_LOAD:
        figures |= pools()
    else:
        print("Pool: not measured, other programs take the processor", file=sys.stderr)
    figures |= wheel_kb()
    found = tables(races, figures)
    print(found)
    missed = short(races, figures)
    print("\n".join(["", "over the limit:", *missed] if missed else ["", "every limit is held"]))
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        calls = [dataclasses.asdict(race) for race in races]
        others = {what: dataclasses.asdict(value) for what, value in figures.items()}
        chosen.json.write_text(json.dumps({"calls": calls, **others}, indent=1))
    if chosen.readme:
        seconds = time.monotonic() - started
        note = (
            f"One run of `python tests/runtime_run.py`, part of `make bench` ({seconds:.0f} s, "
            f"{platform.machine()}, one thread, medians, "
            "95% intervals of the ratios)."
        )
        put_into_readme("runtime", f"{note}\n\n{found}")
    return 1 if missed and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
