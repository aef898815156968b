"""What littoral itself is asked to do on a board: measure, compute outputs, try engines.

`littoral.targets._agent` starts this in a folder with the files and an ``errand.json``; the answer
is left in a file named ``answer``. It is the same `littoral.targets.local` that measures here.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from littoral import environment
from littoral.errors import LittoralError
from littoral.targets import Options, local
from littoral.targets._cargo import DATA


def main() -> int:
    """Do what ``errand.json`` says, and leave the answer or the error. Returns the exit code."""
    errand = json.loads(Path("errand.json").read_text())
    try:
        answer = _ERRANDS[errand.pop("name")](**errand)
    except LittoralError as error:
        answer = json.dumps({"error": type(error).__name__, "message": str(error)}).encode()
    Path("answer").write_bytes(answer)
    return 0


def options_to_json(options: Options) -> dict[str, Any]:
    """Options as an errand carries them."""
    return {**asdict(options), "data": None if options.data is None else DATA}


def _measure(files: list[str], options: dict[str, Any]) -> bytes:
    measured = local.Local().measure(list(map(Path, files)), _options(options), _tell)
    return json.dumps(
        {
            "measurements": [one.to_dict() for one in measured],
            "rounds": [[list(map(int, part)) for part in one.rounds] for one in measured],
            "environment": measured[0].environment,
        }
    ).encode()


def _outputs(files: list[str], options: dict[str, Any]) -> bytes:
    import numpy as np

    found = local.Local().outputs(list(map(Path, files)), _options(options), _tell)
    named = {f"{index}/{name}": a for index, one in enumerate(found) for name, a in one.items()}
    stream = io.BytesIO()
    np.savez(stream, **named)  # type: ignore[arg-type]
    return stream.getvalue()


def _options(fields: dict[str, Any]) -> Options:
    data = fields.pop("data")
    return Options(**fields, data=None if data is None else Path(data))


def _environment() -> bytes:
    return json.dumps(environment.describe()).encode()


def _engines(formats: list[str]) -> bytes:
    from littoral import engines, plugins
    from littoral.engines._trial import attempt

    _tell("trying the engines")
    trials = [
        {**asdict(attempt(name)), "formats": list(plugins.load(engines, name).FORMATS)}
        for name in plugins.names(engines)
        if set(plugins.load(engines, name).FORMATS) & set(formats)
    ]
    return json.dumps({"trials": trials}).encode()


def _tell(what: str) -> None:
    print(f"> {what}", file=sys.stderr, flush=True)


_ERRANDS: dict[str, Callable[..., bytes]] = {
    "measure": _measure,
    "outputs": _outputs,
    "environment": _environment,
    "engines": _engines,
}
