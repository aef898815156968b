"""The program that stands on a board while it is in use. Sent there as text, never installed.

It needs Python 3.10 and imports nothing of littoral. Requests come as lines of JSON on stdin, each
is answered by a line of JSON on stdout behind a mark that no other output carries. Everything that
a person chose (folder, file names, requirements) arrives as data in a request, and the command line
that starts this program is always the same: so no name can become a command.

It lives as long as its stdin. When the connection breaks, what it started is killed and what it
laid out for the run is removed; files that came whole stay, by digest, for the next time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import itertools
import json
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

MARK = b"littoral-agent "
BEAT_S = 2.0
CHUNK = 1 << 20
KEPT_LINES = 60
KEEP_S = 30 * 86400  # what nobody has used for a month is removed
MODULES = ("pip", "ensurepip", "numpy")
FOLDERS = ("files", "sdk", "environments", "runs")


class Refusal(Exception):
    """A request that could not be met; its argument is the answer."""


class Agent:
    """One connection: its two ends, and the folder on the board."""

    def __init__(self) -> None:
        """Take stdin and stdout; whatever else prints goes to stderr from here on."""
        self._requests = sys.stdin.buffer
        self._answers = os.dup(1)
        os.dup2(2, 1)
        self._root = Path()
        self._spoke = 0.0

    def serve(self) -> None:
        """Answer requests until stdin ends."""
        self._say({"alive": True})
        while line := self._requests.readline():
            request = json.loads(line)
            try:
                answer = getattr(self, "do_" + request.pop("do"))(**request)
            except Refusal as refusal:
                answer = refusal.args[0]
            except OSError as error:
                answer = _os_failure(error)
            content = answer.pop("content", b"")
            self._say({**answer, "size": len(content)})
            self._send(content)

    def do_hello(self, folder: str | None) -> dict[str, Any]:
        """Choose the folder, sweep it, and describe the machine."""
        self._root = _root(folder)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (self._root / name).mkdir(exist_ok=True)
        _sweep(self._root)
        return {
            "root": str(self._root),
            "cores": os.cpu_count(),
            "libc": _libc(),
            "markers": _markers(),
            "modules": [name for name in MODULES if importlib.util.find_spec(name)],
        }

    def do_missing(self, digests: Sequence[str]) -> dict[str, Any]:
        """Which of these files are not here yet, and how much room there is."""
        files = self._root / "files"
        present = [digest for digest in digests if (files / digest).exists()]
        for digest in present:
            os.utime(files / digest)
        absent = [digest for digest in digests if digest not in present]
        return {"digests": absent, "free_bytes": shutil.disk_usage(files).free}

    def do_put(self, digest: str, size: int) -> dict[str, Any]:
        """Take a file's bytes from stdin."""
        seen, left, failure = hashlib.sha256(), size, None
        with _partial(self._root / "files" / digest) as partial:
            while left:
                chunk = self._requests.read(min(CHUNK, left))
                if not chunk:
                    raise SystemExit(1)
                left -= len(chunk)
                seen.update(chunk)
                failure = failure or _append(partial, chunk)
                self._beat()
            if failure is not None or seen.hexdigest() != digest:
                raise failure or Refusal({"failed": "damaged"})
            os.replace(partial, self._root / "files" / digest)
        return {}

    def do_unpack(self, folder: str, archives: Sequence[str], below: str = "") -> dict[str, Any]:
        """Lay zips out in one folder (or `below` it), then drop them."""
        files = self._root / "files"
        with _partial(self._root / folder) as partial:
            (partial / below).mkdir(parents=True)
            for digest in archives:
                self._extract(files / digest, partial / below)
            _move(partial, self._root / folder)
        for digest in archives:
            (files / digest).unlink(missing_ok=True)
        return {}

    def do_install(
        self, folder: str, requirements: Sequence[str], timeout_s: float
    ) -> dict[str, Any]:
        """Make an environment with the board's own pip, from the network."""
        with _partial(self._root / folder) as partial:
            pip = [sys.executable, "-m", "pip", "install", "--target", str(partial / "site")]
            if importlib.util.find_spec("ensurepip"):
                make = [sys.executable, "-m", "venv", "--system-site-packages", str(partial)]
                self._must(make, timeout_s)
                pip = [str(partial / "bin" / "python"), "-m", "pip", "install"]
            quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:"]
            self._must([*pip, *quiet, *requirements], timeout_s)
            _move(partial, self._root / folder)
        return {}

    def do_environment(self, folder: str, state: str) -> dict[str, Any]:
        """Ask whether an environment is proved (``ask``), say so (``keep``), or ``drop`` it."""
        path = self._root / folder
        if state == "keep":
            (path / "proved").touch()
        elif state == "drop":
            shutil.rmtree(path, ignore_errors=True)
        elif path.exists():
            os.utime(path)
        return {"proved": (path / "proved").exists(), "exists": path.exists()}

    def do_run(
        self,
        errand: dict[str, Any],
        files: dict[str, str],
        sdk: str,
        environment: str | None,
        timeout_s: float,
    ) -> dict[str, Any]:
        """Do an errand of `littoral.targets._errand` in a folder of its own."""
        with _partial(self._root / "runs" / "run") as folder, _alone(self._root, self._say):
            folder.mkdir()
            for name, digest in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                _place(self._root / "files" / digest, folder / name)
            (folder / "errand.json").write_text(json.dumps(errand))
            python, paths = self._interpreter(sdk, environment)
            program = "from littoral.targets._errand import main; raise SystemExit(main())"
            status = self._supervise([python, "-c", program], timeout_s, folder, paths)
            answer = folder / "answer"
            return {**status, "content": answer.read_bytes() if answer.exists() else b""}

    def do_forget(self) -> dict[str, Any]:
        """Remove everything that littoral put on this board."""
        for name in (*FOLDERS, "lock"):
            _remove(self._root / name)
        with contextlib.suppress(OSError):
            self._root.rmdir()
        return {}

    def _say(self, fields: dict[str, Any]) -> None:
        self._send(MARK + json.dumps(fields).encode() + b"\n")
        self._spoke = time.monotonic()

    def _send(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._answers, view) :]

    def _beat(self) -> None:
        """Give a sign of life if none went out lately."""
        if time.monotonic() - self._spoke > BEAT_S:
            self._say({"alive": True})

    def _extract(self, archive: Path, target: Path) -> None:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                content.extract(member, target)
                self._beat()
        # What a wheel holds beside its packages: those of one platform belong among them.
        for extra in target.glob("*.data"):
            for kind in ("purelib", "platlib"):
                if (extra / kind).is_dir():
                    shutil.copytree(extra / kind, target, dirs_exist_ok=True)
            shutil.rmtree(extra)

    def _interpreter(self, sdk: str, environment: str | None) -> tuple[str, list[str]]:
        """The Python to run, and the folders that it must look into."""
        paths = [str(self._root / sdk)]
        if environment is not None:
            venv = self._root / environment / "bin" / "python"
            if venv.exists():
                return str(venv), paths
            paths.append(str(self._root / environment / "site"))
        return sys.executable, paths

    def _must(self, command: Sequence[str], timeout_s: float) -> None:
        status = self._supervise(command, timeout_s, self._root, [])
        if status["timed_out"] or status["code"]:
            raise Refusal({"failed": "install", **status})

    def _supervise(
        self, command: Sequence[str], timeout_s: float, folder: Path, paths: Sequence[str]
    ) -> dict[str, Any]:
        """Run a program; relay its lines that begin with ``> ``, keep the last of the others."""
        search = os.pathsep.join(filter(None, [*paths, os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": search}
        end, lines = time.monotonic() + timeout_s, list[str]()
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        ) as child:
            try:
                timed_out = not self._follow(child, end, lines)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        code = child.returncode
        name = signal.Signals(-code).name if code < 0 and not timed_out else None
        return {"code": code, "signal": name, "timed_out": timed_out, "tail": lines[-KEPT_LINES:]}

    def _follow(self, child: subprocess.Popen[bytes], end: float, lines: list[str]) -> bool:
        """Read a program's output until it ends: False when the time was up before."""
        assert child.stdout is not None
        output, rest = child.stdout.fileno(), b""
        while time.monotonic() < end:
            ready = select.select([output, self._requests], [], [], 0.25)[0]
            if self._requests in ready:
                # No request is due while a program runs: the connection is gone.
                raise SystemExit(1)
            if output in ready:
                chunk = os.read(output, 1 << 16)
                *whole, rest = (rest[-CHUNK:] + chunk).split(b"\n")
                for line in whole:
                    self._hear(line.decode(errors="replace"), lines)
                if not chunk:
                    child.wait()
                    return True
            elif child.poll() is not None:
                return True
            self._beat()
        return False

    def _hear(self, line: str, lines: list[str]) -> None:
        if line.startswith("> "):
            self._say({"progress": line[2:]})
        elif line.strip():
            lines.append(line[:2000])
            del lines[:-KEPT_LINES]


def _root(folder: str | None) -> Path:
    if folder is not None:
        return Path(folder).expanduser()
    if "ANDROID_ROOT" in os.environ and not os.access(Path.home(), os.W_OK):
        return Path("/data/local/tmp/littoral")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "littoral"


def _libc() -> list[str]:
    """Name and version of the C library that wheels must fit."""
    if hasattr(sys, "getandroidapilevel"):
        return ["bionic", ""]
    if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        return ["musl", ""]
    return list(platform.libc_ver())


def _markers() -> dict[str, str]:
    """This Python as the markers of requirements see it (PEP 508).

    A 64-bit kernel names its own architecture to a 32-bit Python too.
    """
    machine, narrow = platform.machine(), {"aarch64": "armv7l", "armv8l": "armv7l"}
    if sys.maxsize < 1 << 32:
        machine = {**narrow, "x86_64": "i686"}.get(machine, machine)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": machine,
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _sweep(root: Path) -> None:
    """Remove what broken connections left, and what nobody has used for long."""
    for path in root.glob("*/.*"):
        try:
            os.kill(int(path.name[1:].partition(".")[0]), 0)
        except (ProcessLookupError, ValueError):
            _remove(path)
        except PermissionError:
            continue
    for path in root.glob("*/*"):
        if time.time() - path.lstat().st_mtime > KEEP_S:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A name beside `path` that says whose it is, and that is gone afterwards."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
    finally:
        _remove(partial)


def _move(partial: Path, target: Path) -> None:
    """Put a finished folder into place; somebody else's that came first is as good."""
    try:
        os.replace(partial, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _place(source: Path, target: Path) -> None:
    """Let a file be in a second place too: not by a symbolic link, for models follow none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _append(path: Path, chunk: bytes) -> OSError | None:
    """Write a chunk; what went wrong is returned, so that the rest can still be read."""
    try:
        with path.open("ab") as stream:
            stream.write(chunk)
    except OSError as error:
        return error
    return None


@contextlib.contextmanager
def _alone(root: Path, tell: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Wait until nobody else runs something on this board: two at once would slow each other."""
    with (root / "lock").open("w") as lock:
        for attempt in itertools.count():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                busy = {"progress": "waiting until another measurement there is done"}
                tell({"alive": True} if attempt else busy)
                time.sleep(0.5)
        yield


def _os_failure(error: OSError) -> dict[str, Any]:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    words = f"{error.strerror or error} {error.filename or ''}".strip()
    return {"failed": "full" if full else "system", "words": words}


if __name__ == "__main__":
    Agent().serve()
