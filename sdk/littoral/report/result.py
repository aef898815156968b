"""One model file's figures, as the tables and pictures take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from littoral.report.style import HUES, scheme_class
from littoral.statistics import Estimate

FORMAT_NAMES = {"tflite": "TFLite", "onnx": "ONNX"}
FAMILY_NAMES = {
    "mlp": "MLP",
    "cnn": "CNN",
    "rnn": "RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "transformer": "Transformer",
}


@dataclass(frozen=True)
class Result:
    """One model file's figures; None wherever a figure is not known.

    Attributes:
        label: What a picture calls it: short, and unlike any other on the same page.
        family: For example ``"lstm"``.
        format: For example ``"tflite"``.
        scheme: For example ``"static_int8"``.
        lowering: How layers were expressed.
        size_bytes: Of the file.
        accuracy: Share of the test set, 0 to 1.
        float_accuracy: The Keras model's.
        drop_points: Percentage points lost against Keras.
        max_abs_error: Against Keras, in the output's units.
        p50: Latency in microseconds with interval; `p90` and `p99` likewise.
        cold_start_ms: Fresh process to first result.
        load_ms: One load of the file.
        peak_memory_bytes: Of the fresh process.
        passed: The file agrees with Keras within its tolerance.
        is_emulated: Its times say nothing about a real processor.
        hue: The CSS class that colours it.
    """

    label: str
    family: str
    format: str
    scheme: str
    lowering: str | None
    size_bytes: int | None
    accuracy: float | None
    float_accuracy: float | None
    drop_points: float | None
    max_abs_error: float | None
    p50: Estimate | None
    p90: Estimate | None
    p99: Estimate | None
    cold_start_ms: float | None
    load_ms: float | None
    peak_memory_bytes: int | None
    passed: bool | None
    is_emulated: bool
    hue: str


def of_demo(fields: Mapping[str, Any]) -> Result:
    """A result of ``demo.json``, labelled by format and scheme, coloured by scheme."""
    label = f"{format_name(fields.get('format'))} {fields.get('scheme') or ''}".strip()
    return _result(label, scheme_class(fields.get("scheme") or ""), fields)


def of_bench(measurements: Sequence[Mapping[str, Any]]) -> tuple[Result, ...]:
    """The measurements of ``bench --json``, labelled by `labels_of`, a colour each."""
    labels = labels_of(measurements)
    return tuple(
        _result(label, f"s{index % HUES}", fields)
        for index, (label, fields) in enumerate(zip(labels, measurements, strict=True))
    )


def labels_of(measurements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Short names of the measurements of ``bench --json``, with the target where there are several.

    Args:
        measurements: Of one target or several.
    """
    of_target: dict[str, list[int]] = {}
    for index, fields in enumerate(measurements):
        of_target.setdefault(str(fields.get("target")), []).append(index)
    labels = [""] * len(measurements)
    for target, indices in of_target.items():
        paths = [str(measurements[index].get("path") or "model") for index in indices]
        for index, name in zip(indices, distinct_names(paths), strict=True):
            labels[index] = name if len(of_target) == 1 else f"{name} on {target}"
    return labels


def distinct_names(paths: Sequence[str]) -> list[str]:
    """The shortest endings of paths that differ from one another.

    Args:
        paths: File paths; where two are the same, their names are numbered.

    Returns:
        One name a path, in order.
    """
    parts = [PurePath(path).parts for path in paths]
    depth = 1
    longest = max((len(own) for own in parts), default=1)
    while depth < longest and len({own[-depth:] for own in parts}) < len(set(parts)):
        depth += 1
    names = [str(PurePath(*own[-depth:])) if own else "model" for own in parts]
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if names.count(name) == 1 else f"{name} #{seen[name]}")
    return numbered


def format_name(name: str | None) -> str:
    """A format as people write it."""
    return FORMAT_NAMES.get(name or "", name or "?")


def family_name(name: str | None) -> str:
    """A family as people write it."""
    return FAMILY_NAMES.get(name or "", name or "?")


def pareto(results: Sequence[Result]) -> list[Result]:
    """The results that no other beats in both latency and accuracy, fastest first.

    Args:
        results: Any; those without a p50 or an accuracy are left out.

    Returns:
        From fastest to slowest, with the accuracy rising strictly.
    """
    known = [(r.p50.value, -r.accuracy, r) for r in results if r.p50 and r.accuracy is not None]
    front: list[Result] = []
    best = float("-inf")
    for _, negated, result in sorted(known, key=lambda entry: entry[:2]):
        if -negated > best:
            best = -negated
            front.append(result)
    return front


def _result(label: str, hue: str, fields: Mapping[str, Any]) -> Result:
    return Result(
        label=label,
        hue=hue,
        family=str(fields.get("family") or ""),
        format=str(fields.get("format") or ""),
        scheme=str(fields.get("scheme") or ""),
        is_emulated=bool(fields.get("emulated")),
        p50=Estimate.of_fields(fields, "latency_p50_us"),
        p90=Estimate.of_fields(fields, "latency_p90_us"),
        p99=Estimate.of_fields(fields, "latency_p99_us"),
        **{
            name: fields.get(name)
            for name in (
                "lowering",
                "size_bytes",
                "accuracy",
                "float_accuracy",
                "drop_points",
                "max_abs_error",
                "cold_start_ms",
                "load_ms",
                "peak_memory_bytes",
                "passed",
            )
        },
    )
