"""Native converters in a process of their own: a crash becomes an error, never a dead process.

One worker is started at the first call and kept warm. It is a plain Python process that imports
this module and answers calls over its standard streams; it is replaced after a crash, after a fork
of the caller, and once its memory has grown by `MOST_GROWTH_BYTES`, so that what native code leaks
is given back. Tiny conversions leak some 0.2 MB each, so counting them would stop for breath every
few minutes for nothing, and a large model leaves more behind than thousands of tiny ones.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from littoral.engines._native import as_if_absent
from littoral.errors import ConversionError, LittoralError

from littoral_converters.isolation import memory

MOST_GROWTH_BYTES = 512 << 20
"""What a worker may take beyond its size after the first call."""

CALLS_PER_WORKER = 500
"""Calls that a worker may take where the system does not tell its memory."""

_MARK = b"\x1e"
"""Begins a line of the log that says which layer is entered; alone on it, that one is left."""

_Result = TypeVar("_Result")


class WorkerDied(ConversionError):
    """The worker process died: whatever it was doing would kill the caller too."""


@dataclass
class _Worker:
    """A running worker: its process, what it printed, who started it, what it has taken."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    owner: int
    calls: int = 0
    first_bytes: int | None = None
    bytes: int | None = None

    def is_usable(self) -> bool:
        return self.owner == os.getpid() and not self.is_spent() and self.process.poll() is None

    def is_spent(self) -> bool:
        if self.bytes is None or self.first_bytes is None:
            return self.calls >= CALLS_PER_WORKER
        return self.bytes - self.first_bytes > MOST_GROWTH_BYTES

    def note(self, resident_bytes: int | None) -> None:
        """Remember what the worker says of its memory after a call."""
        self.calls += 1
        self.bytes = resident_bytes
        if self.first_bytes is None:
            self.first_bytes = resident_bytes


_current: _Worker | None = None
_lock = threading.RLock()
"""The worker answers one call at a time."""

_is_worker = False


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
        WorkerDied: The worker died.
        ConversionError: The function raised something unforeseen.
        LittoralError: The function raised it.
    """
    request = (function.__module__, function.__qualname__, arguments)
    with _lock:
        worker = _worker()
        # The worker writes on from wherever the file that it shares with us stands.
        worker.log.seek(0)
        worker.log.truncate()
        try:
            _send(worker.process.stdin, request)
            outcome, value, resident_bytes = _receive(worker.process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise WorkerDied(_obituary(worker, doing)) from error
        except BaseException:
            stop()
            raise
        worker.note(resident_bytes)
    if outcome == "raised":
        raise value
    result: _Result = value
    return result


def is_worker() -> bool:
    """Whether this process is a worker."""
    return _is_worker


def entering(layer: str) -> None:
    """Note in the worker's log which layer is at work, for the message after a crash."""
    os.write(2, _MARK + layer.encode(errors="replace") + b"\n")


def leaving() -> None:
    """Note in the worker's log that the layer entered last is done."""
    os.write(2, _MARK + b"\n")


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
    # TensorFlow itself takes oneDNN on newer CPUs alone, and on others Keras cannot compute a
    # dilated transposed convolution, nor one with the channels first.
    environment = {"TF_ENABLE_ONEDNN_OPTS": "1", **os.environ}
    environment |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
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
    return _Worker(process, log, os.getpid())


def serve() -> None:
    """The worker's life: answer calls until the caller closes the pipe."""
    global _is_worker
    _is_worker = True
    # Ctrl-C reaches the whole process group: the worker just ends, the caller says so. A caller
    # that ignores it, as a script's job in the background does, has a worker that does too.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    requests = sys.stdin.buffer
    # What native code prints to descriptor 1 must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # For what is not used here, TensorFlow imports jax, and Keras sklearn: 1.4 s of 5.2 together.
    with as_if_absent("jax", "sklearn"):
        importlib.import_module("tensorflow")
    memory.give_back()
    while True:
        try:
            module, name, arguments = _receive(requests)
        except EOFError:
            return
        outcome, value = _answer(module, name, arguments)
        _send(answers, (outcome, value, memory.give_back()))
        # Else this call's data would be kept in memory until the next one's has arrived.
        del arguments, value


def _end_with_the_caller() -> None:
    """End this process, whatever it is at, once nobody is left to hear the answer."""
    if hasattr(select, "poll"):
        calls = select.poll()
        calls.register(0, 0)  # no event but the one that always counts: hung up
        calls.poll()
        os._exit(0)


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
    if code == -signal.SIGKILL:
        cause += ", as the system does when memory runs out"
    worker.log.seek(0)
    lines = worker.log.read().splitlines()
    stop()
    printed = [line for line in lines if line.strip() and not line.startswith(_MARK)]
    last = printed[-1].decode(errors="replace").strip()[:200] if printed else ""
    words = f"; its last words: {last}" if last else ""
    layer = _layer_at_work(lines)
    return (
        f"the native converter died ({cause}) while {doing}"
        f"{f', in layer {layer}' if layer else ''}{words}; "
        f"try another {'layer, ' if layer else ''}scheme, format or lowering for this model"
    )


def _layer_at_work(lines: list[bytes]) -> str:
    """The innermost layer that was entered and not left; empty for none."""
    entered: list[bytes] = []
    for line in lines:
        if line == _MARK:
            del entered[-1:]
        elif line.startswith(_MARK):
            entered.append(line[1:])
    return entered[-1].decode(errors="replace") if entered else ""
