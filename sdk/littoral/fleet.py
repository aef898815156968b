"""Several targets at once: each answers for itself, and one that fails does not stop the others.

Machines elsewhere work in parallel. This one waits until they are done: what they need of its
processor and network would be in its own figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.differences import difference
from littoral.errors import InputError, LittoralError, VerificationError
from littoral.loading import load
from littoral.measurement import Measurement
from littoral.targets import Options, Progress, Target, connect, local

TOLERANCE = 1e-4
"""Of float outputs, relative to the largest value. Between x86-64, aarch64 and armv7 the same file
was seen to differ by up to 2e-8."""

Outputs = tuple[dict[str, NDArray[Any]], ...]


@dataclass(frozen=True)
class Check:
    """One output of one file on one target, held against the same here.

    Attributes:
        target: The machine.
        path: The file.
        output: The output's name.
        samples: Rows that were compared.
        is_exact: It is integer in the file, so it must be equal.
        max_abs_error: Largest difference in real units; None where the shapes are others.
        relative_error: The same over the largest value; None likewise.
        passed: Equal, or within the tolerance.
    """

    target: str
    path: str
    output: str
    samples: int
    is_exact: bool
    max_abs_error: float | None
    relative_error: float | None
    passed: bool


@dataclass(frozen=True)
class Result:
    """What one target did.

    Attributes:
        target: Its name.
        measurements: One a file, in order; empty where it failed.
        checks: Of its outputs, where they were asked for.
        error: Why it failed.
    """

    target: str
    measurements: tuple[Measurement, ...] = ()
    checks: tuple[Check, ...] = ()
    error: LittoralError | None = None


@dataclass(frozen=True)
class Order:
    """What every target is asked for.

    Attributes:
        files: Model files.
        options: How to measure.
        check: Data to compare outputs on before anything is timed, None for none.
        tolerance: Of float outputs, relative to the largest value.
    """

    files: Sequence[Path]
    options: Options
    check: Path | None = None
    tolerance: float = TOLERANCE


@contextmanager
def connected(
    addresses: Sequence[str], *, offline: bool = False, timeout_s: float | None = None
) -> Iterator[tuple[Target, ...]]:
    """Targets by their addresses, closed in the end.

    Args:
        addresses: As `littoral.targets.connect` takes them.
        offline: See `littoral.targets.Settings`.
        timeout_s: See `littoral.targets.Settings`.

    Raises:
        InputError: An address is none, or given twice.
    """
    targets = tuple(connect(one, offline=offline, timeout_s=timeout_s) for one in addresses)
    names = [target.name for target in targets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"target {twice} is given twice")
    try:
        yield targets
    finally:
        for target in targets:
            target.close()


def measure_on(targets: Sequence[Target], order: Order, progress: Progress) -> tuple[Result, ...]:
    """Measure on several targets.

    Args:
        targets: Machines with different names.
        order: What to do.
        progress: Is told what happens, behind the name of the machine where there are several.

    Returns:
        One result a target, in order.

    Raises:
        LittoralError: The files or the data cannot be used here, so no target was asked.
    """
    expected = None
    if order.check is not None:
        plain = Options(data=order.check)
        expected = local.Local().outputs(order.files, plain, progress)

    def work(target: Target) -> Result:
        prefix = f"{target.name}: " if len(targets) > 1 else ""
        return _one(target, order, expected, lambda what: progress(prefix + what))

    here = [target for target in targets if isinstance(target, local.Local)]
    elsewhere = [target for target in targets if target not in here]
    with ThreadPoolExecutor(max(1, len(elsewhere))) as pool:
        tasks = [pool.submit(work, target) for target in elsewhere]
        try:
            done = [task.result() for task in tasks]
        except BaseException:
            # Interrupted: the pool would wait until every board is done.
            for target in elsewhere:
                target.close()
            raise
    done += map(work, here)
    return tuple(sorted(done, key=lambda result: [t.name for t in targets].index(result.target)))


def _one(target: Target, order: Order, expected: Outputs | None, progress: Progress) -> Result:
    checks: tuple[Check, ...] = ()
    try:
        if expected is not None:
            checked = replace(order.options, data=order.check)
            came = target.outputs(order.files, checked, progress)
            checks = _checks(target.name, order, expected, came)
            failed = [check for check in checks if not check.passed]
            if failed:
                raise _disagreement(failed[0], order)
        return Result(target.name, target.measure(order.files, order.options, progress), checks)
    except LittoralError as error:
        return Result(target.name, (), checks, error)


def _checks(name: str, order: Order, expected: Outputs, came: Outputs) -> tuple[Check, ...]:
    return tuple(
        _check(name, path, output, there[output], values, output in exact, order.tolerance)
        for path, here, there in zip(order.files, expected, came, strict=True)
        for exact in (_exact_outputs(path),)
        for output, values in here.items()
    )


def _exact_outputs(path: Path) -> set[str]:
    """Outputs that the file holds as integers; a function of its own bytes, not of the engine."""
    with load(path) as model:
        return {one.name for one in model.outputs if not one.dtype.startswith("float")}


def _check(
    target: str,
    path: Path,
    output: str,
    came: NDArray[Any],
    expected: NDArray[Any],
    is_exact: bool,
    tolerance: float,
) -> Check:
    if came.shape != expected.shape or expected.dtype.kind not in "biuf":
        same = came.shape == expected.shape and bool(np.array_equal(came, expected))
        error = 0.0 if same else None
        return Check(target, str(path), output, len(expected), True, error, error, same)
    found = difference(expected, came)
    passed = not found.not_finite and (
        found.max_abs == 0 if is_exact else found.relative <= tolerance
    )
    figures = (found.max_abs, found.relative)
    return Check(target, str(path), output, len(expected), is_exact, *figures, passed)


def _disagreement(check: Check, order: Order) -> VerificationError:
    how = "has another shape or other texts"
    if check.max_abs_error is not None:
        allowed = "must be equal" if check.is_exact else f"may be off by {order.tolerance:g} of it"
        how = (
            f"is off by {check.max_abs_error:.3g}, {check.relative_error:.3g} of its largest "
            f"value, and {allowed}"
        )
    return VerificationError(
        f"{check.target}: {check.path} answers otherwise than here: output {check.output!r} {how}; "
        "it was not timed"
    )
