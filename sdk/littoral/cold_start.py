"""Cold start: a fresh process from its start to the first result, its load time and peak memory.

The fresh process is `littoral.first_result`; here is the one that starts it and holds the clock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import littoral
from littoral.engines import _options
from littoral.errors import EngineCrashed, EngineError

# The last argument is where this littoral lives: appended, so that it shadows nothing.
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from littoral.first_result import main; raise SystemExit(main())"
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
        model_memory_bytes: By how much the resident size grew with that further load and one run:
            what the model takes without Python and the engine's library; None likewise.
    """

    first_result_ns: int
    load_ns: int
    peak_memory_bytes: int | None
    model_memory_bytes: int | None


def cold_start(
    path: Path, engine: str = "auto", threads: int = 1, options: Mapping[str, Any] | None = None
) -> ColdStart:
    """Start a fresh Python, load the file, run it once, let the process end.

    Args:
        path: A model file.
        engine: Engine name or ``"auto"``.
        threads: Threads of one call.
        options: The engine's own options by name.

    Returns:
        What it took.

    Raises:
        EngineCrashed: The process died of a signal.
        EngineError: It ended with an error; the message is inside ours.
    """
    home = str(Path(littoral.__file__).parents[1])
    pairs = _options.unparse(options or {})
    command = [sys.executable, "-c", _PROGRAM, str(path), engine, str(threads), *pairs, home]
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
    return ColdStart(first_result_ns, **facts)


def _failure(path: Path, code: int, complaints: str) -> EngineError:
    if code < 0:
        name = signal.Signals(-code).name
        return EngineCrashed(f"{path}: the process that loaded it in a fresh Python died: {name}")
    last = (complaints.strip().splitlines() or ["no message"])[-1]
    return EngineError(f"{path} failed in a fresh Python process: {last}")
