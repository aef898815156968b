"""load(path) -> Model: the file's bytes checked, an engine chosen, its memory reserved."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Literal

from littoral import engines, formats, integrity, plugins, source
from littoral.errors import EngineError, FormatError, InputError, IntegrityError
from littoral.model import Model


def load(
    path: source.Source,
    *,
    engine: str = "auto",
    threads: int = 1,
    verify: bool | Literal["auto"] = "auto",
    trust: object = None,
) -> Model:
    """Load a model file.

    Args:
        path: Path, bytes or binary file object of a ``.tflite`` or ``.onnx`` file; the format is
            taken from the bytes, not from the name.
        engine: An engine's name, or ``"auto"`` for the first installed one that runs the format.
        threads: Threads that one call may use.
        verify: ``"auto"`` checks the digest of a file that has one, True demands one, False skips.
        trust: Reserved for public keys; signatures cannot be checked yet, so only None is accepted.

    Returns:
        The model.

    Raises:
        InputError: No such file, a folder, or an argument that makes no sense.
        FormatError: Not a model that the engine can execute.
        IntegrityError: The file's bytes are not the ones that were written.
        EngineNotInstalled: No installed engine runs the format; the message names the extra.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError(f"threads is {threads!r}: expected a whole number of at least 1")
    if verify not in (True, False, "auto"):
        raise InputError(f"verify is {verify!r}: choose from 'auto', True, False")
    if trust is not None:
        raise InputError("trust: this version checks digests, not signatures; leave it out")
    name, content = source.read(path)
    with source.explained(name):
        return _load(name, content, engine, threads, verify)


def _load(
    name: str, content: bytes, engine: str, threads: int, verify: bool | Literal["auto"]
) -> Model:
    format = formats.sniff(content)
    if format == "keras":
        raise FormatError("a Keras file is what `littoral convert` starts from; load its result")
    if verify and integrity.check(content) is None and verify is True:
        raise IntegrityError("the file carries no digest, and verify=True demands one")
    card = integrity.read_card(content)
    chosen, module = _choose(engine, format)
    session = module.open_session(content, threads)
    model = Model(
        session,
        name=name.replace("\\", "/").rpartition("/")[2],
        card=card,
        engine=chosen,
        format=format,
        size=len(content),
    )
    try:
        model.allocate()
    except EngineError as error:
        model.close()
        raise FormatError(str(error)) from error
    return model


def _choose(engine: str, format: str) -> tuple[str, ModuleType]:
    if engine != "auto":
        module = plugins.load(sys.modules["littoral.engines"], engine)
        if format not in module.FORMATS:
            raise InputError(
                f"engine {engine} runs {', '.join(module.FORMATS)} files, and this is {format}"
            )
        return engine, module
    every = ((name, plugins.load(engines, name)) for name in engines.usual())
    candidates = [(name, module) for name, module in every if format in module.FORMATS]
    if len(candidates) == 1:  # asking for the version costs more than loading a small model
        return candidates[0]
    installed = [(name, module) for name, module in candidates if module.version() is not None]
    return (installed or candidates)[0]
