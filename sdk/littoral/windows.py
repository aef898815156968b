"""Windows over data that goes on, for a model that takes a piece of it at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.arguments import check_whole
from littoral.calls import Result, named
from littoral.closing import Closing
from littoral.errors import EngineError, InputError
from littoral.incremental import Rows, steps_of
from littoral.stream import Array, nothing
from littoral.tensors import TensorSpec, shown

if TYPE_CHECKING:
    from littoral.model import Model


def windows_of(model: Model, window: int | None, hop: int | None, smooth: int) -> Windows:
    """Windows of a model; see `littoral.Model.stream`.

    Raises:
        InputError: Several inputs, or a number that does not fit.
    """
    if len(model.inputs) != 1:
        names = ", ".join(spec.name for spec in model.inputs)
        raise InputError(f"{model.name} has several inputs ({names}): windows are for one")
    preprocessing = steps_of(model.card, model.inputs, 0)
    return Windows(model, preprocessing, window=window, hop=hop, smooth=smooth)


class Windows(Closing):
    """Results of a model on overlapping windows. Made by `Model.stream`; a context manager.

    Attributes:
        window: Rows in a window: time steps of the model's input.
        hop: Rows from the beginning of a window to that of the next.
        count: Windows that were complete so far.
        seconds: Time from one row to the next, None where the data has no rate.
        outputs: What a window gives, without batch axis.
    """

    def __init__(
        self,
        model: Model,
        preprocessing: Sequence[Mapping[str, Any]],
        *,
        window: int | None,
        hop: int | None,
        smooth: int,
    ) -> None:
        """Begin; `Model.stream` is the way to get windows."""
        (self._spec,) = model.inputs
        self._run, self._name, self._still_open = model.run, model.name, model._open_session
        self.outputs = tuple(replace(spec, shape=spec.shape[1:]) for spec in model.outputs)
        self._preprocessing = preprocessing
        self._axis = 1 + (_layout(preprocessing) == "frames_last")
        self.window = _length(self._spec, self._axis, preprocessing, window)
        self.hop = max(1, self.window // 4) if hop is None else hop
        for what, value in (("window", self.window), ("hop", self.hop), ("smooth", smooth)):
            check_whole(what, value)
        self._recent: deque[list[Array]] = deque(maxlen=smooth)
        self._lock = threading.RLock()
        self._is_closed = False
        self._begin()

    def step(self, x: Any) -> Result:
        """Take rows as the model's input has them, without preprocessing.

        Args:
            x: One row, of the input's shape without batch and time axis, or several: ``[n, ...]``.

        Returns:
            Results of the windows that are complete now, ``[windows, ...]``, of each output: an
            array for a single one, else a dict by name. The first axis is 0 when none is.

        Raises:
            InputError: Rows of another shape, or after `feed`.
            EngineError: The engine failed, or the windows or their model are closed.
        """
        with self._lock:
            self._check("step")
            return self._results(self._take(self._as_rows(x)))

    def feed(self, raw: Any) -> Result:
        """Take data as the card's preprocessing takes it; each part of it is computed once.

        Args:
            raw: Samples ``[n]`` of a signal at the card's rate, as many as there are; a row of a
                table; a picture; or a list of these.

        Returns:
            As `step`. A window's result is that of the model on the rows that the preprocessing
            makes of the whole signal; what it counts from the loudest it counts from the window's.

        Raises:
            InputError: Data that the steps refuse, a card without steps, or after `step`.
            EngineError: As `step`.
        """
        with self._lock:
            self._check("feed")
            return self._results(self._take(self._rows.push(raw)))

    def finish(self) -> Result:
        """The data ends: results of the windows that are complete by that, as `step`."""
        with self._lock:
            self._check(self._way)
            rows = self._rows.end() if self._way == "feed" else None
            return self._results([] if rows is None else self._take(rows))

    def reset(self) -> None:
        """Begin anew: what comes next is the beginning of a signal."""
        with self._lock:
            self._check(self._way)
            self._begin()

    def close(self) -> None:
        """Take no more; the model stays open. Closing again does nothing."""
        with self._lock:
            self._begin()
            self._is_closed = True

    def _begin(self) -> None:
        self._rows = Rows(self._preprocessing)
        self.seconds = self._rows.seconds
        self._buffer: Array | None = None
        self._skip = 0
        self._way: str | None = None
        self._recent.clear()
        self.count = 0

    def _check(self, way: str | None) -> None:
        if self._is_closed:
            raise EngineError(f"the windows of {self._name} are closed: open others")
        self._still_open()
        if way == "feed" and not self._preprocessing:
            raise InputError(f"{self._name}: the card names no preprocessing: use step")
        if self._way not in (None, way):
            raise InputError(f"{self._name}: {way} does not go on from {self._way}: reset first")
        self._way = way

    def _as_rows(self, x: Any) -> Array:
        shape = [size for axis, size in enumerate(self._spec.shape) if axis not in (0, self._axis)]
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise InputError(f"{self._name}: rows of different length: {error}") from error
        rows = array[None] if array.ndim == len(shape) else array
        fits = rows.ndim == len(shape) + 1 and all(
            size in (None, got) for size, got in zip(shape, rows.shape[1:], strict=True)
        )
        if not fits:
            raise InputError(
                f"input {self._spec.name!r}: expected a row {shown(shape)} or several "
                f"{shown(('n', *shape))}, came {array.dtype} of shape {shown(array.shape)}"
            )
        return rows

    def _take(self, rows: Array) -> list[list[Array]]:
        """Results of the windows that these rows complete."""
        buffer = rows if self._buffer is None else np.concatenate([self._buffer, rows])
        found, begin = [], self._skip
        while begin + self.window <= len(buffer):
            found.append(self._once(buffer[begin : begin + self.window]))
            begin += self.hop
        kept = min(begin, len(buffer))
        # A copy, or the whole of what came would be kept for the sake of its end.
        self._buffer, self._skip = buffer[kept:].copy(), begin - kept
        return found

    def _once(self, rows: Array) -> list[Array]:
        if self._way == "feed":
            sample = self._rows.whole(rows)
        else:
            sample = np.moveaxis(rows, 0, self._axis - 1)
        wanted = [size for size in self._spec.shape[1:] if size is not None]
        if len(wanted) == len(self._spec.shape) - 1 and sample.size == np.prod(wanted):
            sample = sample.reshape(wanted)  # a channel axis that the steps do not make
        result = self._run(sample)
        values = list(result.values()) if isinstance(result, dict) else [result]
        self.count += 1
        self._recent.append(values)
        if len(self._recent) == 1:
            return values
        return [np.mean(column, axis=0) for column in zip(*self._recent, strict=True)]

    def _results(self, found: list[list[Array]]) -> Result:
        if not found:
            return named([nothing(spec) for spec in self.outputs], self.outputs)
        return named([np.stack(column) for column in zip(*found, strict=True)], self.outputs)


def _layout(preprocessing: Sequence[Mapping[str, Any]]) -> str | None:
    return next((step.get("layout") for step in preprocessing[:1]), None)


def _length(
    spec: TensorSpec,
    axis: int,
    preprocessing: Sequence[Mapping[str, Any]],
    window: int | None,
) -> int:
    """Rows in a window, as the model's input fixes it, or the card's steps, or the caller."""
    if len(spec.shape) <= axis:
        raise InputError(f"input {spec.name!r} {list(spec.shape)} has no time axis: no windows")
    fixed = spec.shape[axis]
    if fixed is not None:
        if window not in (None, fixed):
            raise InputError(f"window is {window}, and input {spec.name!r} takes {fixed} rows")
        return fixed
    settings = preprocessing[0] if preprocessing else {}
    found = window if window is not None else settings.get("frames", settings.get("length"))
    if found is None:
        raise InputError(f"input {spec.name!r} takes any length: say how long: window=")
    return int(found)
