"""Writing files so that a name either holds the whole content or does not exist."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from littoral.errors import InputError


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder for output, with its parents.

    Args:
        path: The folder; it may exist already.

    Returns:
        The folder as a Path.

    Raises:
        InputError: It cannot be created or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write to {folder}: {reason_of(error)}; choose another output folder"
        ) from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write to {folder}: no permission; choose another output folder")
    return folder


@contextlib.contextmanager
def output_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder for output that is only there afterwards when something came of it.

    Args:
        path: The folder; it may exist already.

    Yields:
        The folder, made with its parents. Where an error follows, those that were made here go
        again as far as they are empty.

    Raises:
        InputError: It cannot be created or written to.
    """
    path = _without_detours(Path(path))
    whole = path.absolute()
    absent: list[Path] = []
    with contextlib.suppress(OSError):  # the making of the folder says what is wrong with its name
        absent = [one for one in (whole, *whole.parents) if not one.exists()]
    folder = make_folder(path)
    try:
        yield folder
    except BaseException:
        for made in absent:
            with contextlib.suppress(OSError):
                made.rmdir()
        raise


def _without_detours(path: Path) -> Path:
    """A path that goes through no folder only to leave it again by ``..`` where there is none."""
    turns = (Path(*path.parts[:i]) for i, part in enumerate(path.parts) if i and part == "..")
    return path if all(folder.exists() for folder in turns) else path.resolve()


def check_page(path: Path) -> None:
    """Refuse a page that cannot be written before the work for it begins.

    Args:
        path: The page; its folder is made when absent.

    Raises:
        InputError: It is a folder, or its folder cannot be created or written to.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name the page to write, for example report.html")
    make_folder(path.parent)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file under a temporary name in its folder, then rename it into place.

    Args:
        path: Final name. An existing file is replaced only when the new one is complete.
        content: The whole content.

    Returns:
        The path written.

    Raises:
        InputError: The disk is full or the folder cannot be written; nothing is left behind.
    """
    return write_together({Path(path): content})[0]


def write_together(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write several files, all of them or none: none is renamed before every one is on the disk.

    Args:
        contents: The whole content by final name. An existing file is replaced and keeps its mode
            bits; what a link points to is replaced, not the link.

    Returns:
        The paths written.

    Raises:
        InputError: The disk is full or a folder cannot be written; nothing is left behind, and
            files that were there before are as they were.
    """
    staged: list[tuple[str, Path]] = []
    target = Path()
    try:
        for target, content in contents.items():
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder has that name")
            real = Path(os.path.realpath(target))
            descriptor, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
            staged.append((temporary, real))
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, _mode(real))
        for temporary, target in staged:
            os.replace(temporary, target)
    except BaseException as error:
        for temporary, _ in staged:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise InputError(
                f"cannot write {target}: {reason_of(error)}; nothing was kept"
            ) from error
        raise
    return list(contents)


def _mode(path: Path) -> int:
    """The mode bits that a file has, or that a new one gets."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def reason_of(error: OSError) -> str:
    """What the system says of a file, for the end of a message."""
    return (error.strerror or str(error)).lower()
