"""An engine in a process of its own: a crash in native code is an error, never the program's end.

The session here looks like any other (`littoral.engines.Session`); what it does is ask a child, a
plain Python process that opens the file and answers over its standard streams. When the child dies,
the call that it died of raises `EngineCrashed` and the next call starts another. Arrays travel
through the pipe: shared memory would spare a copy of each, and leaves something behind on every
system when a process dies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from littoral import errors
from littoral.engines import ABSENT, Binding, Feedback, Loop, Settings, Shape
from littoral.engines._copying_loop import copying_loop
from littoral.errors import EngineCrashed, EngineError, InputError
from littoral.formats import Signature
from littoral.isolation import wire
from littoral.isolation.process import Child

_START_S = 60.0
"""What opening a file may take beyond the time-out: Python and the engine have to start."""


class IsolatedSession:
    """A session whose engine runs in a child; see `littoral.engines.Session`."""

    def __init__(
        self, engine: str, content: bytes, settings: Settings, *, name: str, timeout_s: float | None
    ) -> None:
        """Start the child and open the file there.

        Args:
            engine: The engine's name.
            content: The whole file.
            settings: How; options in plain values, since they travel as JSON.
            name: The file's name, for messages.
            timeout_s: Seconds that a call may take, None for any time.

        Raises:
            InputError: An option or signature that there is not.
            FormatError: Not a model that this engine can execute.
            EngineNotInstalled: The library is missing; the message names the extra.
            EngineCrashed: The engine died of the file.
        """
        self._open_head = _open_head(engine, settings)
        self._settings = settings
        self._content = content
        self._engine, self._name, self._timeout_s = engine, name, timeout_s
        self._child: Child | None = None
        self._shapes: tuple[Shape, ...] | None = None
        self._binding: Binding | None = None
        self._results: list[Any] = []
        self._known: tuple[bytes, Any, list[Any]] = (b"", None, [])
        told = self._start()
        self.inputs = tuple(wire.spec_from_json(fields) for fields in told["inputs"])
        self.outputs = tuple(wire.spec_from_json(fields) for fields in told["outputs"])
        self.stateful = bool(told["stateful"])
        self.signatures: Mapping[str, Signature] = {
            name: Signature(tuple(inputs), tuple(outputs))
            for name, inputs, outputs in told["signatures"]
        }

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Make the child ready for these shapes, and arrays here that an invocation sends there."""
        if self._binding is None or shapes != self._shapes:
            self._binding, self._shapes = None, None
            self._running()
            self._ask(wire.to_json({"do": "bind", "shapes": shapes}))
            self._shapes = shapes
            memory = tuple(
                np.zeros(shape, object if spec.dtype == "str" or shape == ABSENT else spec.dtype)
                for spec, shape in zip(self.inputs, shapes, strict=True)
            )
            reads = tuple(partial(self._take, place) for place in range(len(self.outputs)))
            self._binding = Binding(memory, partial(self._invoke, memory), reads)
        return self._binding

    def loop(self, shapes: tuple[Shape, ...], feedback: Feedback) -> Loop:
        """States stay here, and travel with every call: they outlive the child."""
        return copying_loop(self.bind(shapes), feedback, self.inputs, self.outputs)

    def reset(self) -> None:
        """Forget what earlier calls left behind."""
        self._running()
        self._ask(b'{"do":"reset"}')
        self._binding = None

    def another(self) -> IsolatedSession:
        """A second child with the same file."""
        return IsolatedSession(
            self._engine,
            self._content,
            self._settings,
            name=self._name,
            timeout_s=self._timeout_s,
        )

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
        self._child = None
        self._binding = None

    def _invoke(self, memory: tuple[NDArray[Any], ...]) -> None:
        child = self._running()
        numbers = [array for array in memory if array.dtype.kind != "O"]
        texts = [wire.describe(array, []) for array in memory if array.dtype.kind == "O"]
        head = wire.to_json({"do": "invoke", "texts": texts}) if texts else b'{"do":"invoke"}'
        with self._exchange(child, self._timeout_s):
            wire.send(child.requests, head, numbers)
            answer, payload_bytes = wire.receive_head(child.answers)
            if answer != self._known[0]:
                results = self._read(answer)["results"]
                self._known = answer, results, wire.layouts(results)
            arrays = wire.receive_arrays(child.answers, self._known[2], payload_bytes)
            self._results = wire.build(self._known[1], iter(arrays))

    def _take(self, place: int) -> Any:
        return self._results[place]

    def _running(self) -> Child:
        """The child; another one, with the file opened and bound, when it is gone."""
        if self._child is None or not self._child.is_mine():
            self._start()
            if self._shapes is not None:
                self._ask(wire.to_json({"do": "bind", "shapes": self._shapes}))
        assert self._child is not None
        return self._child

    def _start(self) -> Any:
        self._child = Child(self._name, self._timeout_s)
        self._known = (b"", None, [])
        patience = None if self._timeout_s is None else self._timeout_s + _START_S
        return self._ask(self._open_head, (self._content,), patience)

    def _ask(
        self, head: bytes, payload: tuple[bytes, ...] = (), patience_s: float | None = None
    ) -> Any:
        child = self._child
        assert child is not None
        with self._exchange(child, patience_s or self._timeout_s):
            wire.send(child.requests, head, payload)
            return self._read(wire.receive_head(child.answers)[0])

    def _read(self, answer: bytes) -> Any:
        told = wire.from_json(answer)
        if "error" in told:
            known = getattr(errors, str(told["error"]), EngineError)
            kind = known if issubclass(known, errors.LittoralError) else EngineError
            raise kind(told["text"]) from (ModuleNotFoundError() if told["is_missing"] else None)
        return told

    @contextlib.contextmanager
    def _exchange(self, child: Child, patience_s: float | None) -> Iterator[None]:
        """One question and its answer; whatever comes in between ends the child."""
        child.expect(patience_s)
        try:
            yield
        except errors.LittoralError:
            raise
        except (EOFError, OSError) as error:
            self._bury(child, error)
        except (wire.Nonsense, KeyError, TypeError, ValueError, MemoryError, IndexError) as error:
            self.close()
            raise EngineCrashed(
                f"{self._name}: the process that ran {self._engine} answered nonsense and was "
                f"ended: {error}"
            ) from error
        except BaseException:
            self.close()  # Ctrl-C: the answer that is under way would be taken for the next one
            raise
        finally:
            child.expect(None)

    def _bury(self, child: Child, error: Exception) -> NoReturn:
        cause = child.cause_of_death()
        self._child = None
        raise EngineCrashed(
            f"{self._name}: the process that ran {self._engine} {cause}; the next call starts "
            "another"
        ) from error


def _open_head(engine: str, settings: Settings) -> bytes:
    told = {
        "threads": settings.threads,
        "options": dict(settings.options),
        "signature": settings.signature,
        "folder": settings.folder,
    }
    try:
        return wire.to_json({"do": "open", "engine": engine, "settings": told})
    except (TypeError, ValueError) as error:
        raise InputError(f"isolated=True takes options in plain values only: {error}") from error
