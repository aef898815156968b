"""load(path) -> Model: the file's bytes checked, an engine chosen, its memory reserved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from littoral import engines, formats, integrity, plugins, source
from littoral.errors import EngineError, FormatError, InputError, IntegrityError
from littoral.model import Model

if TYPE_CHECKING:
    from littoral.keys import PublicKey, Trust


def load(
    path: source.Source,
    *,
    engine: str = "auto",
    threads: int = 1,
    verify: bool | Literal["auto"] = "auto",
    trust: Trust | None = None,
    max_bytes: int | None = source.MAX_BYTES,
) -> Model:
    """Load a model file. Nothing in it is executed but its operators, by the engine.

    Args:
        path: Path, bytes or binary file object of a ``.tflite`` or ``.onnx`` file; the format is
            taken from the bytes, not from the name.
        engine: An engine's name, or ``"auto"`` for the first installed one that runs the format.
        threads: Threads that one call may use.
        verify: ``"auto"`` checks the digest of a file that has one, True demands one, False skips.
        trust: One public key or several: a path, PEM, base64 text or 32 raw bytes each. The file
            must be signed by one of them (`littoral sign`); `Model.signed_by` says by which.
        max_bytes: The largest file to accept, 2 GiB unless told otherwise; None for no limit.

    Returns:
        The model.

    Raises:
        InputError: No such file, a folder, or an argument that makes no sense.
        FormatError: Not a model that the engine can execute, or larger than `max_bytes`.
        IntegrityError: The file's bytes are not the ones that were written, or `trust` is given and
            none of its keys has signed them.
        EngineNotInstalled: No installed engine runs the format; the message names the extra.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise InputError(f"threads is {threads!r}: expected a whole number of at least 1")
    if verify not in (True, False, "auto"):
        raise InputError(f"verify is {verify!r}: choose from 'auto', True, False")
    if trust is not None and not verify:
        raise InputError("trust demands a check and verify=False forbids it: leave out one of them")
    trusted = () if trust is None else _read_trust(trust)
    name, content = source.read(path, max_bytes)
    with source.explained(name):
        return _load(name, content, engine, threads, verify, trusted)


def _read_trust(trust: Trust) -> Sequence[PublicKey]:
    from littoral.keys import read_trust  # here, so that only who trusts pays for it

    return read_trust(trust)


def _load(
    name: str,
    content: bytes,
    engine: str,
    threads: int,
    verify: bool | Literal["auto"],
    trusted: Sequence[PublicKey],
) -> Model:
    format = formats.sniff(content)
    if format == "keras":
        raise FormatError("a Keras file is what `littoral convert` starts from; load its result")
    signed_by = integrity.check_signature(content, trusted) if trusted else None
    if signed_by is None and verify and integrity.check(content) is None and verify is True:
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
        signed_by=signed_by,
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
