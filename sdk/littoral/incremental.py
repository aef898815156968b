"""A card's preprocessing over data that goes on: each part of it computed once.

What comes is turned into rows, one a time step of the model: frames of a signal, lines of a table,
pictures. A model of a window takes as many rows as it is long, a step model one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import preprocess
from littoral.card import Card
from littoral.prediction import card_tensor
from littoral.tensors import TensorSpec

Array = NDArray[Any]


class Rows:
    """Data that goes on, on its way into one input.

    Attributes:
        seconds: Time from one row to the next, None where the data has no rate.
    """

    def __init__(self, preprocessing: Sequence[Mapping[str, Any]]) -> None:
        """Begin.

        Args:
            preprocessing: The input's steps as the card holds them.

        Raises:
            InputError: A step or setting that this version of littoral does not know.
        """
        self._steps = preprocess.parsed(preprocessing)
        first = self._steps[:1]
        self._signal = next((m.signal(s) for m, s in first if hasattr(m, "signal")), None)
        self.seconds: float | None = self._signal.seconds if self._signal else None

    def push(self, raw: Any) -> Array:
        """Take some more data.

        Args:
            raw: For a signal as many samples as there are, for all else one thing that the first
                step takes, such as a row or a picture, or several in a list.

        Returns:
            The rows that are complete now, ``[n, ...]``, to be handed to `whole` or `each`.

        Raises:
            InputError: Data that a step cannot take.
        """
        if self._signal is not None:
            return np.asarray(self._signal.push(raw))
        items = raw if _is_several(raw) else [raw]
        return np.stack([self._after(0, item) for item in items])

    def end(self) -> Array | None:
        """The rows that are complete because the data ends; None where there are no such."""
        return None if self._signal is None else np.asarray(self._signal.end())

    def whole(self, rows: Array) -> Array:
        """One sample of the model: what its steps make of data of these rows."""
        if self._signal is None:
            return rows
        return self._after(1, self._signal.whole(rows))

    def each(self, rows: Array) -> Array:
        """The latest rows one by one, ``[n, ...]``, given all before them."""
        if self._signal is None or not len(rows):
            return rows
        return np.stack([self._after(1, row) for row in self._signal.each(rows)])

    def _after(self, count: int, value: Any) -> Array:
        for module, settings in self._steps[count:]:
            value = module.apply(settings, value)
        return np.asarray(value)


def steps_of(
    card: Card | None, specs: Sequence[TensorSpec], place: int
) -> tuple[Mapping[str, Any], ...]:
    """What a card says of the way into an input, by its name, else by its place."""
    tensors = card.inputs if card is not None else ()
    return card_tensor(tensors, specs[place], place).preprocessing


def _is_several(raw: Any) -> bool:
    """Whether this is a list of things and not one thing, which may be a sequence of numbers."""
    if isinstance(raw, np.ndarray):
        return raw.ndim > 1
    return isinstance(raw, list) and bool(raw) and not isinstance(raw[0], (int, float, np.number))
