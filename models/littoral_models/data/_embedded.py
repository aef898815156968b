"""The arrays that lie in the repository, and cutting them again from their packages."""

from __future__ import annotations

import argparse
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from littoral.errors import InputError
from littoral.files import write_atomically
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "embedded"

# A zip member's time, so that the same arrays always make the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def read(name: str) -> dict[str, NDArray[Any]]:
    """Arrays of an embedded set, by array name.

    Raises:
        InputError: The installation has no embedded data (a wheel leaves them out).
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        raise InputError(
            f"the embedded data set {name!r} is not part of this installation: install littoral "
            "from its source repository (pip install -e .), or give your own data with --data PATH"
        )
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def write(name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write a set's arrays as .npz with LZMA members; `numpy.load` reads it like any other.

    LZMA instead of deflate: Fashion-MNIST takes 374 bytes an image instead of 433.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        for key, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{key}.npy", _EPOCH), member.getvalue(), zipfile.ZIP_LZMA
            )
    return write_atomically(FOLDER / f"{name}.npz", packed.getvalue())


def main(name: str, rebuild: Callable[[Path], dict[str, NDArray[Any]]]) -> None:
    """The command line of a set's module: ``--rebuild PACKAGE`` writes its embedded file again."""
    parser = argparse.ArgumentParser(prog=f"python -m littoral_models.data.{name}")
    parser.add_argument("--rebuild", type=Path, required=True, metavar="PACKAGE")
    path = write(name, rebuild(parser.parse_args().rebuild))
    print(f"{path.name}: {path.stat().st_size} bytes")


def package_files(package: Path, ending: str) -> dict[str, bytes]:
    """Files inside a .deb, .whl or .tgz package.

    Args:
        package: The package as the registry serves it.
        ending: What the wanted names end with.

    Returns:
        Contents by name inside the package, sorted by name.

    Raises:
        InputError: No such package, an unknown kind, or nothing in it ends so.
    """
    if not package.is_file():
        raise InputError(f"no package at {package}")
    openers: dict[str, Callable[[Path], zipfile.ZipFile | tarfile.TarFile]] = {
        ".deb": _open_deb,
        ".tgz": tarfile.open,
        ".whl": zipfile.ZipFile,
    }
    if package.suffix not in openers:
        raise InputError(f"{package} is none of {', '.join(openers)}")
    with openers[package.suffix](package) as archive:
        if isinstance(archive, zipfile.ZipFile):
            found = {n: archive.read(n) for n in archive.namelist() if n.endswith(ending)}
        else:
            found = {m.name: _content(archive, m) for m in archive if m.name.endswith(ending)}
    if not found:
        raise InputError(f"{package} holds no file that ends in {ending}")
    return dict(sorted(found.items()))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return b"" if stream is None else stream.read()


def _open_deb(package: Path) -> tarfile.TarFile:
    """A .deb is an ar archive: 8 bytes of magic, then a header of 60 bytes before each member."""
    content = package.read_bytes()
    offset = 8
    while offset < len(content):
        header = content[offset : offset + 60]
        size = int(header[48:58])
        body = content[offset + 60 : offset + 60 + size]
        if header.startswith(b"data.tar.xz"):
            return tarfile.open(fileobj=io.BytesIO(lzma.decompress(body)))
        offset += 60 + size + size % 2
    raise InputError(f"{package} holds no data.tar.xz")
