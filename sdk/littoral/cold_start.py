"""Cold start: a fresh process from its start to the first result, its load time and peak memory.

Run as a program it is the fresh process: it imports littoral, numpy and one engine, and answers on
stdout. The input is zeros, because making random ones would load more of numpy than a user does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import littoral
from littoral.errors import EngineCrashed, EngineError, LittoralError

# The last argument is where this littoral lives: appended, so that it shadows nothing.
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from littoral.cold_start import main; raise SystemExit(main())"
)


@dataclass(frozen=True)
class ColdStart:
    """One fresh process.

    Attributes:
        first_result_ns: From before the process was made until its first result was there. The
            file is in the page cache.
        load_ns: One more load of the same file in that process, the engine being imported.
        peak_memory_bytes: The process's largest resident size up to the first result; None where
            the system does not say.
    """

    first_result_ns: int
    load_ns: int
    peak_memory_bytes: int | None


def cold_start(path: Path, engine: str = "auto", threads: int = 1) -> ColdStart:
    """Start a fresh Python, load the file, run it once, let the process end.

    Args:
        path: A model file.
        engine: Engine name or ``"auto"``.
        threads: Threads of one call.

    Returns:
        What it took.

    Raises:
        EngineCrashed: The process died of a signal.
        EngineError: It ended with an error; the message is inside ours.
    """
    home = str(Path(littoral.__file__).parents[1])
    command = [sys.executable, "-c", _PROGRAM, str(path), engine, str(threads), home]
    pipe = subprocess.PIPE
    # Safe path: a numpy.py in the working directory is not the numpy that is meant.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    started = time.perf_counter_ns()
    with subprocess.Popen(
        command,
        bufsize=0,  # a buffered read of one byte would take the facts behind it along
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=environment,
    ) as process:
        assert process.stdout is not None
        answered = process.stdout.read(1)
        first_result_ns = time.perf_counter_ns() - started
        rest, complaints = process.communicate()
    if process.returncode != 0 or not answered:
        raise _failure(path, process.returncode, complaints.decode(errors="replace"))
    facts = json.loads(rest)
    return ColdStart(first_result_ns, facts["load_ns"], facts["peak_memory_bytes"])


def main() -> int:
    """Be the fresh process: arguments are file, engine, threads. Returns the exit code."""
    path, engine, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        _answer(path, engine, threads)
    except LittoralError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def peak_memory_bytes(status: Path = Path("/proc/self/status")) -> int | None:
    """This process's largest resident size so far.

    On Linux from VmHWM: the ru_maxrss of a child also counts the parent that it was forked from
    (the kernel carries it across exec), which for a parent with TensorFlow is 500 MB too much.

    Args:
        status: The kernel's page about this process.

    Returns:
        Bytes, or None where the system does not say.
    """
    if sys.platform == "linux":
        return _high_water_mark(status)
    try:
        import resource
    except ModuleNotFoundError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _high_water_mark(status: Path) -> int | None:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    sizes = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return next((int(kibibytes) * 1024 for kibibytes in sizes), None)


def _answer(path: str, engine: str, threads: int) -> None:
    # What the engine may print goes to stderr; only the answer leaves through stdout.
    answer = os.dup(1)
    os.dup2(2, 1)
    from littoral.samples import zeros

    model = littoral.load(path, engine=engine, threads=threads)
    model.run(zeros(model.inputs))
    # One byte is the first result's sign; the parent stops its clock when it arrives.
    os.write(answer, b"!")
    peak = peak_memory_bytes()
    started = time.perf_counter_ns()
    littoral.load(path, engine=engine, threads=threads).close()
    load_ns = time.perf_counter_ns() - started
    facts = {"load_ns": load_ns, "peak_memory_bytes": peak}
    os.write(answer, json.dumps(facts).encode())


def _failure(path: Path, code: int, complaints: str) -> EngineError:
    if code < 0:
        name = signal.Signals(-code).name
        return EngineCrashed(f"{path}: the process that loaded it in a fresh Python died: {name}")
    last = (complaints.strip().splitlines() or ["no message"])[-1]
    return EngineError(f"{path} failed in a fresh Python process: {last}")
