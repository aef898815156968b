"""What ``littoral run`` makes of a model's results: classes, tables, what was taken for what."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from littoral.card import Card
    from littoral.inputs import Arrays, Raw
    from littoral.model import Model
    from littoral.prediction import Prediction
    from littoral.tensors import TensorSpec

_SHOWN_VALUES = 64
_SHOWN_CLASSES = 12
_SHOWN_CONFUSIONS = 10

Entry = dict[str, Any]


def answers(model: Model, item: Arrays | Raw, top: int) -> list[Entry]:
    """Run one input.

    Args:
        model: The model.
        item: A batch of arrays, or one thing for the card's preprocessing.
        top: Classes to tell.

    Returns:
        An entry a sample: ``input sample labels`` or ``outputs``, and ``truth`` where it is known.

    Raises:
        InputError: The input does not fit.
    """
    from littoral.inputs import Arrays

    return _of_arrays(model, item, top) if isinstance(item, Arrays) else [_of_raw(model, item, top)]


def judged(predictions: Sequence[Entry]) -> Entry:
    """Accuracy and confusion of the entries whose truth is known; empty when there are none.

    Returns:
        ``accuracy``, and ``confusion`` with ``labels`` and ``counts`` (a row a true class, a column
        an answer) of the classes that occur.
    """
    known = [(e["truth"], e["labels"][0]["label"]) for e in predictions if "truth" in e]
    if not known:
        return {}
    occurring = {label for pair in known for label in pair}
    labels = sorted(occurring, key=lambda label: (int(label) if label.isdecimal() else 0, label))
    places = {label: place for place, label in enumerate(labels)}
    counts = [[0] * len(labels) for _ in labels]
    for truth, answer in known:
        counts[places[truth]][places[answer]] += 1
    right = sum(truth == answer for truth, answer in known)
    return {"accuracy": right / len(known), "confusion": {"labels": labels, "counts": counts}}


def confusion_lines(confusion: dict[str, Any]) -> list[str]:
    """What was taken for what: a table of few classes, else what happened most often."""
    labels, counts = confusion["labels"], confusion["counts"]
    if len(labels) > _SHOWN_CLASSES:
        mistakes = [
            (count, labels[truth], labels[answer])
            for truth, row in enumerate(counts)
            for answer, count in enumerate(row)
            if count and truth != answer
        ]
        mistakes.sort(key=lambda mistake: -mistake[0])
        return [f"{t} taken for {a}: {n}" for n, t, a in mistakes[:_SHOWN_CONFUSIONS]]
    width = max(len("true"), *(len(label) for label in labels))
    columns = [max(len(label), 4) for label in labels]
    titles = "".join(f"  {x:>{n}}" for x, n in zip(labels, columns, strict=True))
    lines = [f"{'true':{width}}{titles}"]
    for label, row in zip(labels, counts, strict=True):
        cells = "".join(f"  {x or '.':>{n}}" for x, n in zip(row, columns, strict=True))
        lines.append(f"{label:{width}}{cells}")
    return lines


def table(predictions: Sequence[Entry]) -> str:
    """The answers as comma-separated values, a row a sample.

    Columns are ``input sample truth label score``, then the outputs of a model that is no
    classifier as JSON, and the error of an input that was not run.
    """
    outputs = list(dict.fromkeys(n for e in predictions for n in e.get("outputs", {})))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["input", "sample", "truth", "label", "score", *outputs, "error"])
    for entry in predictions:
        best = entry["labels"][0] if "labels" in entry else {}
        told = [json.dumps(entry["outputs"][n]) if "outputs" in entry else "" for n in outputs]
        fixed = [entry["input"], entry["sample"], entry.get("truth")]
        error = entry.get("error")
        writer.writerow([*fixed, best.get("label"), best.get("score"), *told, error])
    return stream.getvalue()


def has_steps(model: Model) -> bool:
    """Whether the card says how raw data becomes an input."""
    return model.card is not None and any(tensor.preprocessing for tensor in model.card.inputs)


def _of_arrays(model: Model, item: Arrays, top: int) -> list[Entry]:
    import numpy as np

    from littoral.calls import by_name
    from littoral.errors import InputError

    results = by_name(model.run(item.values), model.outputs)
    count = _samples(model, item.values, results)
    truths = item.truth if item.truth is None or count is None else np.atleast_1d(item.truth)
    if truths is not None and count is not None and len(truths) != count:
        raise InputError(f"{item.source}: {count} samples but {len(truths)} labels in y")
    entries = []
    for index in range(1 if count is None else count):
        sample = results if count is None else {k: v[index] for k, v in results.items()}
        truth = truths if truths is None or count is None else truths[index]
        place = None if count is None else index
        entries.append(entry(model.card, model.outputs, item.source, place, sample, truth, top))
    return entries


def _of_raw(model: Model, item: Raw, top: int) -> Entry:
    from littoral.calls import by_name
    from littoral.prediction import prepare

    raw = item.value
    if isinstance(raw, (dict, list)) and not has_steps(model):
        values = list(raw.values()) if isinstance(raw, dict) else raw
        sample = [_numbers(values, item.source)]
    else:
        sample = prepare(model.card, model.inputs, raw)
    results = by_name(model.run(sample[0] if len(sample) == 1 else sample), model.outputs)
    return entry(model.card, model.outputs, item.source, None, results, item.truth, top)


def entry(
    card: Card | None,
    outputs: tuple[TensorSpec, ...],
    source: str,
    place: int | None,
    results: dict[str, NDArray[Any]],
    truth: Any,
    top: int,
) -> Entry:
    """What is told of one sample.

    Args:
        card: The model's card.
        outputs: Its outputs.
        source: Where the sample came from.
        place: Its place there, None for a single one.
        results: Its values by output name.
        truth: Its class, None when not known.
        top: Classes to tell.

    Returns:
        ``input sample labels`` or ``outputs``, and ``truth`` where it is known.
    """
    ranked = _ranked(card, outputs, results)
    told: Entry = {"input": source, "sample": place}
    if not ranked:
        return told | {"outputs": {name: _values(array) for name, array in results.items()}}
    known = None if truth is None else _label(truth, ranked)
    if known is not None:
        told["truth"] = known
    return told | {"labels": [{"label": r.label, "score": r.score} for r in ranked[:top]]}


def _label(truth: Any, ranked: Sequence[Prediction]) -> str | None:
    """The class that `truth` names: by its number, its name, or a row with one 1.

    None where it is left blank: an empty cell of a table, NaN.
    """
    import numpy as np

    value = np.asarray(truth)
    if value.ndim:
        number = int(value.argmax())
    elif value.dtype.kind in "biuf" and float(value).is_integer():
        number = int(value)
    else:
        name = str(value)
        if value.dtype.kind == "f" and np.isnan(value):
            return None
        if not name.isdecimal() or any(name == each.label for each in ranked):
            return name or None
        number = int(name)
    return next((each.label for each in ranked if each.index == number), str(number))


def _ranked(
    card: Card | None, outputs: tuple[TensorSpec, ...], sample: dict[str, NDArray[Any]]
) -> list[Prediction]:
    """Classes of one sample, best first; empty for a model that is no classifier."""
    import numpy as np

    from littoral.prediction import labelled, rank

    name, tensor = labelled(card, outputs)
    scores = sample[name]
    if np.ndim(scores) != 1 or isinstance(scores, list) or scores.dtype.kind not in "fiu":
        return []
    if not tensor.labels and (len(sample) > 1 or len(scores) < 2):
        return []
    return rank(scores, tensor.labels, None, tensor.activation)


def _numbers(values: list[Any], source: str) -> NDArray[np.float32]:
    import numpy as np

    from littoral.errors import InputError

    try:
        return np.array(values, np.float32)
    except ValueError as error:
        raise InputError(f"{source} is not a row of numbers: {error}") from error


def _samples(model: Model, values: Any, results: dict[str, NDArray[Any]]) -> int | None:
    """Number of samples in a batch, None when a single one came without batch axis."""
    import numpy as np

    first = next(iter(values.values())) if isinstance(values, dict) else values
    output = next(iter(results.values()))
    if np.ndim(first) < len(model.inputs[0].shape) or not np.ndim(output):
        return None
    return len(output)


def _values(array: Any) -> Any:
    """What is printed of an output: an array, or what a classical model gives in its place."""
    if isinstance(array, dict):
        return {str(key): _values(value) for key, value in array.items()}
    if isinstance(array, list):
        return [_values(value) for value in array]
    if not hasattr(array, "dtype"):
        return array
    if array.size <= _SHOWN_VALUES:
        return array.tolist()
    told: Entry = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "fiu":
        extremes = {"min": array.min(), "max": array.max(), "mean": array.mean()}
        told.update({name: float(value) for name, value in extremes.items()})
    return told
