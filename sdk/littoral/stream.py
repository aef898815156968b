"""State across steps: a file of one time step, or one that remembers, run over a sequence.

The state is where the file has it. Outside, as outputs that go back in, every stream keeps its own
and all share the model's session. Inside, in variables, every stream has a session of its own, and
a reset is a new one: what an engine calls a reset leaves some files as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from littoral import arguments, prepared, quick
from littoral.calls import Result, named
from littoral.closing import Closing
from littoral.engines import Binding, Loop, Session, Shape
from littoral.engines._native import reason
from littoral.errors import EngineError, InputError, LittoralError
from littoral.feedback import State, states_of
from littoral.incremental import Rows, steps_of
from littoral.tensors import TensorSpec, shown

if TYPE_CHECKING:
    from littoral.model import Model

Array = NDArray[Any]


@dataclass(frozen=True)
class _Tensor:
    """An input or output of the file as a stream shows it.

    Attributes:
        place: Its position in the file.
        spec: One step of it: its shape has neither batch nor time axis.
        dropped: The axes that this leaves out, all of size 1.
    """

    place: int
    spec: TensorSpec
    dropped: tuple[int, ...]

    def in_file(self, shape: Shape) -> Shape:
        """The file's shape for a step of this shape."""
        sizes = list(shape)
        for axis in self.dropped:
            sizes.insert(axis, 1)
        return tuple(sizes)


def stream_of(
    model: Model, state: Mapping[str, str] | None, initial: Mapping[str, Any] | None
) -> Stream:
    """A stream of a model; see `littoral.Model.stream`."""
    states = states_of(model.inputs, model.outputs, model.card, state, initial)
    if not states and not model._open_session().stateful:
        raise InputError(
            f"{model.name} remembers nothing from call to call: make it with littoral convert "
            "--streaming, say which output becomes which input: stream(state={...}), or run it on "
            "windows: stream(hop=N), --hop N"
        )
    return Stream(model, states)


class Stream(Closing):
    """A sequence that is run step by step. Made by `Model.stream`; use it as a context manager.

    Threads that share a stream wait for each other. Streams of one model do not disturb each other,
    nor `Model.run`.

    Attributes:
        inputs: What one step takes, without the states: shapes have neither batch nor time axis.
        outputs: What one step gives, likewise.
        seconds: Time from one step to the next where `feed` takes a signal, else None.
    """

    def __init__(self, model: Model, states: tuple[State, ...]) -> None:
        """Begin a sequence; `Model.stream` is the way to get one."""
        session = model._open_session()
        self._model = model
        self._states = states
        self._own = _own_session(session)
        self._lock = model._lock if self._own is None else threading.RLock()
        self._is_closed = False
        described = model.card.stream if model.card is not None else None
        by_step = described.by_step if described is not None else None
        taken_in, taken_out = {s.input for s in states}, {s.output for s in states}
        self._takes = _tensors(session.inputs, taken_in, by_step)
        self._gives = _tensors(session.outputs, taken_out, by_step)
        self.inputs = tuple(tensor.spec for tensor in self._takes)
        self.outputs = tuple(tensor.spec for tensor in self._gives)
        self._preprocessing = steps_of(model.card, model.inputs, self._takes[0].place)
        self._begin()

    def step(self, x: Any) -> Result:
        """Run one step, or several at once.

        Args:
            x: For one step an array of the input's step shape (`inputs`), for ``n`` of them
                ``[n, ...]``; for several inputs a dict by name, where an input that is the same at
                each step may come once. Real units, as for `Model.run`.

        Returns:
            New arrays, one for a single output, else a dict by name: of the output's step shape for
            one step, ``[n, ...]`` for several.

        Raises:
            InputError: Shape, dtype or name does not fit, or a value is NaN or infinite; the state
                is as it was before the call.
            EngineError: The engine failed, or the stream or its model is closed.
        """
        with self._lock:
            self._model._open_session()
            try:
                result = self._quick(x)
            except RuntimeWarning:
                result = None  # where warnings are errors: the long way knows which are none
            except LittoralError:
                raise
            except Exception as error:
                raise self._failed(error) from error
            return self._steps(x) if result is None else result

    def feed(self, raw: Any) -> Result:
        """Take data as the card's preprocessing takes it, and run the steps that it completes.

        Args:
            raw: Samples ``[n]`` of a signal at the card's rate, as many as there are; a row of a
                table; a picture; or a list of these.

        Returns:
            ``[n, ...]`` of each output, as `step`; n is 0 where no step is complete yet. What the
            preprocessing counts from the loudest it counts from the loudest so far.

        Raises:
            InputError: Data that the steps refuse, or a card without steps.
            EngineError: As `step`.
        """
        with self._lock:
            self._check_open()
            if len(self._takes) != 1 or not self._preprocessing:
                raise InputError(
                    f"{self._model.name}: the card names no preprocessing of one input: use step"
                )
            return self._run_rows(self._rows.push(raw))

    def finish(self) -> Result:
        """The data ends: run the steps that are complete by that, as `feed`."""
        with self._lock:
            self._check_open()
            rows = self._rows.end()
            return self._run_rows(np.zeros(0) if rows is None else rows)

    def reset(self) -> None:
        """Begin anew: the next step is the first of a sequence.

        Raises:
            EngineError: The stream or its model is closed.
        """
        with self._lock:
            self._check_open()
            if self._own is not None:
                fresh = self._own.another()
                self._own.close()
                self._own = fresh
            self._begin()

    def close(self) -> None:
        """Free what the stream has of its own; the model stays open. Closing again does nothing."""
        with self._lock:
            self._is_closed = True
            self._begin()
            if self._own is not None:
                self._own.close()

    def _begin(self) -> None:
        self._rows = Rows(self._preprocessing)
        self.seconds = self._rows.seconds
        self._quick: quick.Quick = quick.never
        self._loop: Loop | None = None
        self._call: prepared.Call | None = None
        self._shapes: tuple[Shape, ...] = ()

    def _run_rows(self, rows: Array) -> Result:
        if len(rows):
            return self._steps(self._rows.each(rows))
        return named([nothing(spec) for spec in self.outputs], self.outputs)

    def _check_open(self) -> None:
        if self._is_closed:
            raise EngineError(f"a stream of {self._model.name} is closed: open another one")
        self._model._open_session()

    def _steps(self, x: Any) -> Result:
        """The long way, for whatever is no single step of the usual kind."""
        self._check_open()
        arrays, count = self._laid_out(x)
        try:
            steps = [
                self._once([array[at : at + 1] for array in arrays]) for at in range(count or 1)
            ]
        except LittoralError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        results = [np.concatenate(column) for column in zip(*steps, strict=True)]
        if count is None:
            results = [result[0] for result in results]
        return named(results, self.outputs)

    def _laid_out(self, x: Any) -> tuple[list[Array], int | None]:
        """Checked arrays ``[n, ...]``, and how many steps they hold; None for one alone.

        An input that is the same at each step is repeated, which costs no memory.
        """
        values = arguments.assign(x, self.inputs)
        pairs = zip(values, self._takes, strict=True)
        arrays = [_in_steps(arguments.admit(value, taken.spec), taken) for value, taken in pairs]
        counts = {len(array) for array, is_one in arrays if not is_one}
        if len(counts) > 1 or counts == {0}:
            raise InputError(
                f"{self._model.name}: the inputs hold {', '.join(map(str, sorted(counts)))} "
                "steps: expected the same number, at least 1"
            )
        count = next(iter(counts), None)
        repeated = [
            np.broadcast_to(array, (count or 1, *array.shape[1:])) if is_one else array
            for array, is_one in arrays
        ]
        return repeated, count

    def _once(self, arrays: list[Array]) -> list[Array]:
        return self._prepared(arrays)(arrays)

    def _prepared(self, arrays: Sequence[Array]) -> prepared.Call:
        """The call for one step of arrays ``[1, ...]``, made anew where their shapes changed."""
        session = self._own or self._model._open_session()
        states = [state.initial for state in self._states]
        if self._loop is not None:
            states = self._loop.take()
        shapes: list[Shape] = [()] * len(session.inputs)
        for taken, array in zip(self._takes, arrays, strict=True):
            shapes[taken.place] = taken.in_file(array.shape[1:])
        for state, value in zip(self._states, states, strict=True):
            shapes[state.input] = value.shape
        if self._call is None or tuple(shapes) != self._shapes:
            self._call = self._compose(session, tuple(shapes), states)
        return self._call

    def _compose(
        self, session: Session, shapes: tuple[Shape, ...], states: list[Array]
    ) -> prepared.Call:
        loop = session.loop(shapes, tuple((s.input, s.output) for s in self._states))
        loop.put(states)
        memories = tuple(
            memory.reshape(1, *_without(memory.shape, taken.dropped))
            for memory, taken in zip(loop.inputs, self._takes, strict=True)
        )
        reads = tuple(
            _step_reader(read, given) for read, given in zip(loop.read, self._gives, strict=True)
        )
        binding = Binding(memories, loop.invoke, reads)
        self._loop, self._shapes = loop, shapes
        grows = any(None in session.inputs[state.input].shape[1:] for state in self._states)
        if not grows:
            self._quick = quick.compose(binding, self.inputs, self.outputs, has_batch=True)
        return prepared.compose(binding, self.inputs, self.outputs)

    def _failed(self, error: Exception) -> EngineError:
        return EngineError(f"{self._model.name}: {self._model.engine} failed: {reason(error)}")


def nothing(spec: TensorSpec) -> Array:
    """The results of no steps: ``[0, ...]``."""
    shape = (0, *(size or 0 for size in spec.shape))
    return np.zeros(shape, object if spec.dtype == "str" else arguments.real_dtype(spec))


def _own_session(session: Session) -> Session | None:
    """A session for one stream alone, where sharing would disturb; None to share the model's.

    It would where variables remember, and where a call with other sizes moves the memory.
    """
    is_open = any(None in spec.shape for spec in session.inputs)
    return session.another() if session.stateful or is_open else None


def _tensors(
    specs: Sequence[TensorSpec], states: set[int], by_step: Sequence[str] | None
) -> tuple[_Tensor, ...]:
    return tuple(
        _tensor(place, spec, by_step) for place, spec in enumerate(specs) if place not in states
    )


def _tensor(place: int, spec: TensorSpec, by_step: Sequence[str] | None) -> _Tensor:
    """Without the card a time axis is one of size 1 between the batch axis and others."""
    dropped: list[int] = []
    if spec.shape and spec.shape[0] in (1, None):
        dropped.append(0)
    looks_timed = len(spec.shape) > 2 and spec.shape[1] == 1
    if looks_timed if by_step is None else spec.name in by_step:
        dropped.append(1)
    axes = tuple(dropped)
    return _Tensor(place, replace(spec, shape=_without(spec.shape, axes)), axes)


def _without(shape: tuple[Any, ...], axes: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _step_reader(read: Callable[[], Any], given: _Tensor) -> Callable[[], Any]:
    """The output as ``[1, ...]`` of one step."""
    sizes = (1, *(-1 if size is None else size for size in given.spec.shape))
    if sizes.count(-1) > 1:
        return lambda: read().squeeze(given.dropped)[None]
    return lambda: read().reshape(sizes)


def _in_steps(array: Array, taken: _Tensor) -> tuple[Array, bool]:
    """The array as ``[n, ...]``, and whether it came as one step."""
    wanted = taken.spec.shape
    extra = array.ndim - len(wanted)
    if extra == 2 and array.shape[0] == 1 and len(taken.dropped) == 2:
        array, extra = array[0], 1  # a sequence with the batch axis that the file has
    fits = all(
        size is None or size == got
        for size, got in zip(wanted, array.shape[max(extra, 0) :], strict=False)
    )
    if extra not in (0, 1) or not fits:
        raise InputError(
            f"input {taken.spec.name!r}: expected one step {shown(wanted)} or several "
            f"{shown(('n', *wanted))}, came {array.dtype} of shape {shown(array.shape)}"
        )
    return (array[None], True) if extra == 0 else (array, False)
