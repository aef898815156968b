"""One search at a time in a folder of output."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from littoral import files
from littoral.errors import InputError

LOCK = ".littoral.lock"


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have a folder to oneself among all who ask for it like this.

    The system ends a lock with its process: one that was killed keeps nobody out, though its lock
    file stays. A file system without locks keeps nobody out either.

    Args:
        folder: An existing folder. It holds a lock file meanwhile.

    Raises:
        InputError: Another search has it.
    """
    path = folder / LOCK
    stream = _locked(path)
    if stream is None:
        raise InputError(
            f"another search is using {folder}: wait for it, or give another output folder (--out)"
        )
    try:
        yield
    finally:
        _release(stream, path)


def _locked(path: Path) -> IO[bytes] | None:
    """The lock file, open and locked; None where another has it."""
    while True:
        try:
            stream = path.open("ab")
        except OSError as error:
            raise InputError(
                f"cannot write to {path.parent}: {files.reason_of(error)}; "
                "choose another output folder"
            ) from error
        if not _try_lock(stream):
            stream.close()
            return None
        if _is_at(stream, path):
            return stream
        stream.close()


def _is_at(stream: IO[bytes], path: Path) -> bool:
    """Whether a file is still the one of that name: its last owner removes it."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(stream: IO[bytes], path: Path) -> None:
        # A file that is open cannot be removed there.
        stream.close()
        with contextlib.suppress(OSError):
            path.unlink()

else:
    import fcntl

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _release(stream: IO[bytes], path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()
        with contextlib.suppress(OSError):
            # Closing alone does not unlock what a forked process has open too.
            fcntl.flock(stream, fcntl.LOCK_UN)
        stream.close()
