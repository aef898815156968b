"""The process that may die: it opens one file in one engine and answers until the pipe closes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from littoral import engines, plugins
from littoral.engines import Binding, Session, Settings
from littoral.engines._native import reason
from littoral.errors import EngineError, LittoralError
from littoral.isolation import wire

_LOOK_AFTER_S = 1.0


class _Server:
    """The session, and what it is bound to."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self.requests, self.answers = requests, answers
        self.session: Session | None = None
        self.binding: Binding | None = None
        self.shown: tuple[Any, bytes] = (None, b"")

    def serve(self) -> None:
        """Answer until the caller is gone."""
        while True:
            try:
                head, payload_bytes = wire.receive_head(self.requests)
                request = wire.from_json(head)
                value, arrays = self._answer(request, payload_bytes)
            except EOFError:
                return
            except Exception as error:
                value, arrays = _refusal(error), []
            wire.send(self.answers, value, arrays)

    def _answer(
        self, request: dict[str, Any], payload_bytes: int
    ) -> tuple[bytes, list[NDArray[Any]]]:
        if request["do"] == "open":
            return self._open(request, wire.receive_bytes(self.requests, payload_bytes)), []
        assert self.session is not None
        if request["do"] == "bind":
            shapes = tuple(tuple(shape) for shape in request["shapes"])
            self.binding = self.session.bind(shapes)
            return b"{}", []
        if request["do"] == "reset":
            self.session.reset()
            return b"{}", []
        return self._invoke(request)

    def _open(self, request: dict[str, Any], content: bytes) -> bytes:
        engine = plugins.load(engines, request["engine"])
        session = engine.open_session(content, Settings(**request["settings"]))
        self.session = session
        return wire.to_json(
            {
                "inputs": [wire.spec_to_json(spec) for spec in session.inputs],
                "outputs": [wire.spec_to_json(spec) for spec in session.outputs],
                "stateful": session.stateful,
                "signatures": [
                    (name, signature.inputs, signature.outputs)
                    for name, signature in session.signatures.items()
                ],
            }
        )

    def _invoke(self, request: dict[str, Any]) -> tuple[bytes, list[NDArray[Any]]]:
        binding = self.binding
        assert binding is not None
        # All that was sent is read before anything can fail, so that the next message is found.
        for memory in binding.inputs:
            if memory.dtype.kind != "O":
                self._fill(memory)
        texts = iter(request.get("texts", ()))
        for memory in binding.inputs:
            if memory.dtype.kind == "O":
                memory[...] = wire.build(next(texts), iter(()))
        binding.invoke()
        arrays: list[NDArray[Any]] = []
        results = wire.describe([read() for read in binding.read], arrays)
        if results != self.shown[0]:
            self.shown = results, wire.to_json({"results": results})
        return self.shown[1], arrays

    def _fill(self, memory: NDArray[Any]) -> None:
        if memory.flags.c_contiguous:
            wire.receive_into(self.requests, memory)
        else:
            whole = np.empty(memory.shape, memory.dtype)
            wire.receive_into(self.requests, whole)
            memory[...] = whole


def _refusal(error: Exception) -> bytes:
    is_ours = isinstance(error, LittoralError)
    return wire.to_json(
        {
            "error": type(error).__name__ if is_ours else EngineError.__name__,
            "text": str(error) if is_ours else reason(error),
            "is_missing": isinstance(error.__cause__, ModuleNotFoundError),
        }
    )


def _end_with(parent: int) -> NoReturn:
    """End when the caller is gone, also while the engine is at work and no request is awaited."""
    while True:
        time.sleep(_LOOK_AFTER_S)
        if os.getppid() != parent:
            os._exit(0)


def main() -> None:
    """Serve over the standard streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to handle
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    requests = sys.stdin.buffer
    # What native code prints to descriptor 1 must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _Server(requests, answers).serve()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
