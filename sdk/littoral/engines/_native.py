"""The native libraries: importing them, and what they say, kept from stderr and shortened."""

from __future__ import annotations

import _thread
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Iterator
from typing import IO, Any

_LONGEST_REASON = 240
_CHATTER = r"(INFO|WARNING): |[IW]\d{4} "
_redirecting = _thread.allocate_lock()


def reason(error: BaseException) -> str:
    """An engine's own message on one line, without its source paths, cut to a readable length."""
    text = " ".join(str(error).split())
    text = re.sub(r"\S*/(?=[\w.]+\.(cc|h|cpp)\b)|See instructions: \S+ ?", "", text)
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def version_of(package: str) -> str | None:
    """An installed package's version, None where it is not installed."""
    from importlib import metadata  # reads e-mail headers: 20 ms that a load need not pay

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def imported(name: str) -> Any:
    """An engine's library.

    pybind11 makes an ImportError of a Ctrl-C that comes while a library begins; it is undone.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


@contextlib.contextmanager
def as_if_absent(*names: str) -> Iterator[None]:
    """Import what is inside as where these optional packages are not installed.

    For libraries that import others only in case somebody uses both. What is imported already
    stays, and afterwards each of them can be imported as ever.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def quiet_stderr() -> Iterator[list[str]]:
    """Catch what C++ writes to the stderr descriptor; informational lines are dropped.

    LiteRT announces its delegate through a C function without a level or a switch, so the
    descriptor is the only place to stop it. Other lines that arrive meanwhile (another thread's,
    for example) are written to the real stderr afterwards, unless an error is being raised: then
    they belong to it. One thread at a time redirects.

    Yields:
        A list that holds the caught lines once the block is left.
    """
    lines: list[str] = []
    with _redirecting, contextlib.ExitStack() as cleanup:
        try:
            real = os.dup(2)
        except OSError:
            yield lines
            return
        cleanup.callback(os.close, real)
        caught = cleanup.enter_context(_scratch())
        _flush_stderr()
        os.dup2(caught.fileno(), 2)
        try:
            yield lines
        finally:
            _flush_stderr()
            os.dup2(real, 2)
            caught.seek(0)
            lines += caught.read().decode("utf-8", "replace").splitlines()
            others = [line for line in lines if line.strip() and not re.match(_CHATTER, line)]
            if others and sys.exc_info()[0] is None:
                os.write(real, "".join(f"{line}\n" for line in others).encode())


def _scratch() -> IO[bytes]:
    """A file without a name; in memory where the system has such, which spares an import."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("littoral"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


def _flush_stderr() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
