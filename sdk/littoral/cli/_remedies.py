"""What to do about an engine that does not run here.

The loader's own words are the evidence: a wheel's tag promises less than the library inside asks
for (ai-edge-litert's says glibc 2.27 and needs 2.34).
"""

from __future__ import annotations

import platform
import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What decides which wheels there are.

    Attributes:
        system: ``sys.platform``.
        machine: The processor's architecture as this Python has it: a 32-bit Python on a 64-bit
            ARM kernel is ``"armv7l"``.
        python: Major and minor version.
        libc: For example ``"glibc 2.36"``; ``"musl"`` where there is no glibc.
        numpy: NumPy's version.
    """

    system: str
    machine: str
    python: tuple[int, int]
    libc: str
    numpy: str


_DESKTOP = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "amd64")}
_WHEELS = {
    "litert": _DESKTOP,
    "onnxruntime": _DESKTOP,
    "tflite_runtime": {("linux", "x86_64"), ("linux", "aarch64"), ("linux", "armv7l")},
}
_DEBIANS_ONNXRUNTIME = "Debian 13 has it built: apt install python3-onnxruntime"
_TFLITE = (
    "pip install 'littoral[tflite]' instead (Python up to 3.11, numpy 1, which Debian has as "
    "python3-numpy)"
)
_LIBRARIES = {
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libatomic.so.1": "libatomic1",
    "libgcc_s.so.1": "libgcc-s1",
}


def here() -> Place:
    """This machine."""
    import numpy as np

    machine = platform.machine().lower()
    if machine == "aarch64" and struct.calcsize("P") == 4:
        machine = "armv7l"
    libc = " ".join(platform.libc_ver()).strip() if sys.platform == "linux" else ""
    if sys.platform == "linux" and not libc.startswith("glibc"):
        libc = "musl"
    return Place(sys.platform, machine, sys.version_info[:2], libc, np.__version__)


def to_install(engine: str, extra: str, place: Place) -> str:
    """How to get an engine that is not installed.

    Args:
        engine: The engine's name.
        extra: Which extra of littoral has it.
        place: The machine.

    Returns:
        A command, or why there is none and what to do instead.
    """
    wheels = _WHEELS.get(engine, _DESKTOP)
    command = f"pip install 'littoral[{extra}]'"
    if place.libc == "musl":
        return "there is no wheel for musl (Alpine): use a system with glibc, such as Debian"
    if (place.system, place.machine) not in wheels:
        if place.machine != "armv7l":
            return f"there is no wheel for {place.system} on {place.machine}"
        instead = _TFLITE if engine == "litert" else _DEBIANS_ONNXRUNTIME
        return f"there is no wheel for 32-bit ARM: {instead}"
    if engine == "tflite_runtime" and place.python > (3, 11):
        version = ".".join(map(str, place.python))
        instead = (
            f"or run .onnx files ({_DEBIANS_ONNXRUNTIME})"
            if place.machine == "armv7l"
            else "or pip install 'littoral[litert]'"
        )
        return f"it ends at Python 3.11 and this is {version}: use Python 3.11, {instead}"
    return command


def to_repair(engine: str, extra: str, reason: str, place: Place) -> str:
    """What to do about an engine that is installed and does not run.

    Args:
        engine: The engine's name.
        extra: Which extra of littoral has it.
        reason: What the loader or the library said.
        place: The machine.

    Returns:
        One sentence without a full stop.
    """
    for pattern, remedy in _REMEDIES:
        found = re.search(pattern, reason)
        if found is not None:
            return remedy(found, engine, place)
    return f"install it anew: pip install --force-reinstall 'littoral[{extra}]'"


def _newer_system(found: re.Match[str], engine: str, place: Place) -> str:
    what = "C++ library" if found[1] == "XX" else "C library"
    instead = {
        "litert": f"; or {_TFLITE}, which asks for glibc 2.27",
        "onnxruntime": "; or an older release: pip install 'onnxruntime<1.20'",
    }.get(engine, "")
    return (
        f"the library was built for a newer {what} ({found[0]}) than this system has "
        f"({place.libc}): upgrade the system (Debian 12 has glibc 2.36){instead}"
    )


def _old_numpy(found: re.Match[str], engine: str, place: Place) -> str:
    instead = "" if engine == "litert" else ", or pip install 'littoral[litert]' instead"
    return f"it was built for numpy 1 and this is {place.numpy}: pip install 'numpy<2'{instead}"


def _system_library(found: re.Match[str], engine: str, place: Place) -> str:
    package = _LIBRARIES.get(found[1])
    if package is None:
        return f"install the system's package that has {found[1]}"
    return f"the system lacks {found[1]}: apt install {package}"


def _python_package(found: re.Match[str], engine: str, place: Place) -> str:
    return f"pip install {found[1].partition('.')[0]}"


def _other_machine(found: re.Match[str], engine: str, place: Place) -> str:
    return (
        f"the library is for another architecture than this Python ({place.machine}): install it "
        "anew with this Python's own pip"
    )


def _processor(found: re.Match[str], engine: str, place: Place) -> str:
    return (
        "the processor lacks an instruction that the library was built with: take another engine, "
        "or build the library for this processor"
    )


def _preload(found: re.Match[str], engine: str, place: Place) -> str:
    return f"load it before everything else: export LD_PRELOAD={found[1]}"


Remedy = Callable[[re.Match[str], str, Place], str]
_REMEDIES: tuple[tuple[str, Remedy], ...] = (
    (r"GLIBC(XX)?_[\d.]+(?=' not found)", _newer_system),
    (r"numpy 1|NumPy 1\.x|_ARRAY_API|numpy\.core\.multiarray", _old_numpy),
    (r"(\S+): cannot allocate memory in static TLS block", _preload),
    (r"([\w+.-]+\.so[.\d]*): cannot open shared object file", _system_library),
    (r"wrong ELF class|invalid ELF header|incompatible architecture", _other_machine),
    (r"(?:needs|No module named '?)\s*([\w.]+)'?", _python_package),
    (r"SIGILL", _processor),
)
