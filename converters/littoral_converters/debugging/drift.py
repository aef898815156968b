"""How far each layer's tensor in a file is from Keras: figures and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from littoral.differences import EXACT_DB, Difference, difference
from littoral.errors import InputError
from littoral.pairing import pair_outputs
from numpy.typing import NDArray

from littoral_converters.debugging.matching import Match, arranged

if TYPE_CHECKING:
    from littoral_converters.debugging.activations import Activation
    from littoral_converters.debugging.interiors import Place

FLOAT32_LIMIT_DB, FLOAT16_LIMIT_DB, INTEGER_LIMIT_DB = 60.0, 40.0, 10.0
"""A layer below is called wrong: float32 keeps 100 dB and more, float16 about 60; of 8 bits, which
give 48 dB at best, some 15 to 30 are left in the depth of a network that still works."""

_ALONE_DB = 5.0
"""So much above the limit a layer is wrong too whose noise is its own: 4 bits leave 20 dB."""

_OWN_DB = 0.05
"""A layer's own noise is all of it but a hundredth."""

_RECOVERY_DB = 20.0
"""No layer gets this much out of its input again: then the tensor was not its input."""


@dataclass(frozen=True)
class LayerDrift:
    """One output of one layer, in Keras and in the file.

    Attributes:
        layer: The layer, with the models around it.
        kind: Its class; ``"Input"`` for an input and ``"Output"`` for an output of the model.
        shape: Of one sample.
        tensor: What the file calls it; None where the file has no tensor of it: it was fused away.
        operator: What computes it in the file.
        matched_by: ``"values"``, ``"name"``, ``"order"``, or ``"interface"`` for outputs.
        snr_db: Signal-to-noise ratio in decibels, 300 for equal values; None without a tensor.
        added_db: The same of the noise that the layer itself adds to what went into it, see
            `_added`; None where it adds none.
        max_abs_error: Largest difference.
        relative_error: The same over Keras's largest value.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    tensor: str | None = None
    operator: str | None = None
    matched_by: str | None = None
    snr_db: float | None = None
    added_db: float | None = None
    max_abs_error: float | None = None
    relative_error: float | None = None


@dataclass(frozen=True)
class Drift:
    """A file against its Keras model.

    Attributes:
        layers: In the order in which Keras computes them, the model's outputs last.
        limit_db: A layer below is wrong; one whose noise is all its own, 5 dB above it already.
        samples: Inputs that both ran on.
        is_invented: The inputs are random ones.
    """

    layers: tuple[LayerDrift, ...]
    limit_db: float
    samples: int
    is_invented: bool

    @property
    def first_wrong(self) -> LayerDrift | None:
        """The first layer in Keras's order that is below its limit; None when there is none."""
        known = (one for one in self.layers if one.snr_db is not None)
        return next((one for one in known if (one.snr_db or 0.0) < self.limit_of(one)), None)

    def limit_of(self, one: LayerDrift) -> float:
        """Below it this layer is wrong."""
        ratio, added = one.snr_db, one.added_db
        is_alone = ratio is not None and added is not None and added < ratio + _OWN_DB
        return self.limit_db + (_ALONE_DB if is_alone else 0.0)

    @property
    def suspected(self) -> tuple[LayerDrift, ...]:
        """Layers that may be to blame in the place of the first wrong one.

        Those next to it that have no tensor: the file may compute them together. What comes after a
        tensor that was found by its values is not among them.
        """
        first = self.first_wrong
        if first is None:
            return ()
        place = self.layers.index(first)
        before = [*takewhile(_has_no_tensor, reversed(self.layers[:place]))][::-1]
        later = () if first.matched_by == "values" else self.layers[place + 1 :]
        return (*before, *takewhile(_has_no_tensor, later))

    @property
    def worst(self) -> tuple[LayerDrift, ...]:
        """Layers with a tensor, the noisiest first."""
        known = [one for one in self.layers if one.snr_db is not None]
        return tuple(sorted(known, key=lambda one: one.snr_db or 0.0))

    @property
    def fused(self) -> tuple[LayerDrift, ...]:
        """Layers that have no tensor of their own in the file."""
        return tuple(filter(_has_no_tensor, self.layers))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        first = self.first_wrong
        return {
            "samples": self.samples,
            "invented_inputs": self.is_invented,
            "limit_db": self.limit_db,
            "first_wrong": None if first is None else first.layer,
            "suspected": [one.layer for one in self.suspected],
            "worst": [one.layer for one in self.worst],
            "fused": [one.layer for one in self.fused],
            "layers": [{**asdict(one), "limit_db": self.limit_of(one)} for one in self.layers],
        }


def _has_no_tensor(one: LayerDrift) -> bool:
    return one.tensor is None


def layer_rows(
    activations: Sequence[Activation],
    places: Sequence[Place],
    tensors: Mapping[int, NDArray[Any]],
    found: Mapping[int, Match],
    ended: Mapping[int, LayerDrift],
    limit_db: float,
) -> list[LayerDrift]:
    """One row an activation; inputs that the file takes as they are have none.

    Args:
        activations: What Keras's layers put out.
        places: The file's tensors.
        tensors: Their values by index, one entry a run.
        found: The tensor of each activation, by index.
        ended: The model's outputs, by the index of the activation that each is: they stand for one
            without a tensor.
        limit_db: Below it a layer is wrong.

    Returns:
        In the order of the activations.
    """
    figures = {
        index: _figures(activations[index], tensors[matched.tensor], matched)
        for index, matched in found.items()
    }
    _drop_mistaken(activations, found, figures, limit_db)
    rows: list[LayerDrift] = []
    ratios: list[float] = []
    for index, one in enumerate(activations):
        inherited = min((ratios[source] for source in one.sources), default=EXACT_DB)
        if index in figures:
            row = _row(one, places[found[index].tensor], found[index].by, figures[index])
        elif index in ended:
            row = replace(ended[index], layer=one.layer, kind=one.kind)
        else:
            row = LayerDrift(one.layer, one.kind, one.values.shape[1:])
        ratio = inherited if row.snr_db is None else row.snr_db
        if row.snr_db is not None:
            row = replace(row, added_db=_added(ratio, inherited))
        if one.kind != "Input" or index in figures:
            rows.append(row)
        ratios.append(ratio)
    return rows


def output_rows(
    reference: Mapping[str, NDArray[Any]], named: Mapping[str, NDArray[Any]]
) -> list[LayerDrift]:
    """The model's outputs as users get them: through the engine with all that speeds it up.

    Args:
        reference: Keras's outputs by name.
        named: The file's, by its own names.

    Raises:
        InputError: The file has other outputs, or of other shapes.
    """
    pairs = pair_outputs(reference, named)
    if len(pairs) < len(reference):
        raise InputError(
            f"the file has the outputs {', '.join(named)} where Keras has {', '.join(reference)}"
        )
    rows = []
    for name, own in pairs:
        meant, came = reference[name], named[own]
        if meant.shape != came.shape:
            raise InputError(
                f"output {own} has shape {came.shape} where Keras has {meant.shape}: "
                "is it a file of this model?"
            )
        figures = difference(meant, came)
        ratio = -EXACT_DB if figures.not_finite else figures.snr_db
        shape = meant.shape[1:]
        errors = (figures.max_abs, figures.relative)
        rows.append(LayerDrift(name, "Output", shape, own, None, "interface", ratio, None, *errors))
    return rows


def _figures(one: Activation, tensor: NDArray[Any], matched: Match) -> Difference:
    came = arranged(tensor, matched.layout).reshape(len(tensor), -1)
    return difference(one.values.reshape(came.shape), came)


def _drop_mistaken(
    activations: Sequence[Activation],
    found: Mapping[int, Match],
    figures: dict[int, Difference],
    limit_db: float,
) -> None:
    """Take back a tensor that cannot be the layer's: what is computed from the layer is right.

    Then the tensor is something before the layer's last step, which the file fused into the next.
    """
    later: dict[int, float] = {}
    for index in reversed(range(len(activations))):
        best = later.get(index, -EXACT_DB)
        own = _ratio(figures[index]) if index in figures else best
        if own < limit_db <= best and best > own + _RECOVERY_DB:
            own = best
            for same in [i for i in figures if found[i].tensor == found[index].tensor]:
                del figures[same]
        for source in activations[index].sources:
            later[source] = max(own, later.get(source, -EXACT_DB))


def _ratio(figures: Difference) -> float:
    return -EXACT_DB if figures.not_finite else figures.snr_db


def _row(one: Activation, place: Place, by: str, figures: Difference) -> LayerDrift:
    return LayerDrift(
        layer=one.layer,
        kind=one.kind,
        shape=one.values.shape[1:],
        tensor=place.hint.split(";")[0] or f"tensor {place.name}",
        operator=place.operator,
        matched_by=by,
        snr_db=_ratio(figures),
        max_abs_error=figures.max_abs,
        relative_error=figures.relative,
    )


def _added(ratio: float, inherited: float) -> float | None:
    """Signal-to-noise ratio of a layer's own noise, None for none.

    Noise powers of independent sources add up, so what is not inherited is the difference. It takes
    for granted that a layer passes noise on at the rate at which it passes the signal on.

    Args:
        ratio: Of the layer's output, in dB.
        inherited: The lowest of what went into it.
    """
    own = 10.0 ** (-ratio / 10.0) - 10.0 ** (-inherited / 10.0)
    return -10.0 * float(np.log10(own)) if own > 0.0 and ratio < EXACT_DB else None
