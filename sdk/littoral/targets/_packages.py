"""Packages for a board: which ones it needs, and their wheels, chosen and fetched here.

``pip download`` picks wheels of another platform, but reads the conditions of requirements
(``python_version < "3.11"``) as if for this one; pip offers no option for that, so it is started
with the board's own markers in the place of ours.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import littoral
from littoral import engines, plugins
from littoral.errors import TargetError

_OLDEST_GLIBC = 17
_PIP = """
import json, sys
from pip._vendor.packaging import markers
board = json.loads(sys.argv.pop(1))
markers.default_environment = lambda: dict(board)
from pip._internal.cli.main import main
raise SystemExit(main(sys.argv[1:]))
"""
_TIMEOUT_S = 900
_NO_WHEEL = re.compile(r"(?:No matching distribution found for|Cannot install) ([A-Za-z0-9._-]+)")
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|Network is unreachable",
)


class NoWheel(Exception):
    """There is no wheel of a package for a machine."""

    def __init__(self, package: str) -> None:
        """Keep the package's name."""
        super().__init__(package)
        self.package = package


class NoPackages(Exception):
    """None can be fetched here, for whatever machine; the message says why."""


@dataclass(frozen=True)
class Machine:
    """What a board's Python is, as far as packages must fit it.

    Attributes:
        markers: As PEP 508 names them; ``python_version`` and the like.
        libc: Name and version of its C library.
        modules: Of ``pip ensurepip numpy`` those it has.
    """

    markers: Mapping[str, str]
    libc: tuple[str, str]
    modules: frozenset[str]

    @property
    def words(self) -> str:
        """For messages."""
        name, version = self.libc
        libc = f"{name} {version}".strip() or "an unknown C library"
        markers = self.markers
        python = f"{markers['platform_python_implementation']} {markers['python_full_version']}"
        return f"{markers['platform_machine']}, {python}, {libc}"


def choices(formats: Sequence[str]) -> list[tuple[str, ...]]:
    """What can be installed for some formats, the better choice first.

    Args:
        formats: Of the model files.

    Returns:
        Tuples of requirements, each of which covers all formats.
    """
    modules = plugins.load_all(engines)
    found: list[tuple[str, ...]] = [()]
    for name in sorted(formats):
        extras = dict.fromkeys(module.EXTRA for module in modules if name in module.FORMATS)
        found = [(*one, *_of_extra(extra)) for extra in extras for one in found]
    return [tuple(dict.fromkeys(one)) for one in found]


def download(
    requirements: Sequence[str], machine: Machine, folder: Path, *, alone: bool = False
) -> list[Path]:
    """Fetch the wheels that a board needs, without the board.

    Args:
        requirements: What is wanted.
        machine: What they must fit.
        folder: An empty folder for them.
        alone: True leaves out what they require in turn.

    Returns:
        The wheels.

    Raises:
        NoWheel: One of the packages has none for this machine.
        NoPackages: pip is missing here, there is no network, or no wheels for such systems.
    """
    version = machine.markers["python_version"]
    command = [sys.executable, "-c", _PIP, json.dumps(dict(machine.markers)), "download"]
    command += ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--implementation", "cp", "--python-version", version]
    command += ["--abi", f"cp{version.replace('.', '')}", *(["--no-deps"] * alone)]
    command += [word for tag in _platforms(machine) for word in ("--platform", tag)]
    try:
        done = subprocess.run(
            [*command, *requirements],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NoPackages(f"pip download took more than {_TIMEOUT_S} s here") from error
    if done.returncode:
        raise _pip_failure(done.stderr)
    return sorted(folder.glob("*.whl"))


def sdk_archive() -> bytes:
    """This littoral's own source files as a zip, the same bytes for the same files."""
    home = Path(littoral.__file__).parent
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(home.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                name = f"littoral/{path.relative_to(home).as_posix()}"
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _of_extra(extra: str) -> tuple[str, ...]:
    """The requirements of littoral itself and of one of its extras."""
    try:
        lines = requires("littoral") or []
    except PackageNotFoundError as error:
        raise TargetError(
            "this littoral was not installed by pip, so what a board needs is not known: "
            "pip install littoral"
        ) from error
    wanted = re.compile(rf"""extra == ['"]{extra}['"]""")
    pairs = [line.partition(";") for line in lines]
    own = [name.strip() for name, _, condition in pairs if not condition.strip()]
    return (*own, *(name.strip() for name, _, condition in pairs if wanted.search(condition)))


def _platforms(machine: Machine) -> list[str]:
    """Tags of the wheels that run there, the newest first (PEP 600, PEP 656)."""
    name, version = machine.libc
    architecture = machine.markers["platform_machine"]
    if machine.markers["sys_platform"] != "linux" or name not in ("glibc", "musl"):
        raise NoPackages(
            f"there are no wheels for {machine.words}: install an engine there and name its Python"
        )
    if name == "musl":
        return [f"musllinux_1_{minor}_{architecture}" for minor in (2, 1, 0)]
    newest = int(version.split(".")[1])
    tags = [f"manylinux_2_{m}_{architecture}" for m in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{architecture}", f"linux_{architecture}"]


def _pip_failure(complaint: str) -> Exception:
    if _NO_NETWORK.search(complaint):
        return NoPackages("no package index can be reached from here: is there a network?")
    package = _NO_WHEEL.search(complaint)
    if package is not None:
        return NoWheel(package[1])
    last: Any = (complaint.strip().splitlines() or ["no message"])[-1]
    hint = ": install pip here" if "No module named pip" in complaint else ""
    return NoPackages(f"pip download failed here: {last}{hint}")
