"""How many samples of a batch go through a file at once.

A file that takes any number could be given the whole batch, but that is not the fastest: with all
samples in flight, what one layer writes has left the cache before the next one reads it. Nor is one
at a time, which loads the weights anew for each. LiteRT, us a sample (x86-64, one thread):

    samples at once            1      8     64    256
    mlp float32             10.9    5.6    4.2    3.8
    mlp static_int8          5.7    1.3    0.9    1.1
    cnn float32             24.7   25.6   27.4   29.9
    cnn dynamic_int8        20.4   18.2   20.5   23.7
    lstm float32             196     55     40     41
    transformer static_int8 47.1   42.1   52.4   70.1

So 8 and 64 are raced on the first batch that is large enough, and the winner stays. For a file of
one sample the same race is run against the loop, in a second session, which the engine must be able
to resize (it is not where a reshape has the sample's size written into it).

This is done only where it cannot change a result: the file has a card, so that its first axis
counts samples because Keras's does; it runs in LiteRT, whose kernels compute each row by itself
(the race compares bit by bit and gives up on the first difference); and nothing stays between
calls. ONNX Runtime rounds otherwise by the size of a batch, and a dynamically quantized operator
takes one scale for all of it, so there a whole batch goes in as it came; only one beyond 256
samples is cut, always at the same places, to bound the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import prepared
from littoral.arguments import Batch, rejoin
from littoral.engines import Session
from littoral.errors import LittoralError

Rows = list[NDArray[Any]]
Run = Callable[[Rows], list[Any]]
"""From one array per input to one per output, of as many samples as the run takes at once."""

FEW, MANY, LARGEST = 8, 64, 256
_WORTH = 0.8
"""Another way must take less than this share of the time: it costs memory, or a resize."""

_TRIES = 3


class Batches:
    """Sends the batches of one model through it, and remembers what was fastest.

    Attributes:
        size: Samples at once that won the race; 0 where none may be chosen, None before the race.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.size: int | None = None
        self._wide: Session | None = None

    def run(self, batch: Batch, session: Session, once: Run, *, raw: bool, alike: bool) -> Rows:
        """Run a batch.

        Args:
            batch: With its number of samples; its step is that number where the file takes any.
            session: The model's.
            once: One call of the model.
            raw: Whether in the file's own dtypes.
            alike: Whether a result is the same however many samples are run with it.

        Returns:
            One array per output.

        Raises:
            EngineError: An output does not have one entry for each sample.
        """
        count = batch.samples or 0
        is_open = batch.step == count
        if self.size is None and count >= MANY and batch.step in (1, count):
            self.size = 0  # whatever comes of it: once
            if alike:
                self.size = self._raced(batch, session, once, is_open, raw)
        size = batch.step
        if is_open:
            size = min(count, self.size or LARGEST)
        elif self.size and 2 * count > self.size:
            size = self.size
        run = self._run(once, size, raw)
        return rejoin(
            _in_pieces(batch.arrays, size, run), batch._replace(step=size), session.outputs
        )

    def close(self) -> None:
        """Free the second session."""
        if self._wide is not None:
            self._wide.close()
            self._wide = None

    def _raced(self, batch: Batch, session: Session, once: Run, is_open: bool, raw: bool) -> int:
        if is_open:
            return race(batch.arrays, (MANY, FEW), lambda size: once) or 0
        try:
            self._wide = session.another()
            self._wide.bind(tuple((FEW, *array.shape[1:]) for array in batch.arrays))
            found = race(batch.arrays, (1, FEW, MANY), lambda size: self._run(once, size, raw)) or 1
        except LittoralError:  # a size is written into the file, or there is no memory
            found = 1
        if found == 1:
            self.close()
            return 0
        return found

    def _run(self, once: Run, size: int, raw: bool) -> Run:
        wide = self._wide
        if wide is None or size == 1:
            return once

        def run(rows: Rows) -> list[Any]:
            binding = wide.bind(tuple(array.shape for array in rows))
            return prepared.compose(binding, wide.inputs, wide.outputs, raw=raw)(rows)

        return run


def race(arrays: Rows, sizes: Sequence[int], runs: Callable[[int], Run]) -> int | None:
    """Which number of samples at once is the fastest.

    Args:
        arrays: At least `MANY` samples.
        sizes: What to try, the usual one first.
        runs: What runs so many at once.

    Returns:
        The fastest; None where results differ in a single bit.
    """
    rows = [array[:MANY] for array in arrays]
    best, best_ns = sizes[0], 0
    reference: list[bytes] | None = None
    for size in sizes:
        run = runs(size)
        found = _bits(_in_pieces(rows, size, run))
        took_ns = min(_time_ns(rows, size, run) for _ in range(_TRIES))
        if reference is None:
            reference, best_ns = found, took_ns
        elif found != reference:
            return None
        elif took_ns < best_ns * _WORTH:
            best, best_ns = size, took_ns
    return best


def _time_ns(rows: Rows, size: int, run: Run) -> int:
    started = time.perf_counter_ns()
    _in_pieces(rows, size, run)
    return time.perf_counter_ns() - started


def _bits(pieces: list[list[Any]]) -> list[bytes]:
    return [np.concatenate(column)[:MANY].tobytes() for column in zip(*pieces, strict=True)]


def _in_pieces(arrays: Rows, size: int, run: Run) -> list[list[Any]]:
    """By piece, the outputs; the last sample fills up the last piece."""
    return [
        run([_padded(array[start : start + size], size) for array in arrays])
        for start in range(0, len(arrays[0]), size)
    ]


def _padded(rows: NDArray[Any], size: int) -> NDArray[Any]:
    if len(rows) == size:
        return rows
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
