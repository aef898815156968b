"""What goes wrong behind ssh, each thing caused for real on a sshd of ours, and told apart."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from littoral.errors import EngineCrashed, EngineError, TargetError
from littoral.targets import Options, Settings, ssh
from machines import PATH, Land, commands_without_python, key, ssh_board, wire
from signals import HEARING

pytestmark = pytest.mark.slow

OWN_PYTHON = Path(sys.executable).parent
BARE_PYTHON = Path(sys.base_prefix, "bin")
QUICK = Options(runs=5, warmup=1, cold_starts=0)
ENDLESS = Options(runs=10**8, cold_starts=0)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """This machine's own system, with the engines of these tests, behind a sshd."""
    folder = tmp_path_factory.mktemp("board")
    land = Land(folder / "home", path=f"{OWN_PYTHON}:{PATH}")
    with ssh_board("board", folder / "ssh", land) as found:
        yield found


@pytest.fixture(autouse=True)
def configured(board, monkeypatch):
    """The person's ssh knows the board."""
    monkeypatch.setenv("LITTORAL_SSH", board.program)


@pytest.fixture
def another(tmp_path, monkeypatch):
    """Start a further board and let the person's ssh know it instead."""
    with contextlib.ExitStack() as stack:

        def start(**how):
            land = Land(tmp_path / "home", **{"path": f"{OWN_PYTHON}:{PATH}", **how})
            found = stack.enter_context(ssh_board("another", tmp_path / "ssh", land))
            monkeypatch.setenv("LITTORAL_SSH", found.program)
            return found

        yield start


def measure(address, path, options=QUICK, settings=None, told=None):
    """One measurement over a connection of its own."""
    target = ssh.connect(address, settings or Settings())
    try:
        return target.measure([path], options, [].append if told is None else told.append)
    finally:
        target.close()


def fault(address, path, words, **how):
    """Measuring must fail with these words, on one line."""
    with pytest.raises(TargetError, match=words) as caught:
        measure(address, path, **how)
    assert str(caught.value).startswith(address)
    assert "\n" not in str(caught.value)


def test_a_host_of_no_such_name(files):
    fault("ssh://no-such-host.invalid", files.onnx, "unknown host")


def test_a_host_whose_key_is_not_known(board, files, monkeypatch, tmp_path):
    (tmp_path / "empty").touch()
    known = board.through("unknown", UserKnownHostsFile=tmp_path / "empty")
    monkeypatch.setenv("LITTORAL_SSH", known)
    fault("ssh://board", files.onnx, "host key is not known here")


def test_a_host_whose_key_has_changed(board, files, monkeypatch, tmp_path):
    other = key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{board.port} {' '.join(other)}\n")
    known = board.through("changed", UserKnownHostsFile=tmp_path / "known")
    monkeypatch.setenv("LITTORAL_SSH", known)
    fault("ssh://board", files.onnx, "host key has changed.*ssh-keygen -R board")


def test_no_login(board, files, monkeypatch, tmp_path):
    stranger = board.through("stranger", IdentityFile=key(tmp_path / "stranger"))
    text = board.config.read_text().replace(f" IdentityFile {board.folder / 'own'}\n", "")
    path = Path(stranger.split()[-1])
    path.write_text(f"Host board\n IdentityFile {tmp_path / 'stranger'}\n{text}")
    monkeypatch.setenv("LITTORAL_SSH", stranger)
    fault("ssh://board", files.onnx, "no login.*ssh-copy-id board")


def test_a_port_that_nobody_listens_on(files):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        fault(f"ssh://127.0.0.1:{probe.getsockname()[1]}", files.onnx, "nothing listens")


def test_a_host_that_does_not_answer(files, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"ssh://127.0.0.1:{mute.getsockname()[1]}"
        fault(address, files.onnx, "no answer to the connection within 1 s")


def test_no_ssh_here(files, monkeypatch):
    monkeypatch.setenv("LITTORAL_SSH", "/nowhere/ssh -F none")
    fault("ssh://board", files.onnx, "the program /nowhere/ssh cannot be started")


def test_no_python_there(another, files, tmp_path):
    another(path=str(commands_without_python(tmp_path / "bin")))
    fault("ssh://another", files.onnx, r"needs Python 3\.10 or newer there and found none")


def test_a_python_that_is_too_old_is_named(another, files, tmp_path):
    commands = commands_without_python(tmp_path / "bin")
    old = commands / "python3"
    old.write_text('#!/bin/sh\ntest "$1" = -V && echo Python 3.7.3 && exit 0\nexit 66\n')
    old.chmod(0o755)
    another(path=str(commands))
    fault("ssh://another", files.onnx, r"found only .*/bin/python3 Python 3\.7\.3")


def test_the_python_that_the_person_names_is_taken(another, files, tmp_path):
    another(path=str(commands_without_python(tmp_path / "bin")))
    (one,) = measure("ssh://another", files.onnx, settings=Settings(python=sys.executable))
    assert one.engine == "onnxruntime"


def test_another_architecture(another, files):
    """A 32-bit x86 as far as Python can tell: there are no wheels of LiteRT for it."""
    another(path=f"{BARE_PYTHON}:{PATH}", wrap="setarch linux32")
    words = r"wrong architecture or Python: there is no ai-edge-litert.*for i686"
    fault("ssh://another", files.tflite, words, settings=Settings(offline=True))


@pytest.mark.parametrize(
    ("kibibytes", "words"),
    [(100, r"no space left there: 0\.\d MB are to be copied"), (700, "no space left there")],
    ids=["before copying", "while unpacking"],
)
def test_no_space(another, files, tmp_path, kibibytes, words):
    home = tmp_path / "home"
    home.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(home)]
    subprocess.run(["mount", *options], check=True)
    try:
        another()
        fault("ssh://another", files.onnx, words)
        assert not list(home.glob(".cache/littoral/*/.*"))
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_a_connection_that_is_cut_in_the_middle_is_cleaned_up_there(board, files, monkeypatch):
    measure("ssh://board", files.onnx)
    runs = board.home / ".cache/littoral/runs"
    with wire(board.port) as line:
        monkeypatch.setenv("LITTORAL_SSH", _at(board, line.port))
        with _soon(line.cut, lambda: any(runs.iterdir())):
            fault("ssh://board", files.onnx, "lost in the middle", options=ENDLESS)
    _wait_until(lambda: not any(runs.iterdir()))
    _wait_until(lambda: not _processes_in(runs))


def test_a_copy_that_is_cut_goes_on_with_what_is_missing(board, files, monkeypatch, tmp_path, told):
    """Two files: the first one is there whole when the cable is pulled during the second."""
    cache, data = board.home / ".cache/littoral/files", tmp_path / "big.npz"
    small = tmp_path / "small.onnx"
    shutil.copyfile(files.onnx, small)
    with small.open("ab") as stream:
        stream.write(b"\x3a\x00")  # an empty graph merged into its own: another digest
    data.write_bytes(os.urandom(64 << 20))
    with wire(board.port) as line:
        monkeypatch.setenv("LITTORAL_SSH", _at(board, line.port))
        before = set(_names(cache))
        with _soon(line.cut, lambda: any(name.startswith(".") for name in _names(cache)), 0):
            fault("ssh://board", small, "lost in the middle", options=Options(data=data), told=told)
    assert f"copying {small.name}, 0.0 MB" in told
    _wait_until(lambda: not any(name.startswith(".") for name in _names(cache)))
    assert len(set(_names(cache)) - before) == 1
    told.clear()
    monkeypatch.setenv("LITTORAL_SSH", board.program)
    measure("ssh://board", small, told=told)
    assert not any("copying" in what for what in told)


def test_a_connection_that_falls_silent_is_given_up(board, files, monkeypatch):
    measure("ssh://board", files.onnx)
    monkeypatch.setattr(ssh, "ALIVE_S", 1)
    runs = board.home / ".cache/littoral/runs"
    with wire(board.port) as line:
        monkeypatch.setenv("LITTORAL_SSH", _at(board, line.port))
        with _soon(line.freeze, lambda: any(runs.iterdir())):
            fault("ssh://board", files.onnx, "lost in the middle.*Timeout", options=ENDLESS)
    _wait_until(lambda: not any(runs.iterdir()))


def test_a_person_who_interrupts_is_obeyed_at_once_and_there_too(board, files, tmp_path):
    """Only this process gets the signal, as from a build server; ssh does not."""
    measure("ssh://board", files.onnx)
    runs = board.home / ".cache/littoral/runs"
    argv = ["bench", str(files.onnx), "--runs", str(10**8), "--cold-starts", "0"]
    command = [*HEARING, str(OWN_PYTHON / "littoral"), *argv, "--target", "ssh://board"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as bench:
        _wait_until(lambda: _names(runs))
        time.sleep(0.5)
        bench.send_signal(signal.SIGINT)
        _, said = bench.communicate(timeout=15)
    assert bench.returncode == 130
    assert "littoral: interrupted" in said
    _wait_until(lambda: not _names(runs))


def test_a_measurement_that_takes_too_long(files):
    words = r"not done after 2 s \(timing 1 file in turn\): allow more with --timeout"
    fault("ssh://board", files.onnx, words, options=ENDLESS, settings=Settings(timeout_s=2))


@pytest.mark.parametrize(
    ("death", "error", "words"),
    [
        ("os.kill(os.getpid(), 11)", EngineCrashed, "died of SIGSEGV while"),
        ("os.kill(os.getpid(), 9)", EngineCrashed, r"died of SIGKILL \(no memory left\?\)"),
        ("os._exit(255)", TargetError, "littoral failed there while"),
    ],
    ids=["segmentation fault", "killed", "exit code 255"],
)
def test_an_engine_that_dies_is_no_lost_connection(board, files, tmp_path, death, error, words):
    """Also with 255, which is what ssh itself ends with when it has no connection."""
    measure("ssh://board", files.onnx)
    target = ssh.connect("ssh://board", Settings())
    target.measure([files.onnx], QUICK, [].append)
    poisoned = _poison(board, death)
    try:
        with pytest.raises(error, match=f"^ssh://board: .*{words}") as caught:
            target.measure([files.onnx], QUICK, [].append)
        assert isinstance(caught.value, EngineError) == (error is EngineCrashed)
        assert "connection" not in str(caught.value)
    finally:
        poisoned()
        target.close()
    measure("ssh://board", files.onnx)


def test_names_cannot_become_commands(another, files, tmp_path):
    """Every place in which a name of the person's choice goes to the board."""
    board = another()
    hostile = tmp_path / "a'; touch owned; '$(touch owned)`touch owned` \"&& touch owned\n.onnx"
    shutil.copyfile(files.onnx, hostile)
    data = tmp_path / "-x; touch owned.npz"
    shutil.copyfile(files.data, data)
    address = "ssh://another/~/it's $(touch owned); touch owned && \"`touch owned`"
    target = ssh.connect(address, Settings("-oProxyCommand=touch owned; $(touch owned)"))
    (one,) = target.measure([hostile], Options(runs=3, cold_starts=1, data=data), [].append)
    target.close()
    assert one.path == str(hostile)
    folders = [path.name for path in board.home.iterdir() if not path.name.startswith(".")]
    assert folders == ["it's $(touch owned); touch owned && \"`touch owned`"]
    assert not list(board.home.rglob("owned")) + list(tmp_path.rglob("owned"))
    assert not Path("owned").exists()


def test_a_jump_host_of_the_person_s_configuration(board, files, monkeypatch, tmp_path):
    config = tmp_path / "jump"
    inner = board.config.read_text()
    config.write_text(inner + inner.replace("Host board", "Host inner\n ProxyJump board"))
    monkeypatch.setenv("LITTORAL_SSH", f"ssh -F {config}")
    (one,) = measure("ssh://inner", files.onnx)
    assert one.target == "ssh://inner"


def test_a_login_that_chatters_does_no_harm(another, files, tmp_path):
    chatter = tmp_path / "chatter"
    chatter.write_text('#!/bin/sh\necho Welcome\necho motd >&2\nexec "$@"\n')
    chatter.chmod(0o755)
    another(wrap=str(chatter))
    (one,) = measure("ssh://another", files.onnx)
    assert one.runs == 5


def test_a_board_with_a_network_makes_its_own_environment(another, files, told):
    """A bare Python: a virtual environment there, filled by its own pip from the index."""
    board = another(path=f"{BARE_PYTHON}:{PATH}", environment=_pip_settings())
    (one,) = measure("ssh://another", files.onnx, told=told)
    assert one.engine == "onnxruntime"
    assert any(what.startswith("installing") for what in told)
    assert not any(what.startswith("fetching") for what in told)
    assert list(board.home.glob(".cache/littoral/environments/*/pyvenv.cfg"))
    told.clear()
    measure("ssh://another", files.onnx, told=told)
    assert not any(what.startswith(("installing", "copying", "trying")) for what in told)


def test_a_board_without_a_network_gets_its_packages_from_here(another, files, told):
    nowhere = ("PIP_INDEX_URL=http://127.0.0.1:9/", "PIP_RETRIES=0")
    another(path=f"{BARE_PYTHON}:{PATH}", environment=nowhere)
    (one,) = measure("ssh://another", files.onnx, told=told)
    assert one.engine == "onnxruntime"
    assert any(
        what.startswith("its pip failed, so packages are brought from here") for what in told
    )
    assert any(what.startswith("copying onnxruntime") for what in told)


def _at(board, port):
    """The board through another port; its host key is known by the old one."""
    alias = f"[127.0.0.1]:{board.port}"
    text = board.config.read_text().replace(f"Port {board.port}", f"Port {port}")
    path = board.folder / f"config.{port}"
    path.write_text(text + f" HostKeyAlias {alias}\n")
    return f"ssh -F {path}"


@contextlib.contextmanager
def _soon(act, when, pause_s=0.3):
    """Do something, a moment after something else has become true."""

    def wait():
        _wait_until(when)
        time.sleep(pause_s)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def _wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _names(folder):
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def _processes_in(folder):
    """Processes whose working directory is below a folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            found += [link] if link.readlink().is_relative_to(folder) else []
    return found


def _poison(board, death):
    """Let the next import of littoral's own loading on the board die; gives the antidote."""
    (module,) = board.home.glob(".cache/littoral/sdk/*/littoral/engines/onnxruntime.py")
    healthy = module.read_text()
    module.write_text(f"import os\n{death}\n")
    shutil.rmtree(module.parent / "__pycache__", ignore_errors=True)

    def heal():
        module.write_text(healthy)
        shutil.rmtree(module.parent / "__pycache__", ignore_errors=True)

    return heal


def _pip_settings():
    """How this machine's own pip reaches its index; a board of ours may do the same."""
    return tuple(f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_"))
