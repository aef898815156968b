"""What every step of a search works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from littoral_converters.exploration.budget import Budget
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.demands import Demands
from littoral_converters.exploration.proofs import Proofs
from littoral_converters.exploration.workshop import Report, Workshop


@dataclass(frozen=True)
class Work:
    """A search under way.

    Attributes:
        candidates: What is tried, in this order.
        workshop: Makes files and holds them against Keras.
        proofs: What is known; it gets what is found out.
        demands: What a file must meet.
        budget: Ends the work early.
        report: Is told every step.
    """

    candidates: Sequence[Candidate]
    workshop: Workshop
    proofs: Proofs
    demands: Demands
    budget: Budget
    report: Report
