"""``littoral run``: put data through a model file and print what it says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.cli import _running
from littoral.cli._trust import add_trust

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from littoral.inputs import Arrays, Raw
    from littoral.model import Model
    from littoral.prediction import Prediction

SUMMARY = "put data through a model file and print what it says"
EXAMPLES = """examples:
  littoral run cnn.tflite photo.png
  littoral run rnn.onnx seven.wav --json
  littoral run transformer.tflite --text "Alle Menschen sind frei"
  littoral run cnn.tflite --data test.npz
  littoral run cnn.onnx photo.png --option providers=CUDA,CPU --option CUDA.device_id=1

A picture, a .wav, a .txt or a row of a .csv goes through the preprocessing that the model's card
names. An .npz (one array per input name, or x, and perhaps y) or .npy goes in as it is; with y the
accuracy is printed."""

_LISTED = 20
_SHOWN_VALUES = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help=".tflite or .onnx")
    parser.add_argument("inputs", nargs="*", type=Path, metavar="INPUT", help="data files")
    parser.add_argument(
        "--data", action="append", type=Path, default=[], metavar="FILE", help="the same as INPUT"
    )
    parser.add_argument(
        "--text", action="append", default=[], metavar="TEXT", help="a text to classify"
    )
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes to print, 5")
    parser.add_argument(
        "--signature", metavar="NAME", help="which of a .tflite file's signatures to run"
    )
    _running.add_arguments(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every input.

    Returns:
        ``model engine format samples predictions``, and ``accuracy`` where the truth is known. A
        prediction has ``input``, ``sample`` (None for a single one) and ``labels`` (label and
        score, best first), or ``outputs`` for a model that is no classifier.

    Raises:
        LittoralError: No input, one that does not fit, or a file that does not load.
    """
    from littoral.errors import InputError
    from littoral.inputs import Arrays, Raw, read
    from littoral.loading import load

    if arguments.top < 1:
        raise InputError(f"--top is {arguments.top}: expected at least 1")
    how = {**_running.how(arguments), "trust": arguments.trust}
    with load(arguments.file, signature=arguments.signature, **how) as model:
        given = [item for path in (*arguments.inputs, *arguments.data) for item in read(path)]
        given += [Raw(repr(text), text) for text in arguments.text]
        if not given:
            raise InputError(_what_it_takes(model))
        predictions: list[dict[str, Any]] = []
        hits: list[bool] = []
        for item in given:
            if isinstance(item, Arrays):
                _run_arrays(model, item, arguments.top, predictions, hits)
            else:
                _run_raw(model, item, arguments.top, predictions, hits)
        payload = {
            "model": str(arguments.file),
            "engine": model.engine,
            "format": model.format,
            "samples": len(predictions),
            "predictions": predictions,
        }
    return {**payload, "accuracy": sum(hits) / len(hits)} if hits else payload


def describe(payload: dict[str, Any]) -> str:
    """Labels with scores; for many samples the first ones and the accuracy."""
    lines = [line for entry in payload["predictions"][:_LISTED] for line in _lines(entry, payload)]
    if payload["samples"] > _LISTED:
        lines.append(f"... {payload['samples'] - _LISTED} more (all of them with --json)")
    if "accuracy" in payload:
        lines.append(f"accuracy {payload['accuracy']:.4f} over {payload['samples']} samples")
    return "\n".join(lines)


def _lines(entry: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    name = entry["input"] if entry["sample"] is None else f"{entry['input']}[{entry['sample']}]"
    if "labels" not in entry:
        return [f"{name}  {out}: {told}" for out, told in entry["outputs"].items()]
    ranked = [f"{each['label']} {each['score']:.4f}" for each in entry["labels"]]
    if payload["samples"] > 1:
        return [f"{name}  {', '.join(ranked[:3])}"]
    return [name, *(f"  {each}" for each in ranked)]


def _run_arrays(
    model: Model, item: Arrays, top: int, predictions: list[dict[str, Any]], hits: list[bool]
) -> None:
    from littoral.errors import InputError

    results = _by_name(model, model.run(item.values))
    count = _samples(model, item.values, results)
    if item.truth is not None and count is not None and len(item.truth) != count:
        raise InputError(f"{item.source}: {count} samples but {len(item.truth)} labels in y")
    for index in range(1 if count is None else count):
        sample = results if count is None else {k: v[index] for k, v in results.items()}
        ranked = _ranked(model, sample)
        place = None if count is None else index
        told = _told(sample, ranked[:top])
        predictions.append({"input": item.source, "sample": place, **told})
        if item.truth is not None and ranked:
            truth = item.truth if count is None else item.truth[index]
            hits.append(_is_hit(ranked[0], truth))


def _run_raw(
    model: Model, item: Raw, top: int, predictions: list[dict[str, Any]], hits: list[bool]
) -> None:
    from littoral.prediction import prepare

    raw = item.value
    if isinstance(raw, (dict, list)) and not _has_steps(model):
        values = list(raw.values()) if isinstance(raw, dict) else raw
        sample = [_numbers(values, item.source)]
    else:
        sample = prepare(model.card, model.inputs, raw)
    result = model.run(sample[0] if len(sample) == 1 else sample)
    outputs = _by_name(model, result)
    ranked = _ranked(model, outputs)
    predictions.append({"input": item.source, "sample": None, **_told(outputs, ranked[:top])})
    if item.truth is not None and ranked:
        hits.append(_is_hit(ranked[0], item.truth))


def _numbers(values: list[Any], source: str) -> NDArray[np.float32]:
    import numpy as np

    from littoral.errors import InputError

    try:
        return np.array(values, np.float32)
    except ValueError as error:
        raise InputError(f"{source} is not a row of numbers: {error}") from error


def _by_name(model: Model, result: Any) -> dict[str, NDArray[Any]]:
    return result if isinstance(result, dict) else {model.outputs[0].name: result}


def _samples(model: Model, values: Any, results: dict[str, NDArray[Any]]) -> int | None:
    """Number of samples in a batch, None when a single one came without batch axis."""
    import numpy as np

    first = next(iter(values.values())) if isinstance(values, dict) else values
    output = next(iter(results.values()))
    if np.ndim(first) < len(model.inputs[0].shape) or not output.ndim:
        return None
    return len(output)


def _ranked(model: Model, sample: dict[str, NDArray[Any]]) -> list[Prediction]:
    """Classes of one sample, best first; empty for a model that is no classifier."""
    from littoral.prediction import rank

    (first, *others) = sample.values()
    if others or first.ndim != 1 or len(first) < 2 or first.dtype.kind not in "fiu":
        return []
    return rank(first, model.card.labels if model.card is not None else ())


def _told(sample: dict[str, NDArray[Any]], ranked: list[Prediction]) -> dict[str, Any]:
    if ranked:
        return {"labels": [{"label": each.label, "score": each.score} for each in ranked]}
    return {"outputs": {name: _values(array) for name, array in sample.items()}}


def _values(array: NDArray[Any]) -> Any:
    if array.size <= _SHOWN_VALUES:
        return array.tolist()
    told: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "fiu":
        extremes = {"min": array.min(), "max": array.max(), "mean": array.mean()}
        told.update({name: float(value) for name, value in extremes.items()})
    return told


def _is_hit(best: Prediction, truth: Any) -> bool:
    """`truth` is a class's number, its name, or a row with one 1."""
    import numpy as np

    value = np.asarray(truth)
    if value.ndim:
        return int(value.argmax()) == best.index
    if value.dtype.kind in "biuf":
        return int(value) == best.index
    return str(value) in (best.label, str(best.index))


def _has_steps(model: Model) -> bool:
    return model.card is not None and any(tensor.preprocessing for tensor in model.card.inputs)


def _what_it_takes(model: Model) -> str:
    shapes = ", ".join(
        f"{spec.name} {['N' if size is None else size for size in spec.shape]}"
        for spec in model.inputs
    ).replace("'", "")
    steps = ""
    if model.card is not None and _has_steps(model):
        first = [tensor.preprocessing[0] for tensor in model.card.inputs if tensor.preprocessing]
        steps = f", or what its card's steps take ({', '.join(str(s['step']) for s in first)})"
    return (
        f"no input: {model.name} takes {shapes}: give an .npz or .npy file{steps} "
        "(see littoral run --help)"
    )
