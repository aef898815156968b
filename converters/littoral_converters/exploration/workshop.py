"""Makes candidates and compares them with Keras. The model is opened when first needed."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from littoral.errors import ConversionError

from littoral_converters.calibration import Dataset
from littoral_converters.exploration.candidates import AUTO, Candidate
from littoral_converters.exploration.demands import check_labels
from littoral_converters.exploration.fingerprint import fingerprint
from littoral_converters.graphs import Form
from littoral_converters.isolation import isolated
from littoral_converters.making import quantized, sealed
from littoral_converters.mixing.layers import operators_by_layer, operators_of
from littoral_converters.preparation import Prepared, Request
from littoral_converters.preparation.handover import prepare
from littoral_converters.proof import limits_of
from littoral_converters.proof.execution import outputs_of
from littoral_converters.verification import (
    NO_LIMITS,
    Limits,
    Outputs,
    Verification,
    compare,
)

TOLD_EVERY_S = 15.0
"""How often work that has no steps of its own is reported."""

Report = Callable[[str], None]
_Place = tuple[Form, str]
"""What a float file is kept by: what it is traced for, and how its recurrences are written."""


class Workshop:
    """Opens a model once, writes each float file once, quantizes from there."""

    def __init__(self, model: Any, request: Request, report: Report) -> None:
        """Take the model and what is wanted of it; nothing is opened yet."""
        self._model = model
        self._request = request
        self._report = report
        self._prepared: dict[str, Prepared] = {}
        self._floats: dict[_Place, bytes | ConversionError] = {}
        self._prints: dict[_Place, str] = {}
        self._operators: dict[_Place, dict[str, tuple[str, ...]]] = {}

    def opened(self, lowering: str = AUTO) -> Prepared:
        """The model traced with a lowering; data and Keras's outputs are those of the first."""
        if lowering not in self._prepared:
            what = "opening and tracing the Keras model"
            if lowering != AUTO:
                what = f"tracing with recurrences {lowering}"
            with _told(what, self._report):
                self._prepared[lowering] = self._open(lowering)
        return self._prepared[lowering]

    @property
    def stem(self) -> str:
        """What the model's files are called."""
        return self.opened().stem

    @property
    def layer_classes(self) -> tuple[str, ...]:
        """Classes of the model's layers."""
        graphs = self.opened().graphs.values()
        return tuple(sorted({name for graph in graphs for name in graph.layers.values()}))

    def layers(self, candidate: Candidate) -> dict[str, tuple[str, ...]]:
        """The operators with weights that a candidate starts from, by layer, in order."""
        content = self._float(candidate)
        place = self._place(candidate)
        if place not in self._operators:
            graph = self.opened(candidate.lowering).graphs[place[0]]
            doing = f"reading the layers of {candidate}"
            self._operators[place] = isolated(
                operators_by_layer, candidate.format, content, graph, doing=doing
            )
        return self._operators[place]

    def make(self, candidate: Candidate, samples: int | None = None) -> bytes:
        """A candidate's file, without its card.

        Args:
            candidate: What to make.
            samples: How many representative samples to calibrate on, None for the usual number.

        Raises:
            ConversionError: It cannot be made.
        """
        content = self._float(candidate)
        prepared = self.opened(candidate.lowering)
        if samples is not None and prepared.representative is not None:
            fewer = prepared.representative.head(samples)
            prepared = dataclasses.replace(prepared, representative=fewer)
        layers = candidate.float_layers
        keep = operators_of(layers, self.layers(candidate)) if layers else frozenset()
        return quantized(candidate.job(keep), content, prepared, f"{prepared.stem} as {candidate}")

    def twin_lowering(self, candidate: Candidate, lowerings: Sequence[str]) -> str | None:
        """The first lowering that gives the same float file as a candidate's own.

        Args:
            candidate: What is to be made.
            lowerings: In the order of trying.

        Returns:
            One before the candidate's own; None for none.
        """
        content = self._float(candidate)
        place = self._place(candidate)
        if place not in self._prints:
            self._prints[place] = self.fingerprint(candidate, content)
        for name in lowerings[: lowerings.index(candidate.lowering)]:
            twin = self._place(dataclasses.replace(candidate, lowering=name))
            if self._prints.get(twin) == self._prints[place]:
                return name
        return None

    def fingerprint(self, candidate: Candidate, content: bytes) -> str:
        """A digest that equal files share, see `littoral_converters.exploration.fingerprint`."""
        doing = f"comparing {candidate}"
        found: str = isolated(fingerprint, candidate.format, content, doing=doing)
        return found

    def finish(
        self, candidate: Candidate, content: bytes, verification: Verification | None
    ) -> tuple[bytes, str | None]:
        """The file with its card and digest, and the oldest runtime that has its operators."""
        return sealed(candidate.job(), content, self.opened(candidate.lowering), verification)

    def prove(self, candidate: Candidate, content: bytes) -> Verification:
        """Compare a file with Keras on the evaluation data.

        The limits are the scheme's own but for the accuracy, on which the search decides.
        """
        prepared = self.opened()
        limits = dataclasses.replace(limits_of(candidate.scheme, None), max_drop=NO_LIMITS.max_drop)
        return self._compared(content, prepared.evaluation, prepared.reference, limits, candidate)

    def error_on_few(self, candidate: Candidate, content: bytes, samples: int) -> float:
        """Root mean square error against Keras on some of the evaluation data, as a share."""
        prepared = self.opened()
        few = Dataset(prepared.evaluation.inputs).head(samples)
        reference = Dataset(prepared.reference).head(samples).inputs
        found = self._compared(content, few, reference, NO_LIMITS, candidate)
        return found.rms_error if found.passed else float("inf")

    def _compared(
        self,
        content: bytes,
        data: Dataset,
        reference: Outputs,
        limits: Limits,
        candidate: Candidate,
    ) -> Verification:
        outputs: Mapping[str, Any] = isolated(
            outputs_of, content, data, doing=f"running {candidate}"
        )
        return compare(reference, outputs, data.labels, limits)

    def _open(self, lowering: str) -> Prepared:
        if lowering == AUTO:
            prepared = self._traced(self._request)
            # Labels that do not fit the model are found before anything is made.
            labels = prepared.evaluation.labels
            check_labels(compare(prepared.reference, prepared.reference, labels, NO_LIMITS), labels)
            return prepared
        first = self.opened()
        request = dataclasses.replace(
            self._request, lowering=lowering, representative_data=None, evaluation_data=None
        )
        return dataclasses.replace(
            self._traced(request),
            representative=first.representative,
            evaluation=first.evaluation,
            reference=first.reference,
        )

    def _traced(self, request: Request) -> Prepared:
        """The model traced for every format that it can be traced for.

        Raises:
            ConversionError: There is none.
        """
        try:
            return prepare(self._model, request)
        except ConversionError as error:
            names = dict.fromkeys(form.format for form in request.forms)
            if len(names) == 1:
                raise
            parts = [part for name in names if (part := self._alone(name, request))]
            if not parts:
                raise error
        graphs = {form: graph for part in parts for form, graph in part.graphs.items()}
        return dataclasses.replace(parts[0], graphs=graphs)

    def _alone(self, format_name: str, request: Request) -> Prepared | None:
        """The model traced for one format; None, and the error kept, where it cannot be."""
        forms = tuple(form for form in request.forms if form.format == format_name)
        try:
            return prepare(self._model, dataclasses.replace(request, forms=forms))
        except ConversionError as error:
            self._floats.update(dict.fromkeys(((form, request.lowering) for form in forms), error))
            return None

    def _float(self, candidate: Candidate) -> bytes:
        """The float32 file that a candidate starts from, or the error, which is kept as well."""
        self._open_for(candidate)
        place = self._place(candidate)
        if place not in self._floats:
            self._floats[place] = self._written(candidate)
        found = self._floats[place]
        if isinstance(found, ConversionError):
            raise found
        return found

    def _place(self, candidate: Candidate) -> _Place:
        """Where a candidate's float file is kept: forms that are traced alike share one."""
        form, lowering = candidate.job().form, candidate.lowering
        graphs = self._prepared[lowering].graphs if lowering in self._prepared else {}
        own = graphs.get(form)
        alike = (other for other, graph in graphs.items() if graph is own)
        return (form if own is None else next(alike)), lowering

    def _open_for(self, candidate: Candidate) -> None:
        """Open the model with a candidate's lowering, and keep the error where that fails."""
        place = self._place(candidate)
        self.opened()
        if place not in self._floats and candidate.lowering not in self._prepared:
            try:
                self.opened(candidate.lowering)
            except ConversionError as error:
                for form in self._request.forms:
                    self._floats[form, candidate.lowering] = error

    def _written(self, candidate: Candidate) -> bytes | ConversionError:
        prepared = self.opened(candidate.lowering)
        graph = prepared.graphs[candidate.job().form]
        what = f"writing {prepared.stem} as {candidate.format} {candidate.lowering}"
        try:
            content: bytes = isolated(candidate.job().writer.write, graph, doing=what)
            return content
        except ConversionError as error:
            return error


@contextmanager
def _told(what: str, report: Report) -> Iterator[None]:
    """Report work that has no steps of its own, now and while it goes on."""
    done = threading.Event()

    def go_on() -> None:
        began = time.monotonic()
        while not done.wait(TOLD_EVERY_S):
            report(f"still {what}, {time.monotonic() - began:.0f} s so far")

    report(what)
    teller = threading.Thread(target=go_on, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
