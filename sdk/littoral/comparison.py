"""Two model files against each other: what they answer, what they hold, how long they take.

comparison = compare_files("cnn.tflite", "cnn.onnx")
comparison.outputs[0].difference.max_abs
comparison.to_dict()                    # what `littoral compare --json` prints
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import formats, samples, source
from littoral.differences import Difference, difference
from littoral.errors import EngineError, InputError
from littoral.loading import load
from littoral.measurement import Measurement
from littoral.measuring import measure_interleaved
from littoral.model import Model
from littoral.pairing import for_both, pair_inputs, pair_outputs, renamed
from littoral.samples import Data, Sample
from littoral.scoring import accuracy
from littoral.statistics import Estimate
from littoral.tensors import TensorSpec

INVENTED = 32
"""Random inputs where no data is given."""


@dataclass(frozen=True)
class OutputPair:
    """One output of both files.

    Attributes:
        a: Its name in the first file; `b` in the second.
        shape: Of all samples together, in the first file.
        difference: The second against the first; None where the shapes do not allow it.
        reason: Why there is none.
    """

    a: str
    b: str
    shape: tuple[int, ...]
    difference: Difference | None
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two files on the same inputs.

    Attributes:
        measurements: Of both files, timed in turn; empty where the latency was not asked for.
        sides: What `to_dict` says of each file alone: path, format, scheme, engine, size,
            operators, weights, accuracy where there are labels, or why there is none.
        outputs: Both files' outputs, paired.
        unpaired: Outputs of the first file alone, and of the second alone.
        samples: Inputs that both ran on.
        is_invented: The inputs are random ones.
        inputs: What each input of the second file is called there and in the first.
    """

    measurements: tuple[Measurement, ...]
    sides: tuple[dict[str, Any], dict[str, Any]]
    outputs: tuple[OutputPair, ...]
    unpaired: tuple[tuple[str, ...], tuple[str, ...]]
    samples: int
    is_invented: bool
    inputs: tuple[tuple[str, str], ...]
    environment: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def max_difference(self) -> float | None:
        """Largest difference of any output value; None where no outputs could be compared."""
        known = [pair.difference.max_abs for pair in self.outputs if pair.difference]
        return max(known, default=None)

    @property
    def agreement(self) -> float | None:
        """Of the first output that could be compared: see `littoral.differences.Difference`."""
        return next((pair.difference.agreement for pair in self.outputs if pair.difference), None)

    @property
    def is_comparable(self) -> bool:
        """Every output has its partner, and all their values are finite or equal."""
        found = [pair.difference for pair in self.outputs]
        return not any(self.unpaired) and all(one and not one.not_finite for one in found)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``latency`` is None where it was not measured or says nothing."""
        only = [_only(one, other) for one, other in (self.sides, self.sides[::-1])]
        return {
            "a": self.sides[0],
            "b": self.sides[1],
            "samples": self.samples,
            "invented_inputs": self.is_invented,
            "inputs": [{"name": name, "name_in_b": own} for own, name in self.inputs],
            "max_difference": self.max_difference,
            "agreement": self.agreement,
            "outputs": [_output_fields(pair) for pair in self.outputs],
            "outputs_only_in_a": list(self.unpaired[0]),
            "outputs_only_in_b": list(self.unpaired[1]),
            "size_ratio": round(self.sides[1]["size_bytes"] / self.sides[0]["size_bytes"], 4),
            "operators_only_in_a": only[0],
            "operators_only_in_b": only[1],
            "latency": self._latency(),
            "measurements": [one.to_dict() for one in self.measurements],
            "environment": self.environment,
        }

    def paired(self) -> dict[str, Estimate]:
        """By metric, how long the second takes by pairs of rounds; empty where untimed."""
        if not self.measurements:
            return {}
        a, b = self.measurements
        return {"p50": b.ratio_to(a), "p90": b.ratio_to(a, 0.9)}

    def _latency(self) -> dict[str, Any] | None:
        if not self.measurements or any(one.emulated for one in self.measurements):
            return None
        a, b = self.measurements
        estimate = b.ratio_to(a)
        return {
            **estimate.fields("ratio", 1, 4),
            "rounds": len(a.rounds),
            "significant": estimate.excludes(1.0),
        }


def compare_files(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    data: Data | None = None,
    labels: NDArray[Any] | None = None,
    is_timed: bool = True,
    runs: int | None = None,
    duration_s: float | None = None,
    threads: int = 1,
    progress: Callable[[str], object] = lambda what: None,
) -> Comparison:
    """Compare two model files, each .tflite or .onnx.

    Args:
        a: The first file, which the second is held against.
        b: The second.
        data: Samples for both, as `Model.run` of the first takes them; None invents some.
        labels: Integer classes ``[n]``, or rows with one 1 ``[n, classes]``, for the accuracy of
            both; None for none.
        is_timed: Whether to measure the latency.
        runs: Timed calls of each; see `littoral.measure`.
        duration_s: Seconds of timed calls of each; see `littoral.measure`.
        threads: Threads of one call.
        progress: Is told what happens now, in a few words.

    Returns:
        The comparison. Files that differ are no error.

    Raises:
        InputError: No such file, the two take different inputs, or the data or labels do not fit.
        ModelError: A file cannot be used.
        EngineError: An engine failed.
    """
    with ExitStack() as stack:
        models = [stack.enter_context(load(path, threads=threads)) for path in (a, b)]
        order = pair_inputs(models[0].inputs, models[1].inputs, (str(a), str(b)))
        batches = _batches(data, models[0].inputs)
        truth = None if labels is None else _checked_labels(labels, batches)
        feeds = (batches, tuple(renamed(batch, models, order) for batch in batches))
        results = []
        for path, model, own in zip((a, b), models, feeds, strict=True):
            progress(f"running {path}")
            results.append(run_batches(model, own))
        pairs, unpaired = _outputs(results[0], results[1])
        sides = [_side(p, m, r, truth) for p, m, r in zip((a, b), models, results, strict=True)]
        both = for_both(batches, models, order) if is_timed else None
    timed: tuple[Measurement, ...] = ()
    if is_timed:
        timed = measure_interleaved(
            (a, b),
            data=both,
            runs=runs,
            duration_s=duration_s,
            threads=threads,
            cold_starts=0,
            progress=progress,
        )
    return Comparison(
        measurements=timed,
        sides=(sides[0], sides[1]),
        outputs=pairs,
        unpaired=unpaired,
        samples=len(next(iter(results[0].values()))),
        is_invented=data is None,
        inputs=tuple(
            (spec.name, models[0].inputs[index].name)
            for spec, index in zip(models[1].inputs, order, strict=True)
        ),
        environment=timed[0].environment if timed else {},
    )


def _batches(data: Data | None, specs: Sequence[TensorSpec]) -> tuple[Sample, ...]:
    """Pieces that one call of the first file takes: ranges found at run time depend on them."""
    if data is None:
        return samples.random(specs, INVENTED)
    return samples.of_data(data, specs, most=1 << 31)


def _checked_labels(labels: NDArray[Any], batches: Sequence[Sample]) -> NDArray[Any]:
    """One label a sample; of the samples that fill no batch the labels are left out too."""
    truth = np.atleast_1d(np.asarray(labels))
    sizes = [len(np.atleast_1d(column)) for column in map(_first_column, batches)]
    count = sum(sizes)
    if not count <= len(truth) < count + max(sizes):
        raise InputError(f"y has {len(truth)} labels for {count} samples")
    return truth[:count]


def _first_column(batch: Sample) -> NDArray[Any]:
    return next(iter(batch.values())) if isinstance(batch, dict) else batch


def run_batches(model: Model, batches: Sequence[Sample]) -> dict[str, NDArray[Any]]:
    """Run a model on batches.

    Args:
        model: A loaded model.
        batches: As `littoral.samples` makes them.

    Returns:
        Outputs by name, samples along the first axis.

    Raises:
        EngineError: An output has another shape from batch to batch.
    """
    parts: list[list[NDArray[Any]]] = []
    for batch in batches:
        result = model.run(batch)
        values = list(result.values()) if isinstance(result, dict) else [result]
        parts.append([value if value.ndim else value[np.newaxis] for value in values])
    try:
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    except ValueError as error:
        raise EngineError(
            f"{model.name}: its outputs change their shape from sample to sample"
        ) from error
    return {spec.name: column for spec, column in zip(model.outputs, columns, strict=True)}


def _outputs(
    a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]
) -> tuple[tuple[OutputPair, ...], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Pair outputs; those of either that have no partner."""
    pairs = pair_outputs(a, b)
    left = tuple(name for name in a if name not in {x for x, _ in pairs})
    right = tuple(name for name in b if name not in {y for _, y in pairs})
    return tuple(_pair(x, y, a[x], b[y]) for x, y in pairs), (left, right)


def _pair(a: str, b: str, x: NDArray[Any], y: NDArray[Any]) -> OutputPair:
    if x.shape != y.shape:
        reason = f"shape {list(x.shape)} against {list(y.shape)}"
        return OutputPair(a, b, x.shape, None, reason)
    if x.dtype.kind in "OSU" or y.dtype.kind in "OSU":
        return OutputPair(a, b, x.shape, None, "text")
    return OutputPair(a, b, x.shape, difference(x, y))


def _output_fields(pair: OutputPair) -> dict[str, Any]:
    named = {"name": pair.a, "name_in_b": pair.b, "shape": list(pair.shape)}
    if pair.difference is None:
        return {**named, "reason": pair.reason}
    return {**named, **asdict(pair.difference)}


def _side(
    path: str | os.PathLike[str],
    model: Model,
    results: dict[str, NDArray[Any]],
    labels: NDArray[Any] | None,
) -> dict[str, Any]:
    outline = formats.module(model.format).outline(source.read(path)[1])
    name, first = next(iter(results.items()))
    share = None if labels is None else _accuracy(first, labels)
    return {
        "path": str(path),
        "format": model.format,
        "scheme": None if model.card is None else model.card.scheme,
        "engine": model.engine,
        "size_bytes": model.size_bytes,
        "operators": dict(outline.operators),
        "weights": dict(outline.weights),
        "accuracy": share,
        "no_accuracy": _no_classes(name, first, labels) if share is None else None,
    }


def _no_classes(name: str, scores: NDArray[Any], labels: NDArray[Any] | None) -> str | None:
    """Why labels give no accuracy; None where there are no labels."""
    if labels is None:
        return None
    return (
        f"y has dtype {labels.dtype} and shape {labels.shape}, no classes of the output {name} "
        f"{scores.shape}: there is no accuracy, which takes one integer class per sample"
    )


def _accuracy(scores: NDArray[Any], labels: NDArray[Any]) -> float | None:
    """Share of labels that the largest score is for; None where those are no classes."""
    if len(labels) != len(scores):
        raise InputError(f"y has {len(labels)} labels for {len(scores)} answers")
    found = accuracy(labels, scores)
    return None if found is None else found.share


def _only(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Operators that the other file has none of; spelled alike but for case and underscores."""
    there = {_plain(name) for name in other["operators"]}
    return [name for name in one["operators"] if _plain(name) not in there]


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
