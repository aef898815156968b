"""Where the time goes inside a model file: by operator, by kind of operator, by layer of the model.

One file a format, each with one function:

    operator_times(content, folder, engine, threads, options, duration_s, tell) -> Times

Both time by partial execution (`littoral.profiling._cuts`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from littoral import plugins, source
from littoral.clock import check_duration
from littoral.environment import describe, is_emulated
from littoral.integrity import read_card
from littoral.loading import load
from littoral.profiling import _roofline
from littoral.statistics import Estimate

Tell = Callable[[str], object]


@dataclass(frozen=True)
class OperatorTime:
    """One operator of a file, or a run of operators that were timed together.

    Attributes:
        index: Place of the (first) operator in the order of execution.
        count: How many operators these are.
        kind: The format's name for it, for example ``"CONV_2D"``; of a run the kinds in it.
        name: Name of its output, empty where the file has none.
        layer: The Keras layer that it belongs to, by the names in the file; empty where unknown.
        time_ns: Median of one execution, with its interval.
        delegated: Whether an accelerator's delegate runs it; None where the engine does not say.
        macs: Multiplications with an addition, from the shapes; 0 where it has none.
        moved_bytes: Inputs, outputs and constants.
    """

    index: int
    count: int
    kind: str
    name: str
    layer: str
    time_ns: Estimate
    delegated: bool | None
    macs: int
    moved_bytes: int


@dataclass(frozen=True)
class Times:
    """What was timed in the same rounds.

    Attributes:
        operators: In the order of execution.
        whole_ns: Median of a call of the whole file, within the engine.
    """

    operators: tuple[OperatorTime, ...]
    whole_ns: Estimate


def profile(
    path: str | os.PathLike[str],
    *,
    engine: str = "auto",
    threads: int = 1,
    options: Mapping[str, Any] | None = None,
    duration_s: float = 2.0,
    tell: Tell = lambda what: None,
) -> dict[str, Any]:
    """Profile a model file on this machine.

    Args:
        path: A .tflite or .onnx file.
        engine: Engine name or ``"auto"``.
        threads: Threads of one call.
        options: The engine's own options by name.
        duration_s: About how long to time the operators.
        tell: Is told what happens now, in a few words.

    Returns:
        JSON-able: ``path format engine threads latency_p50_us total_us operators by_kind by_layer
        roofline environment emulated``. Each of ``operators`` has ``index count kind name layer
        time_us time_us_low time_us_high share delegated macs moved_bytes gflops roof_share``.

    Raises:
        InputError: A duration that is not positive, or no such file.
        ModelError: The file cannot be used.
        EngineError: The engine failed.
    """
    check_duration(duration_s)
    name, content = source.read(path)
    given = dict(options or {})
    with load(path, engine=engine, threads=threads, options=given) as model:
        used, format = model.engine, model.format
    with source.explained(name):
        read_card(content)
        module = plugins.load(sys.modules[__name__], format)
        folder = str(Path(path).parent)
        times: Times = module.operator_times(
            content, folder, used, threads, given, duration_s, tell
        )
    tell("measuring this machine's roofline")
    roof, found = _roofline.measured(), times.operators
    total = sum(one.time_ns.value for one in found) or 1.0
    return {
        "path": str(path),
        "format": format,
        "engine": used,
        "threads": threads,
        "latency_p50_us": round(times.whole_ns.value / 1e3, 3),
        "total_us": round(total / 1e3, 3),
        "operators": [_operator(one, total, roof) for one in found],
        "by_kind": _grouped(found, total, lambda one: one.kind),
        "by_layer": _grouped(found, total, lambda one: one.layer or "(no layer)"),
        "roofline": asdict(roof),
        "environment": describe(),
        "emulated": is_emulated(),
    }


def layer_of(name: str) -> str:
    """The Keras layer that a tensor's or node's name was made in: all but its last part.

    Args:
        name: As converters write it, for example ``model/dense_1/MatMul;model/dense_1/BiasAdd``.
    """
    first = name.split(";")[0].strip("/")
    return first.rpartition("/")[0]


def _operator(one: OperatorTime, total: float, roof: _roofline.Roofline) -> dict[str, Any]:
    gflops = 2 * one.macs / one.time_ns.value if one.macs and one.time_ns.value > 0 else None
    attainable = roof.attainable_gflops(2 * one.macs, one.moved_bytes)
    return {
        "index": one.index,
        "count": one.count,
        "kind": one.kind,
        "name": one.name,
        "layer": one.layer,
        **one.time_ns.fields("time_us", 1e-3, 3),
        "share": round(one.time_ns.value / total, 4),
        "delegated": one.delegated,
        "macs": one.macs,
        "moved_bytes": one.moved_bytes,
        "gflops": None if gflops is None else round(gflops, 3),
        "roof_share": None if gflops is None or not attainable else round(gflops / attainable, 3),
    }


def _grouped(
    found: tuple[OperatorTime, ...], total: float, key: Callable[[OperatorTime], str]
) -> list[dict[str, Any]]:
    groups: dict[str, list[OperatorTime]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    made = [
        {
            "name": name,
            "operators": sum(one.count for one in group),
            "time_us": round(sum(one.time_ns.value for one in group) / 1e3, 3),
            "share": round(sum(one.time_ns.value for one in group) / total, 4),
            "macs": sum(one.macs for one in group),
        }
        for name, group in groups.items()
    ]
    return sorted(made, key=lambda entry: -float(str(entry["time_us"])))
