"""Native converters in a process of their own: a crash becomes an error, never a dead process.

One worker is started at the first call and kept warm. It is a plain Python process that imports
this module and answers calls over its standard streams; it is replaced after a crash, after a fork
of the caller, and after `CALLS_PER_WORKER` calls, so that what native code leaks is given back.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from littoral.errors import ConversionError, LittoralError

CALLS_PER_WORKER = 500
_Result = TypeVar("_Result")


@dataclass
class _Worker:
    """A running worker: its process, what it printed, who started it, calls it may still take."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    owner: int
    calls_left: int

    def is_usable(self) -> bool:
        return self.owner == os.getpid() and self.calls_left > 0 and self.process.poll() is None


_current: _Worker | None = None


def isolated(function: Callable[..., _Result], *arguments: Any, doing: str) -> _Result:
    """Call a function in the worker process.

    Args:
        function: A module-level function of an importable module.
        *arguments: Its arguments; they and the result are pickled.
        doing: What is being done, for the message after a crash, for example
            ``"writing cnn as tflite"``.

    Returns:
        What the function returns.

    Raises:
        ConversionError: The worker died, or the function raised something unforeseen.
        LittoralError: The function raised it.
    """
    worker = _worker()
    request = (function.__module__, function.__qualname__, arguments)
    worker.calls_left -= 1
    try:
        _send(worker.process.stdin, request)
        outcome, value = _receive(worker.process.stdout)
    except (EOFError, BrokenPipeError) as error:
        raise ConversionError(_obituary(worker, doing)) from error
    except BaseException:
        stop()
        raise
    if outcome == "raised":
        raise value
    result: _Result = value
    return result


def warm() -> None:
    """Start the worker now, so that its imports overlap with what the caller does next."""
    _worker()


def stop() -> None:
    """End the worker, if there is one. The next call starts another."""
    global _current
    worker, _current = _current, None
    if worker is None or worker.owner != os.getpid():
        return
    worker.process.kill()
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout, worker.log):
        if stream is not None:
            stream.close()


def _worker() -> _Worker:
    global _current
    if _current is None or not _current.is_usable():
        stop()
        _current = _start()
    return _current


def _start() -> _Worker:
    if importlib.util.find_spec("tensorflow") is None:
        raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
    log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
    )
    atexit.register(stop)
    return _Worker(process, log, os.getpid(), CALLS_PER_WORKER)


def serve() -> None:
    """The worker's life: answer calls until the caller closes the pipe."""
    # Ctrl-C reaches the whole process group: the worker just ends, the caller says so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    requests = sys.stdin.buffer
    # What native code prints to descriptor 1 must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    importlib.import_module("tensorflow")
    while True:
        try:
            module, name, arguments = _receive(requests)
        except EOFError:
            return
        _send(answers, _answer(module, name, arguments))


def _answer(module: str, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "returned", getattr(importlib.import_module(module), name)(*arguments)
    except LittoralError as error:
        return "raised", type(error)(str(error))
    except Exception as error:
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0][:300]
        return "raised", ConversionError(f"{name} failed: {type(error).__name__}: {first}")


def _send(stream: IO[bytes] | None, value: Any) -> None:
    assert stream is not None
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _receive(stream: IO[bytes] | None) -> Any:
    assert stream is not None
    return pickle.load(stream)


def _obituary(worker: _Worker, doing: str) -> str:
    """What killed the worker, for a person."""
    code = worker.process.wait()
    cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    worker.log.seek(0)
    last = worker.log.read().decode(errors="replace").strip().splitlines()[-1:]
    stop()
    words = f"; its last words: {last[0][:200]}" if last else ""
    return (
        f"the native converter died ({cause}) while {doing}{words}; "
        "try another scheme, format or lowering for this model"
    )
