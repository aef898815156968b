"""What a search may try: format x scheme x lowering, the promising ones first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from littoral import plugins
from littoral.errors import InputError

from littoral_converters import formats, schemes
from littoral_converters.graphs import Form
from littoral_converters.jobs import LOWERINGS, Job

AUTO = "auto"
RECURRENT = ("Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN")
"""Classes of layers whose lowering is a choice."""

_FLOAT = ("float32", "float16")
_PROMISING = ("static_int8", "dynamic_int8", "float32", "float16")


@dataclass(frozen=True, order=True)
class Candidate:
    """A file that may be made.

    Attributes:
        format: Name of a format.
        scheme: Name of a scheme.
        lowering: How recurrences are written.
        float_layers: Layers that the scheme leaves float.
    """

    format: str
    scheme: str
    lowering: str = AUTO
    float_layers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is called in a list of proofs; unlike any other candidate's."""
        return "/".join((self.format, self.scheme, self.lowering, *self.float_layers))

    @property
    def is_float(self) -> bool:
        """Whether it is made quickly and loses next to nothing."""
        return self.scheme in _FLOAT and self.lowering == AUTO

    @property
    def is_mixed(self) -> bool:
        """Whether some layers are left float."""
        return bool(self.float_layers)

    def file_name(self, stem: str, suffix: str) -> str:
        """Its file, for example ``cnn.static_int8.mixed-3fa2c1.tflite``."""
        parts = [stem, self.scheme] + [self.lowering] * (self.lowering != AUTO)
        if self.is_mixed:
            which = hashlib.sha256("/".join(self.float_layers).encode()).hexdigest()[:6]
            parts.append(f"mixed-{which}")
        return f"{'.'.join(parts)}{suffix}"

    def job(self, keep_float: frozenset[str] = frozenset()) -> Job:
        """The same as the pipeline's order."""
        return Job(
            self.format,
            self.scheme,
            self.lowering,
            float_layers=self.float_layers,
            keep_float=keep_float,
        )

    def __str__(self) -> str:
        """For people, for example ``"tflite static_int8, float: dense"``."""
        words = f"{self.format} {self.scheme}"
        words += f" {self.lowering}" * (self.lowering != AUTO)
        return f"{words}, float: {', '.join(self.float_layers)}" if self.is_mixed else words


@dataclass(frozen=True)
class Choice:
    """Which formats, schemes and lowerings a search goes through.

    Attributes:
        formats: Names of formats.
        schemes: Names of schemes.
        lowerings: Ways to write recurrences; tried on models that have one.
        left_out: Why a scheme is not among them, by name.
    """

    formats: tuple[str, ...]
    schemes: tuple[str, ...]
    lowerings: tuple[str, ...] = LOWERINGS
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def forms(self) -> tuple[Form, ...]:
        """What the model is to be traced for."""
        return tuple(dict.fromkeys(Job(*names).form for names in self._expressible()))

    def candidates(self, layer_classes: Iterable[str]) -> list[Candidate]:
        """Every combination that the formats can express.

        Args:
            layer_classes: Of the model's layers.

        Returns:
            The promising ones first. Those of one lowering are together, because they start from
            the same trace.
        """
        recurs = bool(set(layer_classes) & set(RECURRENT))
        lowerings = self.lowerings if recurs else self.lowerings[:1]
        return [
            Candidate(format_name, scheme, lowering)
            for lowering in lowerings
            for format_name, scheme in self._expressible()
        ]

    def _expressible(self) -> list[tuple[str, str]]:
        """Format and scheme, the promising schemes first."""
        return [
            (format_name, scheme)
            for scheme in self.schemes
            for format_name in self.formats
            if hasattr(plugins.load(schemes, scheme), format_name)
        ]


def choice_of(
    format_names: Sequence[str] | None,
    scheme_names: Sequence[str] | None,
    lowering_names: Sequence[str] | None,
    has_samples: bool,
) -> Choice:
    """Check the names, and take all there are where none are given.

    Args:
        format_names: Formats, None for all.
        scheme_names: Schemes, None for all but those that say ``NOT_SEARCHED`` and those that need
            representative data where there is none.
        lowering_names: Lowerings, None for all.
        has_samples: Whether there is representative data.

    Returns:
        The choice.

    Raises:
        InputError: An unknown name, or a scheme asked for by name that needs data or that none of
            the formats can express.
    """
    left_out: dict[str, str] = {}
    if scheme_names is None:
        for name in plugins.names(schemes):
            reason = _reason_against(name, has_samples)
            if reason:
                left_out[name] = reason
    names = scheme_names or [n for n in plugins.names(schemes) if n not in left_out]
    chosen_formats = tuple(dict.fromkeys(format_names or reversed(plugins.names(formats))))
    for name in chosen_formats:
        plugins.load(formats, name)
    for name in scheme_names or ():
        _check_scheme(name, chosen_formats, has_samples)
    unknown = [name for name in lowering_names or () if name not in LOWERINGS]
    if unknown:
        raise InputError(f"unknown lowering {unknown[0]!r}: choose from {', '.join(LOWERINGS)}")
    return Choice(
        chosen_formats,
        tuple(sorted(dict.fromkeys(names), key=_rank)),
        tuple(dict.fromkeys(lowering_names or LOWERINGS)),
        left_out,
    )


def _check_scheme(name: str, format_names: Sequence[str], has_samples: bool) -> None:
    """Refuse a scheme that was asked for and cannot be had."""
    module = plugins.load(schemes, name)
    if module.NEEDS_SAMPLES and not has_samples:
        raise InputError(f"scheme {name} needs representative data (--representative-data)")
    if not any(hasattr(module, format_name) for format_name in format_names):
        raise InputError(
            f"{', '.join(format_names)} cannot express the scheme {name}: take another of either"
        )


def _reason_against(name: str, has_samples: bool) -> str:
    module = plugins.load(schemes, name)
    if module.NEEDS_SAMPLES and not has_samples:
        return "it needs representative data (--representative-data)"
    return str(getattr(module, "NOT_SEARCHED", ""))


def _rank(scheme: str) -> tuple[int, str]:
    place = _PROMISING.index(scheme) if scheme in _PROMISING else len(_PROMISING)
    return place, scheme
