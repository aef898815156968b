"""The calls of one session: laid out for the shapes that came last, from any form of input.

The quick call is a function that was composed for one set of shapes and either answers or declines
(`littoral.quick`). What it declines goes the long way here: names and shapes are checked, samples
are told from batches, and a batch is sent through in the pieces that are fastest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from numpy.typing import NDArray

from littoral import arguments, batching, prepared, quick
from littoral.engines import Session, Shape
from littoral.engines._native import reason
from littoral.errors import EngineError, LittoralError
from littoral.tensors import TensorSpec

Result = NDArray[Any] | dict[str, NDArray[Any]]


class Calls:
    """What is prepared for a session. Used by one thread at a time.

    Attributes:
        quick: Answers what fits the shapes prepared last, in real units; None for what does not.
        quick_raw: The same in the file's own dtypes.
        shapes: Of the inputs that were prepared last, None before.
        batches: What was learned about sending many samples.
    """

    def __init__(self, session: Session, name: str, engine: str, alike: Callable[[], str]) -> None:
        """Prepare nothing yet.

        Args:
            session: An open one.
            name: Of the model, for messages.
            engine: Its engine's, for messages.
            alike: Says, when it is first needed, whether the first axis counts samples:
                ``"unknown"``, ``"samples"``, or ``"bit by bit"`` where each sample comes out the
                same however many there are.
        """
        self.quick: quick.Quick = quick.never
        self.quick_raw: quick.Quick = quick.never
        self._session: Session | None = session
        self._inputs, self._outputs = session.inputs, session.outputs
        self._name, self._engine = name, engine
        self._alike = alike
        self._by_raw: dict[bool, prepared.Call] = {}
        self.shapes: tuple[Shape, ...] | None = None
        self.batches = batching.Batches()

    def run(self, x: Any, lock: AbstractContextManager[Any], *, raw: bool) -> Result:
        """The long way, for what the quick call declined.

        Args:
            x: As `Model.run` takes it.
            lock: Held while the session is used.
            raw: The file's own dtypes in and out.

        Raises:
            InputError: The input does not fit.
            EngineError: The engine failed.
        """
        values = arguments.assign(x, self._inputs)
        pairs = zip(values, self._inputs, strict=True)
        arrays = [arguments.admit(value, spec, raw=raw) for value, spec in pairs]
        batch = arguments.lay_out(arrays, self._inputs, self._outputs)
        with lock:
            if batch.samples is None and self._is_batch(batch.arrays):
                count = len(batch.arrays[0])
                batch = batch._replace(samples=count, step=count)
            if batch.samples is None or batch.samples == batch.step == 1:
                results = self._once(batch.arrays, raw)
            else:
                results = self._in_steps(batch, raw)
        if batch.is_sample:
            results = [result[0] for result in results]
        return named(results, self._outputs)

    def allocate(self) -> None:
        """Reserve memory now where the file fixes every size but the number of samples.

        Raises:
            EngineError: The engine cannot execute what the file says.
        """
        shapes = []
        for spec in self._inputs:
            if None in spec.shape[1:] or not spec.is_ranked:
                return
            shapes.append(tuple(size if size is not None else 1 for size in spec.shape))
        self._call(tuple(shapes), raw=False)

    def forget(self) -> None:
        """Drop what was prepared: the next call prepares anew."""
        self.quick = self.quick_raw = quick.never
        self._by_raw = {}
        self.shapes = None

    def close(self) -> None:
        """Drop what was prepared, the session, and those that batches were given."""
        self.forget()
        self.batches.close()
        self._session = None

    def failed(self, error: Exception) -> EngineError:
        """What to say of an engine's own exception."""
        return EngineError(f"{self._name}: {self._engine} failed: {reason(error)}")

    def _open(self) -> Session:
        """The session; another thread may have closed the model in the meantime."""
        if self._session is None:
            raise EngineError(f"{self._name} is closed: load it again to run it")
        return self._session

    def _in_steps(self, batch: arguments.Batch, raw: bool) -> list[NDArray[Any]]:
        session = self._open()
        alike = not session.stateful and self._alike() == "bit by bit"
        once = functools.partial(self._once, raw=raw)
        try:
            return self.batches.run(batch, session, once, raw=raw, alike=alike)
        except LittoralError:
            raise
        except Exception as error:
            raise self.failed(error) from error

    def _is_batch(self, arrays: list[NDArray[Any]]) -> bool:
        """Whether arrays that fit open first axes are the samples of a model from Keras."""
        specs = (*self._inputs, *self._outputs)
        if not all(spec.is_ranked and spec.shape[:1] == (None,) for spec in specs):
            return False
        counts = {len(array) for array in arrays}
        return len(counts) == 1 and counts.pop() > batching.FEW and self._alike() != "unknown"

    def _once(self, arrays: list[NDArray[Any]], raw: bool) -> list[NDArray[Any]]:
        try:
            return self._call(tuple(array.shape for array in arrays), raw)(arrays)
        except LittoralError:
            raise
        except Exception as error:
            raise self.failed(error) from error

    def _call(self, shapes: tuple[Shape, ...], raw: bool) -> prepared.Call:
        """The prepared call for these shapes, from a clean state."""
        session = self._open()
        if session.stateful:
            session.reset()
            return prepared.compose(session.bind(shapes), self._inputs, self._outputs, raw=raw)
        if shapes != self.shapes:
            self._prepare(session, shapes)
        return self._by_raw[raw]

    def _prepare(self, session: Session, shapes: tuple[Shape, ...]) -> None:
        self.forget()
        binding = session.bind(shapes)
        for raw in (False, True):
            self._by_raw[raw] = prepared.compose(binding, self._inputs, self._outputs, raw=raw)
        self.shapes = shapes
        step = arguments.step(self._inputs, self._outputs)
        batched = step == 1 and all(shape[:1] == (1,) for shape in shapes)
        self.quick, self.quick_raw = (
            quick.compose(binding, self._inputs, self._outputs, has_batch=batched, raw=raw)
            for raw in (False, True)
        )


def named(results: Sequence[NDArray[Any]], outputs: Sequence[TensorSpec]) -> Result:
    """What a call returns: the array of a single output, else a dict by name."""
    if len(results) == 1:
        return results[0]
    return {spec.name: result for spec, result in zip(outputs, results, strict=True)}


def by_name(result: Result, outputs: Sequence[TensorSpec]) -> dict[str, NDArray[Any]]:
    """The same as a dict also where there is a single output."""
    return result if isinstance(result, dict) else {outputs[0].name: result}
