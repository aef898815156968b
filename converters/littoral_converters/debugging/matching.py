"""Which tensor of a file is which Keras layer's output. Arithmetic on arrays; no engine, no Keras.

A file may rename, transpose, fuse and reorder, so no single clue is enough. In this order:

1. values: pairs that agree well are taken, the best first. Copies of the same values are set aside.
2. names: a tensor whose own name ends in a layer's scope is that layer's, whatever it holds.
3. order: what is left between two known places, the most alike first.

Only a layer that may be at fault goes on to 2 and 3: where something computed from it alone agrees,
it was computed rightly, and merely has no tensor of its own because the file fused it away.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from littoral.differences import signal_to_noise
from numpy.typing import NDArray

from littoral_converters.graphs.scopes import meant_by

if TYPE_CHECKING:
    from littoral_converters.debugging.activations import Activation
    from littoral_converters.debugging.interiors import Place

Array = NDArray[np.float64]

SURE_DB = 20.0
"""Agreement that is no coincidence: what was added is a tenth of what was meant."""

_COPY_DB = 3.0
"""A tensor that agrees within this of a layer's own holds the same: a transposition, a cast."""

_LOOKED_AT = 1 << 14
"""Values of a tensor that matching looks at."""

_MOST_AXES = 4


@dataclass(frozen=True)
class Match:
    """The tensor that holds a layer's output.

    Attributes:
        tensor: Index of the tensor.
        by: ``"values"``, ``"name"`` or ``"order"``.
        layout: Order of the tensor's axes that makes it the layer's; None where only the order of
            the values is the same.
    """

    tensor: int
    by: str
    layout: tuple[int, ...] | None


@dataclass
class _State:
    """What is decided so far."""

    found: dict[int, Match] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    good: set[int] = field(default_factory=set)


def match(
    activations: Sequence[Activation],
    places: Sequence[Place],
    tensors: Mapping[int, NDArray[np.generic]],
    runs: int,
    right_db: float = SURE_DB,
) -> dict[int, Match]:
    """Find each layer's tensor.

    Args:
        activations: What the layers put out, ``[n, ...]``.
        places: The file's tensors in the order of computing.
        tensors: Values of those that could be read, by index: ``[runs, ...]``, one entry a run,
            each of ``n / runs`` samples.
        runs: Runs of the file.
        right_db: Agreement from which a layer is right, and so all that it alone is computed from;
            at least `SURE_DB`.

    Returns:
        By index of the activation. Layers whose values are the same share a tensor; a layer that
        the file fused into another has none.
    """
    groups = _same_values(activations)
    signals = {first: _by_run(activations[first].values, runs) for first in groups}
    scores = {
        (first, index): found
        for first, signal in signals.items()
        for index, tensor in tensors.items()
        if (found := _best_layout(signal, tensor)) is not None
    }
    state = _State()
    _by_values(scores, max(SURE_DB, right_db), state)
    suspects = _suspects(activations, groups, state)
    owners = _owners(activations, places)
    for first in suspects:
        _by_name(first, {activations[g].name for g in groups[first]}, owners, scores, state)
    for first in suspects:
        if first not in state.found:
            _by_order(first, owners, scores, state)
    return {
        member: state.found[first]
        for first, members in groups.items()
        if first in state.found
        for member in members
    }


def arranged(signal: NDArray[np.generic], layout: tuple[int, ...] | None) -> NDArray[np.generic]:
    """A tensor ``[runs, ...]`` without its axes of size 1, the others in a layer's order."""
    squeezed = _squeezed(signal)
    return squeezed.reshape(len(signal), -1) if layout is None else squeezed.transpose(layout)


def _same_values(activations: Sequence[Activation]) -> dict[int, list[int]]:
    """Layers that put out the same numbers, by the first of them: Flatten, Dropout, a model."""
    firsts: dict[tuple[int, bytes], int] = {}
    groups: dict[int, list[int]] = {}
    for index, one in enumerate(activations):
        values = np.ascontiguousarray(one.values, np.float64)
        first = firsts.setdefault((values.size, values.tobytes()), index)
        groups.setdefault(first, []).append(index)
    return groups


def _by_run(values: NDArray[np.generic], runs: int) -> NDArray[np.generic]:
    return values.reshape(runs, len(values) // runs, *values.shape[1:])


def _squeezed(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Without axes of size 1, the first one kept."""
    return values.reshape(len(values), *(size for size in values.shape[1:] if size != 1))


def _best_layout(
    signal: NDArray[np.generic], tensor: NDArray[np.generic]
) -> tuple[float, float, tuple[int, ...] | None] | None:
    """Signal-to-noise ratio, likeness and layout of the best way to lay a tensor on a signal."""
    if signal.size != tensor.size or not signal.size:
        return None
    meant = _thinned(_squeezed(signal))
    found = []
    for layout in _layouts(_squeezed(signal).shape, _squeezed(tensor).shape):
        came = _thinned(arranged(tensor, layout))
        finite = np.nan_to_num(came, posinf=0.0, neginf=0.0)
        found.append((signal_to_noise(meant, finite), _likeness(meant, finite), layout))
    return max(found, key=lambda entry: entry[0])


def _layouts(wanted: tuple[int, ...], given: tuple[int, ...]) -> Iterator[tuple[int, ...] | None]:
    if sorted(wanted) != sorted(given) or len(wanted) > _MOST_AXES + 1:
        yield None
        return
    for order in permutations(range(1, len(given))):
        layout = (0, *order)
        if tuple(given[axis] for axis in layout) == wanted:
            yield layout


def _thinned(values: NDArray[np.generic]) -> Array:
    flat = values.reshape(-1)
    if flat.size > _LOOKED_AT:
        flat = flat[_looked_at(flat.size)]
    return np.asarray(flat, np.float64)


@functools.lru_cache(maxsize=256)
def _looked_at(size: int) -> NDArray[np.intp]:
    """Places without an order: every so many values may all be of one channel."""
    return np.random.default_rng(0).integers(size, size=_LOOKED_AT)


def _likeness(a: Array, b: Array) -> float:
    """Correlation, 0 where one of them is constant."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0


Scores = Mapping[tuple[int, int], tuple[float, float, tuple[int, ...] | None]]


def _by_values(scores: Scores, right_db: float, state: _State) -> None:
    """Step 1: the best pairs first; what agrees as well as they do is a copy and set aside."""
    best: dict[int, float] = {}
    sure = sorted(
        ((score, first, index) for (first, index), (score, _, _) in scores.items()),
        key=lambda entry: (-entry[0], entry[1], entry[2]),
    )
    for score, first, index in sure:
        if score < SURE_DB:
            break
        if first not in state.found and index not in state.taken:
            state.found[first] = Match(index, "values", scores[first, index][2])
            state.taken.add(index)
            if score >= right_db:
                state.good.add(first)
            best[first] = score
        elif first in state.found and score > best[first] - _COPY_DB:
            state.taken.add(index)


def _suspects(
    activations: Sequence[Activation], groups: Mapping[int, list[int]], state: _State
) -> list[int]:
    """Layers without a tensor of which nothing known says that they are right."""
    first_of = {member: first for first, members in groups.items() for member in members}
    fine = set(state.good)
    for index in range(len(activations) - 1, -1, -1):
        if first_of[index] in fine:
            fine.update(first_of[source] for source in activations[index].sources)
    followed = {first_of[s] for one in activations for s in one.sources}
    last_good = max(state.good, default=-1)
    return [
        first
        for first in groups
        if first not in state.found
        and first not in fine
        and activations[first].kind != "Input"  # both were given the same
        # Arithmetic outside of layers hides what is computed from it: then the order must do.
        and (first in followed or first > last_good)
    ]


def _owners(activations: Sequence[Activation], places: Sequence[Place]) -> dict[int, str]:
    """The innermost layer in each tensor's name."""
    names = {one.name for one in activations}
    owners = {}
    for index, place in enumerate(places):
        parts = reversed(re.split(r"[/;:]", place.hint))
        known = next((name for part in parts for name in meant_by(part, names)), None)
        if known is not None:
            owners[index] = known
    return owners


def _by_name(
    first: int, names: set[str], owners: Mapping[int, str], scores: Scores, state: _State
) -> None:
    """Step 2: the last tensor in a layer's scope."""
    own = [
        index
        for index, owner in owners.items()
        if owner in names and index not in state.taken and (first, index) in scores
    ]
    if own:
        state.found[first] = Match(max(own), "name", scores[first, max(own)][2])
        state.taken.add(max(own))


def _by_order(first: int, owners: Mapping[int, str], scores: Scores, state: _State) -> None:
    """Step 3: the tensor most like the layer's output between those of its neighbours."""
    before = [found.tensor for other, found in state.found.items() if other < first]
    after = [found.tensor for other, found in state.found.items() if other > first]
    start, end = max(before, default=-1), min(after, default=1 << 60)
    between = [
        (scores[first, index][1], index)
        for _, index in (pair for pair in scores if pair[0] == first)
        if start < index < end and index not in state.taken and index not in owners
    ]
    if between:
        _, index = max(between)
        state.found[first] = Match(index, "order", scores[first, index][2])
        state.taken.add(index)
