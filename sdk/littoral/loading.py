"""load(path) -> Model: the file's bytes checked, an engine chosen, its memory reserved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from littoral import engines, formats, integrity, plugins, source
from littoral.arguments import check_whole
from littoral.engines import Session, Settings
from littoral.errors import (
    EngineCrashed,
    EngineError,
    EngineNotInstalled,
    FormatError,
    InputError,
    IntegrityError,
)
from littoral.model import Model

if TYPE_CHECKING:
    from littoral.keys import PublicKey, Trust

Opener: TypeAlias = Callable[[str, bytes, Settings], Session]
"""From an engine's name, a file and the settings to a session."""


def load(
    path: source.Source,
    *,
    engine: str = "auto",
    threads: int = 1,
    options: Mapping[str, Any] | None = None,
    signature: str | None = None,
    verify: bool | Literal["auto"] = "auto",
    trust: Trust | None = None,
    max_bytes: int | None = source.MAX_BYTES,
    isolated: bool = False,
    timeout_s: float | None = None,
) -> Model:
    """Load a model file. Nothing in it is executed but its operators, by the engine.

    Args:
        path: Path, bytes or binary file object of a ``.tflite`` or ``.onnx`` file; the format is
            taken from the bytes, not from the name.
        engine: An engine's name, or ``"auto"`` for the first installed one that runs the format.
        threads: Threads that one call may use.
        options: The engine's own options by name, for example ``{"xnnpack": False}`` or
            ``{"providers": "CUDA,CPU", "CUDA.device_id": 1}``; `littoral doctor` lists them.
        signature: Which of the functions in a .tflite file to run, by the names in
            `Model.signatures`; None for the usual one.
        verify: ``"auto"`` checks the digest of a file that has one, True demands one, False skips.
        trust: One public key or several: a path, PEM, base64 text or 32 raw bytes each. The file
            must be signed by one of them (`littoral sign`); `Model.signed_by` says by which.
        max_bytes: The largest file to accept, 2 GiB unless told otherwise; None for no limit.
        isolated: True runs the engine in a process of its own. Where that dies of the file or of
            the data, the call raises `EngineCrashed` and the next call starts another.
        timeout_s: With `isolated`, seconds that a call may take before the process is ended and
            `EngineCrashed` raised; None for any time. Opening the file may take a minute more.

    Returns:
        The model.

    Raises:
        InputError: No such file, a folder, an argument that makes no sense, an option or a
            signature that there is not.
        FormatError: Not a model that the engine can execute, or larger than `max_bytes`.
        IntegrityError: The file's bytes are not the ones that were written, or `trust` is given and
            none of its keys has signed them.
        EngineNotInstalled: No installed engine runs the format; the message names the extra.
        EngineCrashed: With `isolated`, the engine died of the file.
    """
    if timeout_s is not None and not (isolated and timeout_s > 0):
        raise InputError(f"timeout_s is {timeout_s!r}: it is above 0 and needs isolated=True")
    check_whole("threads", threads)
    if verify not in (True, False, "auto"):
        raise InputError(f"verify is {verify!r}: choose from 'auto', True, False")
    if trust is not None and not verify:
        raise InputError("trust demands a check and verify=False forbids it: leave out one of them")
    trusted = () if trust is None else _read_trust(trust)
    name, content = source.read(path, max_bytes)
    # A signature does not cover other files, so where one is asked for there is no folder.
    folder = None if trusted else source.folder(path)
    settings = Settings(threads, options or {}, signature, folder)
    with source.explained(name):
        return _load(
            name, content, engine, settings, verify, trusted, _opener(isolated, name, timeout_s)
        )


def _read_trust(trust: Trust) -> Sequence[PublicKey]:
    from littoral.keys import read_trust  # here, so that only who trusts pays for it

    return read_trust(trust)


def _load(
    name: str,
    content: bytes,
    engine: str,
    settings: Settings,
    verify: bool | Literal["auto"],
    trusted: Sequence[PublicKey],
    opener: Opener,
) -> Model:
    format = formats.sniff(content)
    if format == "keras":
        raise FormatError("a Keras file is what `littoral convert` starts from; load its result")
    signed_by = integrity.check_signature(content, trusted) if trusted else None
    digest = signed_by if signed_by is not None else _check(format, content, verify)
    card = integrity.card_reader(content)
    if digest is None:
        card()  # nothing vouches for it: it may be damaged
    chosen, session = _open(engine, format, content, settings, opener)
    if not session.outputs:
        session.close()
        raise FormatError("the model has no outputs")
    model = Model(
        session,
        name=name.replace("\\", "/").rpartition("/")[2],
        card=card,
        engine=chosen,
        format=format,
        size=len(content),
        signed_by=signed_by,
        survives_fork=opener is not _open_here or (settings.threads == 1 and not settings.options),
    )
    try:
        model.allocate()
    except EngineError as error:
        model.close()
        if isinstance(error, EngineCrashed):
            raise
        raise FormatError(str(error)) from error
    return model


def _check(format: str, content: bytes, verify: bool | Literal["auto"]) -> str | None:
    """Check the digest, or what the parts of a file without one say of each other."""
    digest = integrity.check(content) if verify else None
    if digest is None and verify is True:
        raise IntegrityError("the file carries no digest, and verify=True demands one")
    if digest is None:
        formats.module(format).check_structure(content)
    return digest


def _opener(isolated: bool, name: str, timeout_s: float | None) -> Opener:
    """What opens a session: the engine's own function, or a process of its own for the engine."""
    if isolated:
        from littoral.isolation import IsolatedSession

        return partial(IsolatedSession, name=name, timeout_s=timeout_s)
    return _open_here


def _open_here(engine: str, content: bytes, settings: Settings) -> Session:
    session: Session = plugins.load(engines, engine).open_session(content, settings)
    return session


def _open(
    engine: str, format: str, content: bytes, settings: Settings, opener: Opener
) -> tuple[str, Session]:
    """The session, and the name of the engine that it is in.

    Of several engines the first that loads is taken: one that is missing says so at once, and
    asking beforehand costs more than loading a small model.
    """
    refusals: list[EngineNotInstalled] = []
    for name in _candidates(engine, format):
        try:
            return name, opener(name, content, settings)
        except UnicodeDecodeError as error:  # what the engines' Python sides make of a name
            raise FormatError("a name in the file is not UTF-8: the file is damaged") from error
        except EngineNotInstalled as error:
            refusals.append(error)
    missing = [
        refusal for refusal in refusals if isinstance(refusal.__cause__, ModuleNotFoundError)
    ]
    broken = [refusal for refusal in refusals if refusal not in missing]
    if len(broken) > 1:
        raise EngineNotInstalled("; ".join(map(str, broken))) from broken[0]
    raise (broken or missing)[0]


def _candidates(engine: str, format: str) -> Iterator[str]:
    if engine == "auto":
        for name in plugins.names(engines):
            if format in plugins.load(engines, name).FORMATS:
                yield name
        return
    module = plugins.load(engines, engine)
    if format not in module.FORMATS:
        raise InputError(
            f"engine {engine} runs {', '.join(module.FORMATS)} files, and this is {format}"
        )
    yield engine
