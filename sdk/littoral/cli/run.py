"""``littoral run``: put data through a model file and print what it says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from littoral.cli import _running, _streaming
from littoral.cli._trust import add_trust

if TYPE_CHECKING:
    from littoral.errors import InputError
    from littoral.inputs import Arrays, Raw
    from littoral.model import Model

SUMMARY = "put data through a model file and print what it says"
EXAMPLES = """examples:
  littoral run cnn.tflite photo.png
  littoral run rnn.onnx seven.wav --json
  littoral run transformer.tflite --text "Alle Menschen sind frei"
  littoral run cnn.tflite --data test.npz
  littoral run cnn.tflite photos/ --csv labels.csv
  littoral run keyword.tflite --stream kitchen.wav --hop 10 --top 1
  tail -f sensor.csv | littoral run gru.step.float32.onnx --stream - --json
  littoral run cnn.onnx photo.png --option providers=CUDA,CPU --option CUDA.device_id=1

A picture, a .wav, a .txt or a row of a .csv goes through the preprocessing that the model's card
names. So do the files of a folder, and of the folders in it; where those are called like classes,
the accuracy is printed, and what was taken for what. An .npz (one array per input name, or x, and
perhaps y) or .npy goes in as it is; with y the accuracy is printed. One of several inputs that
cannot be read is named, the others are run, and the exit code is 1."""

_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help=".tflite or .onnx")
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="INPUT", help="data files or folders"
    )
    parser.add_argument(
        "--data", action="append", type=Path, default=[], metavar="FILE", help="the same as INPUT"
    )
    parser.add_argument(
        "--text", action="append", default=[], metavar="TEXT", help="a text to classify"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the answers as a table")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes to print, 5")
    parser.add_argument(
        "--signature", metavar="NAME", help="which of a .tflite file's signatures to run"
    )
    _streaming.add_arguments(parser)
    _running.add_arguments(parser)
    add_trust(parser)
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="run the engine in a process of its own, so that its crash is only an error",
    )


def each(arguments: argparse.Namespace) -> Iterator[dict[str, Any]] | None:
    """With ``--stream`` an object for each step or window; see `littoral.cli._streaming.entries`.

    Raises:
        LittoralError: As `run`, or arguments that do not go together.
    """
    from littoral.errors import InputError

    if arguments.stream is None:
        if (arguments.window, arguments.hop, arguments.smooth) != (None, None, 1):
            raise InputError("--window, --hop and --smooth are for --stream DATA")
        return None
    if arguments.inputs or arguments.data or arguments.text or arguments.csv:
        raise InputError("--stream takes its data itself: leave out the other inputs, and --csv")
    return _streamed(arguments)


describe_one = _streaming.line


def _streamed(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with _loaded(arguments) as model:
        yield from _streaming.entries(model, arguments)


def _loaded(arguments: argparse.Namespace) -> Model:
    from littoral.errors import InputError
    from littoral.loading import load

    if arguments.top < 1:
        raise InputError(f"--top is {arguments.top}: expected at least 1")
    how = {**_running.how(arguments), "trust": arguments.trust, "isolated": arguments.isolated}
    return load(arguments.file, signature=arguments.signature, **how)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every input.

    Returns:
        ``model engine format samples failed predictions``; where the truth is known ``accuracy``,
        and ``confusion``: ``labels`` and ``counts``, a row a true class, a column an answer. A
        prediction has ``input``, ``sample`` (None for a single one), ``truth`` where it is known,
        and ``labels`` (label and score, best first), or ``outputs`` for a model that is no
        classifier, or ``error`` where one of several inputs could not be read.

    Raises:
        LittoralError: No input, one that does not fit, or a file that does not load.
    """
    from littoral.cli import _answers
    from littoral.errors import InputError

    with _loaded(arguments) as model:
        given = _given(model, arguments)
        if not given:
            raise InputError(_what_it_takes(model))
        predictions: list[dict[str, Any]] = []
        for item in given:
            try:
                if isinstance(item, _Unreadable):
                    raise item.error
                predictions += _answers.answers(model, item, arguments.top)
            except InputError as error:
                if len(given) == 1:
                    raise
                failed = {"input": item.source, "sample": None, "error": str(error)}
                predictions.append(failed)
        payload = {
            "model": str(arguments.file),
            "engine": model.engine,
            "format": model.format,
            "samples": len(predictions),
            "failed": sum("error" in entry for entry in predictions),
            "predictions": predictions,
        }
    payload["passed"] = not payload["failed"]
    payload |= _answers.judged(predictions)
    if arguments.csv is not None:
        from littoral.files import write_atomically

        write_atomically(arguments.csv, _answers.table(predictions).encode())
    return payload


def describe(payload: dict[str, Any]) -> str:
    """Labels with scores; for many samples the first ones, the accuracy and the confusion."""
    from littoral.cli import _answers

    lines = [line for entry in payload["predictions"][:_LISTED] for line in _lines(entry, payload)]
    if payload["samples"] > _LISTED:
        lines.append(f"... {payload['samples'] - _LISTED} more (all of them with --json or --csv)")
        failed = [entry for entry in payload["predictions"][_LISTED:] if "error" in entry]
        lines += [line for entry in failed for line in _lines(entry, payload)]
    if "accuracy" in payload:
        judged = sum("truth" in entry for entry in payload["predictions"])
        lines.append(f"accuracy {payload['accuracy']:.4f} over {judged} samples")
        lines += _answers.confusion_lines(payload["confusion"])
    return "\n".join(lines)


def _lines(entry: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    name = entry["input"] if entry["sample"] is None else f"{entry['input']}[{entry['sample']}]"
    if "error" in entry:
        return [f"{name}  not run: {entry['error']}"]
    if "labels" not in entry:
        return [f"{name}  {out}: {told}" for out, told in entry["outputs"].items()]
    ranked = [f"{each['label']} {each['score']:.4f}" for each in entry["labels"]]
    if payload["samples"] > 1:
        return [f"{name}  {', '.join(ranked[:3])}"]
    return [name, *(f"  {each}" for each in ranked)]


class _Unreadable(NamedTuple):
    """An input that is named in the answer, and not run."""

    source: str
    error: InputError


def _given(model: Model, arguments: argparse.Namespace) -> list[Arrays | Raw | _Unreadable]:
    """Everything on the command line, folders opened."""
    from littoral import inputs
    from littoral.errors import InputError

    found: list[Arrays | Raw | _Unreadable] = []
    for path in (*arguments.inputs, *arguments.data):
        try:
            found += _opened(model, path)
        except InputError as error:
            found.append(_Unreadable(str(path), error))
    return found + [inputs.Raw(repr(text), text) for text in arguments.text]


def _opened(model: Model, path: Path) -> Sequence[Arrays | Raw]:
    """What is in one file, or in all those of a folder."""
    from littoral import inputs

    if not path.is_dir():
        return inputs.read(path)
    labels = model.card.labels if model.card is not None else ()
    return inputs.read_folder(path, _endings(model), labels)


def _endings(model: Model) -> tuple[str, ...]:
    """Of the files that the model's first step takes."""
    from littoral import preprocess

    steps = _first_steps(model)
    if len(model.inputs) != 1 or not steps:
        return ()
    endings: tuple[str, ...] = preprocess.parsed(steps)[0][0].ENDINGS
    return endings


def _first_steps(model: Model) -> list[Mapping[str, Any]]:
    tensors = model.card.inputs if model.card is not None else ()
    return [tensor.preprocessing[0] for tensor in tensors if tensor.preprocessing]


def _what_it_takes(model: Model) -> str:
    shapes = ", ".join(
        f"{spec.name} {['N' if size is None else size for size in spec.shape]}"
        for spec in model.inputs
    ).replace("'", "")
    taken = ", ".join(str(step["step"]) for step in _first_steps(model))
    steps = f", or what its card's steps take ({taken})" if taken else ""
    return (
        f"no input: {model.name} takes {shapes}: give an .npz or .npy file{steps} "
        "(see littoral run --help)"
    )
