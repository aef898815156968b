"""The fresh process of a cold start: load a file, run it once, answer on stdout.

It imports what a user's program imports and nothing else: littoral, numpy, one engine. The input
is zeros, because making random ones would load more of numpy than a user does.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import littoral
from littoral.errors import LittoralError


def main() -> int:
    """Be the fresh process: arguments are file, engine, threads, options. Returns the exit code."""
    path, engine, threads, pairs = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    try:
        _answer(path, engine, threads, dict(pair.split("=", 1) for pair in pairs))
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


def resident_bytes(statm: Path = Path("/proc/self/statm")) -> int | None:
    """This process's resident size now.

    Args:
        statm: The kernel's page about this process.

    Returns:
        Bytes, or None where the system does not say.
    """
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


def _high_water_mark(status: Path) -> int | None:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    sizes = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return next((int(kibibytes) * 1024 for kibibytes in sizes), None)


def _return_free_memory() -> None:
    """Hand what the C library keeps for later back to the system, where it can (glibc).

    A model that is laid into such memory would not make the process grow.
    """
    import ctypes

    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _answer(path: str, engine: str, threads: int, options: dict[str, str]) -> None:
    # What the engine may print goes to stderr; only the answer leaves through stdout.
    answer = os.dup(1)
    os.dup2(2, 1)
    from littoral.samples import zeros

    model = littoral.load(path, engine=engine, threads=threads, options=options)
    model.run(zeros(model.inputs))
    # One byte is the first result's sign; the parent stops its clock when it arrives.
    os.write(answer, b"!")
    peak = peak_memory_bytes()
    _return_free_memory()
    before = resident_bytes()
    started = time.perf_counter_ns()
    # The first one stays open: what it holds cannot be taken for this one's.
    another = littoral.load(path, engine=engine, threads=threads, options=options)
    load_ns = time.perf_counter_ns() - started
    another.run(zeros(another.inputs))
    after = resident_bytes()
    grown = None if before is None or after is None else max(0, after - before)
    facts = {"load_ns": load_ns, "peak_memory_bytes": peak, "model_memory_bytes": grown}
    os.write(answer, json.dumps(facts).encode())
