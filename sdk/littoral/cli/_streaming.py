"""``littoral run --stream``: data that goes on, a line for each step or window once complete."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.model import Model
    from littoral.stream import Stream
    from littoral.windows import Windows

STDIN = "-"

Entry = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--stream`` and what goes with it."""
    parser.add_argument(
        "--stream",
        metavar="DATA",
        help="run over data that goes on: a .wav, .csv or .npy, or - for rows of numbers on stdin",
    )
    parser.add_argument("--window", type=int, metavar="N", help="with --stream: rows in a window")
    parser.add_argument(
        "--hop", type=int, metavar="N", help="with --stream: rows from one window to the next"
    )
    parser.add_argument(
        "--smooth", type=int, default=1, metavar="N", help="mean over so many windows (default: 1)"
    )


def entries(model: Model, arguments: argparse.Namespace) -> Iterator[Entry]:
    """What there is to print, as it comes.

    Yields:
        ``step`` (or ``window``) from 0, ``seconds`` at its end where the data has a rate, and
        ``labels`` or ``outputs`` as `littoral run` has them.

    Raises:
        InputError: Data that cannot be read or does not fit.
    """
    from littoral.calls import by_name
    from littoral.cli import _answers

    with _opened(model, arguments) as stream:
        kind = "step" if arguments.hop is None and arguments.window is None else "window"
        number = 0
        for results in _results(model, stream, arguments.stream):
            columns = by_name(results, stream.outputs)
            for at in range(len(next(iter(columns.values())))):
                sample = {name: values[at] for name, values in columns.items()}
                told = _answers.entry(
                    model.card, stream.outputs, "", None, sample, None, arguments.top
                )
                place = {kind: number, "seconds": _end(stream, number)}
                yield place | {k: v for k, v in told.items() if k not in ("input", "sample")}
                number += 1


def line(entry: Entry) -> str:
    """One entry for a person: when, and what."""
    place = next(value for name, value in entry.items() if name in ("step", "window"))
    when = f"{place}" if entry["seconds"] is None else f"{entry['seconds']:.2f} s"
    if "labels" in entry:
        told = ", ".join(f"{each['label']} {each['score']:.4f}" for each in entry["labels"])
    else:
        told = "  ".join(f"{name}: {values}" for name, values in entry["outputs"].items())
    return f"{when}  {told}"


def _opened(model: Model, arguments: argparse.Namespace) -> Stream | Windows:
    if arguments.hop is not None:
        return model.stream(window=arguments.window, hop=arguments.hop, smooth=arguments.smooth)
    if arguments.window is not None:
        return model.stream(window=arguments.window, smooth=arguments.smooth)
    return model.stream()


def _end(stream: Stream | Windows, number: int) -> float | None:
    """Seconds from the beginning of the signal to the end of a step or window."""
    if stream.seconds is None:
        return None
    window, hop = getattr(stream, "window", 1), getattr(stream, "hop", 1)
    return round((number * hop + window) * stream.seconds, 6)


def _results(model: Model, stream: Stream | Windows, source: str) -> Iterator[Any]:
    """Results as they come, each with an axis of steps in front."""
    from littoral import inputs
    from littoral.cli import _answers

    # A row is what the steps of a table take; where they take a signal, it is one of the model's.
    has_steps = _answers.has_steps(model) and stream.seconds is None
    if source == STDIN:
        rows = (row for row in csv.reader(sys.stdin, skipinitialspace=True) if row)
        yield from _of_rows(stream, _without_header(rows), has_steps)
        return
    items = inputs.read(Path(source))
    if isinstance(items[0], inputs.Arrays):
        yield stream.step(items[0].values)
        return
    values = [item.value for item in items if isinstance(item, inputs.Raw)]
    if isinstance(values[0], (list, dict)):
        yield from _of_rows(stream, iter(values), has_steps)
    else:
        yield stream.feed(values[0])
        yield stream.finish()


def _of_rows(stream: Stream | Windows, rows: Iterator[Any], has_steps: bool) -> Iterator[Any]:
    """Results row by row; without steps in the card the values of a row are the model's input."""
    import numpy as np

    from littoral.errors import InputError

    for number, row in enumerate(rows, 1):
        if has_steps:
            yield stream.feed([row])
            continue
        values = list(row.values()) if isinstance(row, dict) else row
        try:
            numbers = np.array([values], np.float32)
        except ValueError as error:
            raise InputError(f"row {number} is no row of numbers: {error}") from error
        yield stream.step(numbers)


def _without_header(rows: Iterator[list[str]]) -> Iterator[Any]:
    """Rows of values; dicts by column where the first line has the columns' names."""
    from littoral.inputs import is_number

    first = next(rows, None)
    if first is None:
        return
    if all(map(is_number, first)):
        yield first
        yield from rows
    else:
        yield from (dict(zip(first, row, strict=False)) for row in rows)
