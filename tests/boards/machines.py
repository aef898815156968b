"""Boards for the tests: a real sshd or adbd on loopback, before a real ARM or x86 user land."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import prepare

ENTER = Path(__file__).with_name("enter.sh")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
START_S = 20

# qemu 7.2's own "max" processor computes dynamic int8 wrongly: a named one does not.
_PROCESSORS = {
    "arm64": (
        "QEMU_CPU=cortex-a72",
        "Features\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n",
    ),
    "armhf": (
        "QEMU_CPU=cortex-a7",
        "model name\t: ARMv7 Processor rev 5 (v7l)\n"
        "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae\n"
        "CPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x0\nCPU part\t: 0xc07\n"
        "CPU revision\t: 5\n",
    ),
}
_CORES = 2


@dataclass(frozen=True)
class Land:
    """What a command finds on a board.

    Attributes:
        home: The home directory, on this machine; ``data`` and ``sdcard`` in it are ``/data`` and
            ``/sdcard`` there.
        system: Name of a system of `prepare.SYSTEMS`; empty for this machine's own.
        path: PATH there.
        environment: More variables, ``NAME=value``.
        wrap: Words in front of the command, on this machine's own system.
        has_host: This machine's own file system is at ``/host`` there.
    """

    home: Path
    system: str = ""
    path: str = PATH
    environment: tuple[str, ...] = ()
    wrap: str = ""
    has_host: bool = False

    def variables(self) -> dict[str, str]:
        """For `enter.sh`."""
        cpu, words = "", list(self.environment)
        if self.system in _PROCESSORS:
            model, text = _PROCESSORS[self.system]
            words.append(model)
            cpu = str(_processor(self.home.parent / f"{self.system}.cpu", text))
        return {
            "BOARD_ROOT": str(prepare.CACHE / self.system) if self.system else "",
            "BOARD_HOME": str(self.home),
            "BOARD_PATH": self.path,
            "BOARD_ENV": " ".join(words),
            "BOARD_WRAP": self.wrap,
            "BOARD_CPU": cpu,
            "BOARD_HOST": "yes" if self.has_host else "",
        }


@dataclass(frozen=True)
class SshBoard:
    """A running sshd whose every command lands on a board.

    Attributes:
        host: The board's name in `config`.
        config: An ssh configuration that reaches it.
        port: Of the sshd.
        home: The board's home directory, on this machine.
        folder: Keys and configuration.
    """

    host: str
    config: Path
    port: int
    home: Path
    folder: Path

    @property
    def address(self) -> str:
        """As ``--target`` takes it."""
        return f"ssh://{self.host}"

    @property
    def program(self) -> str:
        """For LITTORAL_SSH."""
        return f"ssh -F {shlex.quote(str(self.config))}"

    def through(self, name: str, **changes: object) -> str:
        """LITTORAL_SSH for a copy of the configuration in which some options are others."""
        path = self.folder / f"config.{name}"
        lines = [f"{key} {value}" for key, value in changes.items()]
        path.write_text("\n".join([*lines, self.config.read_text()]))
        return f"ssh -F {shlex.quote(str(path))}"


def key(path: Path) -> Path:
    """A new key pair without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def ssh_board(name: str, folder: Path, land: Land) -> Iterator[SshBoard]:
    """Start an sshd for a board; it ends with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    land.home.mkdir(parents=True, exist_ok=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    host_key, own_key, port = key(folder / "host"), key(folder / "own"), free_port()
    start = folder / "enter"
    exports = [f"export {one}={shlex.quote(value)}" for one, value in land.variables().items()]
    start.write_text("\n".join(["#!/bin/sh", *exports, f"exec {shlex.quote(str(ENTER))}", ""]))
    start.chmod(0o755)
    known = host_key.with_suffix(".pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(known)}\n")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {host_key}\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n"
        f"AuthorizedKeysFile {own_key}.pub\nForceCommand {start}\n"
    )
    config = folder / "config"
    config.write_text(
        f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User root\n IdentityFile {own_key}\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {folder / 'known_hosts'}\n"
        " GlobalKnownHostsFile /dev/null\n"
    )
    log = (folder / "sshd.log").open("wb")
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
    with log, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log) as server:
        try:
            _wait_for(port, server)
            yield SshBoard(name, config, port, land.home, folder)
        finally:
            server.terminate()


@dataclass
class Wire:
    """A TCP connection to a board that can be cut or frozen while it is in use."""

    port: int
    _open: list[socket.socket] = field(default_factory=list)
    _flows: threading.Event = field(default_factory=threading.Event)

    def cut(self) -> None:
        """End every connection, both ways, as a pulled cable does in the end."""
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Let nothing through any more, without a word to either side."""
        self._flows.clear()


@contextlib.contextmanager
def wire(port: int) -> Iterator[Wire]:
    """Forward a port of loopback to another one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Wire(server.getsockname()[1])
        line._flows.set()
        threading.Thread(target=_accept, args=(server, port, line), daemon=True).start()
        try:
            yield line
        finally:
            line._flows.set()
            line.cut()


@contextlib.contextmanager
def adb_board(land: Land) -> Iterator[str]:
    """Start Debian's adbd in a network of its own; gives LITTORAL_ADB.

    adbd listens on every address and asks nobody who they are, hence the network name space.
    """
    land.home.mkdir(parents=True, exist_ok=True)
    hold = [
        "unshare",
        "--net",
        "--",
        "sh",
        "-c",
        "ip link set lo up && echo up && exec sleep 86400",
    ]
    with subprocess.Popen(hold, stdout=subprocess.PIPE, start_new_session=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        inside = ["nsenter", "--target", str(holder.pid), "--net"]
        daemon = "/usr/lib/android-sdk/platform-tools/adbd"
        environment = {**os.environ, **land.variables(), "SSH_ORIGINAL_COMMAND": f"exec {daemon}"}
        log = (land.home.parent / "adbd.log").open("wb")
        client = land.home.parent / "adb-home"
        client.mkdir(exist_ok=True)
        program = ["env", f"HOME={client}", "ADB_LOCAL_TRANSPORT_MAX_PORT=5553", *inside, "adb"]
        with (
            log,
            subprocess.Popen(
                [*inside, str(ENTER)],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ) as adbd,
        ):
            try:
                _adb_connect(program)
                yield shlex.join(program)
            finally:
                subprocess.run([*program, "kill-server"], capture_output=True, check=False)
                for process in (adbd, holder):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def commands_without_python(folder: Path) -> Path:
    """A folder for PATH with what a small system has, and no Python."""
    folder.mkdir(parents=True)
    for name in ("sh", "tr", "echo", "cat", "uname", "env", "sleep"):
        (folder / name).symlink_to(shutil.which(name) or "/bin/false")
    return folder


def _adb_connect(program: list[str]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        done = subprocess.run(
            [*program, "connect", "127.0.0.1:5555"], capture_output=True, text=True, check=False
        )
        if done.stdout.startswith(("connected", "already")):
            subprocess.run([*program, "wait-for-device"], check=True, timeout=START_S)
            return
        time.sleep(0.2)
    raise RuntimeError(f"adbd does not answer: {done.stdout}{done.stderr}")


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("sshd did not start: see sshd.log")


def _processor(folder: Path, text: str) -> Path:
    """``/proc/cpuinfo`` and ``/sys/devices/system/cpu`` of an ARM machine."""
    system = folder / "sys" / "devices" / "system" / "cpu"
    system.mkdir(parents=True, exist_ok=True)
    blocks = [f"processor\t: {core}\n{text}\n" for core in range(_CORES)]
    (folder / "cpuinfo").write_text("".join(blocks) + "Hardware\t: BCM2835\n")
    for name in ("possible", "present", "online"):
        (system / name).write_text(f"0-{_CORES - 1}\n")
    return folder


def _accept(server: socket.socket, port: int, line: Wire) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", port))
            line._open += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(*ends, line), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, line: Wire) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(1 << 16):
            line._flows.wait()
            sink.sendall(content)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
