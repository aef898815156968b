"""Prepare the boards that these tests run on: packages, emulation, and the boards' file systems.

    python tests/boards/prepare.py        (or: make boards)

Needs root on a Debian or Ubuntu machine. What it makes lies in ``~/.cache/littoral-boards`` (or
``LITTORAL_BOARDS``), about 1 GB; a second run takes a second. Whatever cannot be had is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("LITTORAL_BOARDS") or Path.home() / ".cache" / "littoral-boards")
PROGRAMS = {
    "adb": "adb",
    "arch-test": "arch-test",
    "chromium": "chromium",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "npm": "npm",
    "qemu-aarch64-static": "qemu-user-static",
    "ssh": "openssh-client",
    "/usr/sbin/sshd": "openssh-server",
}
"""Programs that must be there, and the packages that bring them."""

BINFMT = Path("/proc/sys/fs/binfmt_misc")
_LIBRARIES = "libstdc++6,libgcc-s1,libgomp1,zlib1g,libexpat1,libffi8,libbz2-1.0,liblzma5,libuuid1"
_PYTHON = "python3-minimal,python3.{0}-minimal,libpython3.{0}-stdlib,libpython3.{0}-minimal"
_BASE = f"dash,bash,coreutils,libc-bin,{_LIBRARIES}"


@dataclass(frozen=True)
class System:
    """A Debian that is unpacked, not installed: enough to run Python in.

    Attributes:
        name: Of its folder.
        architecture: Debian's name for it.
        suite: Of Debian.
        packages: What it holds.
        emulator: The binfmt_misc entry that runs its programs, empty for this machine's own.
    """

    name: str
    architecture: str
    suite: str
    packages: str
    emulator: str = ""


SYSTEMS = (
    System("arm64", "arm64", "bookworm", f"{_BASE},{_PYTHON.format(11)},libssl3", "qemu-aarch64"),
    System(
        "armhf",
        "armhf",
        "bookworm",
        f"{_BASE},{_PYTHON.format(11)},libssl3,python3-numpy,libblas3,liblapack3,libgfortran5",
        "qemu-arm",
    ),
    System("android", "amd64", "trixie", f"{_BASE},{_PYTHON.format(13)},libssl3t64,adbd"),
)


def main() -> int:
    """Prepare everything that is not there yet. Returns the exit code."""
    if os.geteuid() != 0:
        print("boards: emulation and name spaces need root: sudo python tests/boards/prepare.py")
        return 1
    install_packages()
    for system in SYSTEMS:
        if system.emulator:
            register(system.emulator)
        unpack(system)
    print(f"boards: ready in {CACHE}")
    return 0


def install_packages() -> None:
    """Install Debian's packages of the programs that are missing."""
    missing = sorted({own for name, own in PROGRAMS.items() if shutil.which(name) is None})
    if not missing:
        return
    print(f"boards: installing {', '.join(missing)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], env=quiet)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    _run(install, env=quiet, stdout=subprocess.DEVNULL)


def register(emulator: str) -> None:
    """Let the kernel run another architecture's programs, also inside a chroot (flag F)."""
    if not (BINFMT / "register").exists():
        _run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)])
    if not (BINFMT / emulator).exists():
        rule = Path("/usr/lib/binfmt.d", f"{emulator}.conf").read_bytes()
        (BINFMT / "register").write_bytes(rule.strip())


def unpack(system: System) -> None:
    """Unpack a system's packages, if that was not done before with the same ones."""
    root, done = CACHE / system.name, CACHE / f"{system.name}.packages"
    if done.exists() and done.read_text() == system.packages:
        return
    print(f"boards: unpacking {system.suite} for {system.architecture}", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    options = ["--variant=extract", "--quiet", f"--arch={system.architecture}"]
    options += [f"--include={system.packages}"]
    _run(["mmdebstrap", *options, system.suite, str(root), *_archive(system.suite)])
    for folder in ("tmp", "root", "proc", "sys", "dev", "etc"):
        (root / folder).mkdir(exist_ok=True)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    for alternative in (root / "usr/lib").glob("*/*/lib*.so.3"):
        # What the packages' own scripts would have linked, had they been run.
        link = alternative.parents[1] / alternative.name
        if alternative.parent.name in ("blas", "lapack") and not link.exists():
            link.symlink_to(f"{alternative.parent.name}/{alternative.name}")
    done.write_text(system.packages)


def _archive(suite: str) -> list[str]:
    """The archive that this machine itself installs from, without its updates.

    Those of another architecture are at times out of step with their index. Empty where this
    machine is not Debian's own: then mmdebstrap takes its usual one.
    """
    fields = "$(REPO_URI) $(ORIGIN) $(LABEL)"
    command = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = (line.split()[0] for line in lines if line.split()[1:] == ["Debian", "Debian"])
    return [f"deb {address} {suite} main" for address in found][:1]


def _run(command: list[str], **options: object) -> None:
    done = subprocess.run(command, check=False, **options)
    if done.returncode:
        raise SystemExit(f"boards: {' '.join(command)} failed with exit code {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
