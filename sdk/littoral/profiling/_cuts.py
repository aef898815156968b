"""Partial execution: what an operator takes is what the file takes longer with it than without.

An engine's own profiler would be the first choice. LiteRT's counts whole microseconds, which is
more than most operators of a small network take, and tflite-runtime has none that Python can reach;
ONNX Runtime's counts whole microseconds too, and its bookkeeping takes several of them for each
operator: the parts of an MLP whose call takes 15 us added up to 84. So the file is cut after its
first, second, third... operator, all cuts are timed in turn, round by round, and neighbours are
subtracted, paired by round: drift and the overhead of a call cancel out. The whole file takes its
turns among them: on a machine that changes its speed the parts would not add up to a call that was
timed before or after them.

The engine sees a graph of its own in each cut. Where it fuses an operator into its neighbour when
both are there (XNNPACK folds an activation into the layer before it), the parts add up to a little
more than the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from littoral.clock import Call, Plan, time_in_turn
from littoral.engines import Session
from littoral.engines._native import reason
from littoral.errors import EngineError
from littoral.profiling import OperatorTime, Tell, Times
from littoral.statistics import Estimate, percentile, percentile_interval

MOST = 96
"""Cuts at once; a longer file is cut between layers, and where these are many evenly."""

_TOLD = 10
"""Times that the cutting says how far it is: a log keeps every line."""


@dataclass(frozen=True)
class Operator:
    """One operator of the graph that runs.

    Attributes:
        index: Its place.
        kind: Its name in the format.
        name: Of its first output, failing that of its constants.
        layer: The Keras layer that the name was made in.
        macs: Multiplications with an addition.
        moved_bytes: Inputs, outputs and constants.
        delegated: Whether an accelerator's delegate runs it; None where the engine does not say.
    """

    index: int
    kind: str
    name: str
    layer: str
    macs: int
    moved_bytes: int
    delegated: bool | None = None


def timed(
    operators: Sequence[Operator],
    call_of: Callable[[int], Call],
    whole: Call,
    duration_s: float,
    tell: Tell,
) -> Times:
    """Time the operators of a file.

    Args:
        operators: In the order of execution, at least one.
        call_of: Makes the call of the file with so many operators; 0 is the call's overhead.
        whole: The call of the file as it is.
        duration_s: About how long to time.
        tell: Is told what happens now.

    Raises:
        EngineError: The engine cannot run a cut.
    """
    ends = _ends(operators)
    calls = []
    for place, end in enumerate([0, *ends]):
        if place % (len(ends) // _TOLD + 1) == 0:
            tell(f"cutting the file, {place} of {len(ends)}")
        calls.append(_tried(call_of(end), end, operators))
    tell(f"timing {len(calls)} cuts in turn")
    *rounds, uncut = time_in_turn(
        [*calls, whole], Plan(duration_ns=int(duration_s * 1e9 / len(calls)))
    )
    medians = np.array([[percentile(own, 0.5) for own in one] for one in rounds])
    spans = zip([0, *ends[:-1]], ends, np.diff(medians, axis=0), strict=True)
    return Times(
        tuple(_time(operators[start:end], more) for start, end, more in spans),
        percentile_interval([percentile(own, 0.5) for own in uncut], 0.5),
    )


def shapes_of(session: Session) -> tuple[tuple[int, ...], ...]:
    """Shapes to bind a session to: its own, with 1 for what is open."""
    return tuple(tuple(size or 1 for size in spec.shape) for spec in session.inputs)


def _tried(call: Call, end: int, operators: Sequence[Operator]) -> Call:
    """A call that has been made once."""
    try:
        call()
    except Exception as error:
        last = f"after operator {end}, {operators[end - 1].kind}" if end else "before its operators"
        raise EngineError(
            f"the engine cannot run the file cut off {last}: {reason(error)}"
        ) from error
    return call


def _time(group: Sequence[Operator], more: NDArray[np.float64]) -> OperatorTime:
    found = percentile_interval(more, 0.5)
    kinds = list(dict.fromkeys(one.kind for one in group))
    layers = list(dict.fromkeys(one.layer for one in group))
    delegated = {one.delegated for one in group}
    return OperatorTime(
        index=group[0].index,
        count=len(group),
        kind="+".join(kinds),
        name=group[-1].name,
        layer=layers[0] if len(layers) == 1 else "",
        time_ns=Estimate(max(0.0, found.value), *found.ends),
        delegated=delegated.pop() if len(delegated) == 1 else None,
        macs=sum(one.macs for one in group),
        moved_bytes=sum(one.moved_bytes for one in group),
    )


def _ends(operators: Sequence[Operator]) -> list[int]:
    """How many operators each cut keeps."""
    count = len(operators)
    if count <= MOST:
        return list(range(1, count + 1))
    ends = [i for i in range(1, count) if operators[i].layer != operators[i - 1].layer] + [count]
    if len(ends) > MOST:
        ends = sorted({round(share) for share in np.linspace(1, count, MOST)})
    return ends
