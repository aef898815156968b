"""Calls of `Model.run` beside the raw engine's own, in turn.

Where two sessions of one engine happen to lie in memory makes one of them up to a tenth slower than
the other for as long as they live. So each kind of call is timed with several sessions of each
side, all alive at once, and the figures are medians over these pairs: as many as it takes until the
median's interval is on one side of the limit.

A third call takes its turns: what Python and NumPy take for the least that a checked call does
besides the engine's part, on memory of its own. It tells a slow processor from a slow call.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import littoral
import numpy as np
import small_models
import tflite_writer
from littoral.clock import Plan, time_in_turn
from littoral.statistics import Estimate, paired_ratio, percentile, percentile_interval
from tflite_writer import Graph, Op, T

PAIRS, MOST_PAIRS = 7, 25
SECONDS = 0.1
"""For each call of a pair."""

MORE_US, MORE_SHARE, SMALL_US = 1.2, 1.03, 25.0
"""A call of LiteRT may take 1.2 us more, from 25 us on 3% more; onnxruntime's less than its own."""

Call = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Race:
    """One kind of call, ours beside the raw engine's.

    Attributes:
        what: File and form of the input.
        engine: ``"LiteRT"`` or ``"onnxruntime"``.
        raw_us: Median of the raw calls.
        more_us: By how much ours takes longer.
        ratio: Ours by raw.
        bare_us: Of the steps around the engine's call alone, see `_bare`.
        is_held: Whether the limit of the engine is for this kind of call.
    """

    what: str
    engine: str
    raw_us: float
    more_us: float
    ratio: Estimate
    bare_us: float
    is_held: bool = True

    @property
    def allowed_us(self) -> float:
        """How much longer ours may take."""
        if self.engine != "LiteRT":
            return 0.0
        return max(MORE_US, (MORE_SHARE - 1) * self.raw_us if self.raw_us > SMALL_US else 0.0)


def call_races(folder: Path) -> list[Race]:
    """Convert two networks and time every usual form of a call."""
    files = _converted(folder)
    picture = np.random.default_rng(1).standard_normal((1, 28, 28)).astype(np.float32)
    a, b = np.array([[5, 7]], np.float32), np.array([[1, 2]], np.float32)
    races = []
    for suffix, engine in ((".tflite", "LiteRT"), (".onnx", "onnxruntime")):
        for name in ("mlp", "cnn"):
            for scheme in ("float32", "static_int8"):
                content = files[f"{name}.{scheme}{suffix}"]
                races.append(_race(f"{name} {scheme}", engine, content, picture))
        mlp = files[f"mlp.static_int8{suffix}"]
        races.append(_race("one sample", engine, mlp, picture, ours=picture[0]))
        both = small_models.SEVERAL[suffix[1:]]
        races.append(_race("two inputs and outputs, a dict", engine, both, {"b": b, "a": a}))
    rows = np.random.default_rng(2).standard_normal((1, 96, 96, 3)).astype(np.float32)
    races.append(_race("96x96x3 floats, averaged", "LiteRT", _mean(rows.shape), rows, held=False))
    races.append(_int8_race("int8 file, floats in and out", files["mlp.strict_int8.tflite"]))
    return races


def _converted(folder: Path) -> dict[str, bytes]:
    import keras
    import probe_models
    from littoral_converters import convert

    samples = np.random.default_rng(0).random((64, 28, 28)).astype(np.float32)
    for name in ("mlp", "cnn"):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((28, 28), name="image")
        outputs = keras.layers.Dense(10, activation="softmax")(probe_models.BODIES[name](inputs))
        keras.Model(inputs, outputs).save(folder / f"{name}.keras")
        for formats, schemes in (
            (("tflite", "onnx"), ("float32", "static_int8")),
            (("tflite",), ("strict_int8",)),
        ):
            convert(
                folder / f"{name}.keras",
                folder,
                formats=formats,
                schemes=schemes,
                representative_data=samples,
                recommend=False,
            )
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _race(
    what: str, engine: str, content: bytes, x: Any, ours: Any = None, held: bool = True
) -> Race:
    mine = x if ours is None else ours
    make_raw = _raw_tflite if engine == "LiteRT" else _raw_onnx

    def pair() -> tuple[Call, Call]:
        return make_raw(content, x), functools.partial(littoral.load(content).run, mine)

    return _timed(what, engine, pair, _bare(x, ours is not None), held)


def _int8_race(what: str, content: bytes) -> Race:
    """Against what NumPy does in the fewest words."""

    def pair() -> tuple[Call, Call]:
        model = littoral.load(content)
        (spec,), (out,) = model.inputs, model.outputs
        x = np.random.default_rng(3).random(spec.shape).astype(np.float32)
        invoke = _raw_tflite(content, x.astype(np.int8))

        def raw() -> object:
            quanta = np.clip(np.rint(x / np.float32(spec.scale)) + spec.zero_point, -128, 127)
            result = invoke(quanta.astype(np.int8))
            return (result.astype(np.float32) - np.float32(out.zero_point)) * np.float32(out.scale)

        np.testing.assert_array_equal(raw(), model.run(x))
        return raw, functools.partial(model.run, x)

    some = np.random.default_rng(3).random((1, 28, 28)).astype(np.float32)
    return _timed(what, "LiteRT", pair, _bare(some, False), True)


def _bare(x: Any, is_sample: bool) -> Call:
    """A lock, and per input a look at its shape, a copy into memory, a product that finds NaN."""
    given = x if isinstance(x, Mapping) else {"": x}
    lock = threading.RLock()
    steps = []
    for name, value in given.items():
        memory, weights = np.zeros_like(value), np.ones(value.size, np.float32)
        steps.append((name, value.shape, memory, memory.reshape(-1), weights.dot))

    def bare() -> object:
        with lock:
            results = {}
            for name, shape, memory, flat, dot in steps:
                value = given[name]
                if value.shape != shape:
                    return None
                memory[...] = value
                if not isfinite(dot(flat)):
                    return None
                results[name] = memory[0] if is_sample else memory
            return results

    return bare


def _timed(
    what: str, engine: str, pair: Callable[[], tuple[Call, Call]], bare: Call, held: bool
) -> Race:
    theirs: list[float] = []
    ours: list[float] = []
    least: list[float] = []
    alive = [pair() for _ in range(PAIRS)]
    while True:
        for calls in alive[len(ours) :]:
            rounds = time_in_turn([*calls, bare], Plan(duration_ns=int(SECONDS * 1e9)))
            medians = [percentile([percentile(one, 0.5) for one in own], 0.5) for own in rounds]
            for found, median in zip((theirs, ours, least), medians, strict=True):
                found.append(median)
        more = percentile_interval(np.subtract(ours, theirs), 0.5)
        ratio, raw_us = paired_ratio(ours, theirs), percentile(theirs, 0.5) / 1e3
        bare_us = percentile(least, 0.5) / 1e3
        race = Race(what, engine, raw_us, more.value / 1e3, ratio, bare_us, held)
        if not held or len(ours) >= MOST_PAIRS or more.excludes(race.allowed_us * 1e3):
            return race
        alive.append(pair())


def _raw_tflite(content: bytes, x: Any) -> Callable[..., Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    at = [detail["index"] for detail in interpreter.get_input_details()]
    out = [detail["index"] for detail in interpreter.get_output_details()]
    set_tensor, invoke, get = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor
    if isinstance(x, Mapping):
        values = list(x.values())

        def several() -> list[Any]:
            for index, value in zip(at, values, strict=True):
                set_tensor(index, value)
            invoke()
            return [get(index) for index in out]

        return several
    (first,), (result,) = at, out

    def one(value: Any = x) -> Any:
        set_tensor(first, value)
        invoke()
        return get(result)

    return one


def _raw_onnx(content: bytes, x: Any) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed = x if isinstance(x, Mapping) else {session.get_inputs()[0].name: x}
    return lambda: session.run(None, feed)


def _mean(shape: tuple[int, ...]) -> bytes:
    tensors = [
        T("x", shape),
        T("axes", [2], "int32", data=np.array([1, 2])),
        T("y", [shape[0], shape[3]]),
    ]
    mean = Op("MEAN", [0, 1], [2], "ReducerOptions")
    return tflite_writer.write(Graph(tensors, [0], [2], [mean]))
