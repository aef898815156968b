"""Opening an engine for real, in a process of its own, so that its crash is an answer."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import littoral
from littoral import engines, plugins
from littoral.errors import LittoralError

_TIMEOUT_S = 120.0

_MODELS = {
    "tflite": (
        b"c-m!9y9xp^5S(ZV;es5J!XiaFTS33U%F@!p11&7n;to9j*3YmqPLe$gnlNlKk6jW6V7J+>fEgU-u&7}$A*;!NOok"
        b"_xgjK*8d8y<AUhfbLYva39+bvpuyI%+0Cg-&1ta;14Blg6BI7+WebN<W58ncyT>pZ?Pa_&P2N-`sSmns0!)-vbGO"
        b"njvg{UQ3$!^kg0cl4Cr{>Q6C*J%SEg>Dzv"
    ),
    "onnx": b"c-rG&7h<ro<>KRFtN<b*#!4k-$CMNy#`Gv*5TB2Whl5dwgNuoS5r~<RfP$6if=(=43<A6WMJxwN",
}
"""The smallest file of each format: one Add of x [1, 2] to itself. Zlib, base 85."""

# The last argument is where this littoral lives: appended, so that it shadows nothing.
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from littoral.engines._trial import main; raise SystemExit(main())"
)


@dataclass(frozen=True)
class Trial:
    """What opening an engine showed.

    Attributes:
        engine: The engine's name.
        version: Library and version, None when not installed.
        runs: True when it ran a model and the result was right.
        reason: Why it does not run, empty when it does.
        first_result_ms: From the library's import to the first result, None when there was none.
        providers: What it can compute on here, empty when it does not run.
    """

    engine: str
    version: str | None
    runs: bool
    reason: str
    first_result_ms: float | None
    providers: tuple[str, ...] = ()


def attempt(engine: str) -> Trial:
    """Open an engine's library in a child process and let it add two numbers.

    Args:
        engine: The engine's name.

    Returns:
        What happened; nothing is raised for an engine that fails.
    """
    version = plugins.load(engines, engine).version()
    home = str(Path(littoral.__file__).parents[1])
    command = [sys.executable, "-c", _PROGRAM, engine, home]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Trial(engine, version, False, f"no answer after {_TIMEOUT_S:.0f} s", None)
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        return Trial(engine, version, False, f"the library crashes ({name}) when it is used", None)
    try:
        answer = json.loads(child.stdout.splitlines()[-1])
        return Trial(engine, version, **answer)
    except (ValueError, IndexError, TypeError):
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        return Trial(engine, version, False, f"exit code {child.returncode}: {last}", None)


def main() -> int:
    """The child: load and run the smallest model, answer on stdout as JSON."""
    name = sys.argv[1]
    module = plugins.load(engines, name)
    content = zlib.decompress(base64.b85decode(_MODELS[module.FORMATS[0]]))
    started = time.perf_counter()
    try:
        result = littoral.load(content, engine=name).run([[1.0, 2.0]])
    except LittoralError as error:
        answer = {"runs": False, "reason": str(error).removeprefix("<bytes>: ")}
        print(json.dumps({**answer, "first_result_ms": None}))
        return 0
    took = (time.perf_counter() - started) * 1e3
    right = getattr(result, "tolist", list)() == [[2.0, 4.0]]
    reason = "" if right else f"1 + 1 and 2 + 2 came out as {result}"
    providers = module.providers() if right else ()
    answer = {"runs": right, "reason": reason, "providers": providers}
    print(json.dumps({**answer, "first_result_ms": round(took, 1)}))
    return 0
