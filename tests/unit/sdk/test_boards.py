"""A board's side without a board: the agent as a child of this process, in a folder of its own."""

import fcntl
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx_files
import pytest
from littoral import cli
from littoral.errors import EngineCrashed, FormatError, InputError, TargetError
from littoral.targets import Options, Settings, _agent, _packages
from littoral.targets._board import Board
from littoral.targets._connection import Ended, explained
from littoral.targets._session import Session, start_command

pytestmark = pytest.mark.slow  # each starts processes that import NumPy and an engine
QUICK = Options(runs=20, warmup=1, cold_starts=0)
ENDLESS = Options(runs=10**8, cold_starts=0)


def silent(what):
    """Tell nobody."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all tests: what a board needs is brought there once."""
    return tmp_path_factory.mktemp("board") / "it's a board; $(touch owned)"


@pytest.fixture
def board(folder):
    """Reached through ``sh`` where others are reached through ssh."""

    def session():
        command = ["sh", "-c", start_command(sys.executable)]
        return Session("board", command, lambda ended: explained("board", "sh", [], ended))

    found = Board("board", session, str(folder), Settings(timeout_s=60))
    yield found
    found.close()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "dense; rm -rf $HOME.onnx"
    path.write_bytes(onnx_files.dense())
    return path


def left_there(folder):
    return sorted(path.relative_to(folder).as_posix() for path in (folder / "runs").iterdir())


def test_a_board_measures_copies_once_and_keeps_nothing_of_the_run(board, model, folder):
    told = []
    (one,) = board.measure([model], QUICK, told.append)
    assert (one.path, one.target, one.runs) == (str(model), "board", 20)
    assert sum(len(part) for part in one.rounds) == 20
    assert any(what.startswith("copying dense") for what in told)
    told.clear()
    board.measure([model], QUICK, told.append)
    assert not any("copying" in what or "trying" in what for what in told)
    assert left_there(folder) == []
    assert board.environment()["python"] == one.environment["python"]


def test_outputs_come_back_whole_and_by_name(board, model, tmp_path):
    data = tmp_path / "x.npz"
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    np.savez(data, x=x)
    ((name, there),) = board.outputs([model], Options(data=data), silent)[0].items()
    import littoral

    with littoral.load(model) as here:
        assert name == here.outputs[0].name
        np.testing.assert_array_equal(there, here.run(x))


def test_weights_beside_a_model_go_along(board, tmp_path):
    import onnx

    home = tmp_path / "weights"
    home.mkdir()
    onnx.save_model(
        onnx.load_from_string(onnx_files.dense()),
        home / "split.onnx",
        save_as_external_data=True,
        location="values.bin",
        size_threshold=0,
    )
    (one,) = board.measure([home / "split.onnx"], QUICK, silent)
    assert one.runs == 20
    (home / "values.bin").unlink()
    with pytest.raises(FormatError, match=r"values\.bin"):
        board.measure([home / "split.onnx"], QUICK, silent)


def test_errors_from_there_are_of_their_own_class_and_name_the_file_here(board, model, tmp_path):
    data = tmp_path / "x.npz"
    np.savez(data, x=np.ones((2, 9), np.float32))
    with pytest.raises(InputError, match=r"board: .*\[4\]"):
        board.measure([model], Options(runs=1, cold_starts=0, data=data), silent)
    bad = tmp_path / "unknown.onnx"
    bad.write_bytes(onnx_files.dense().replace(b"Softmax", b"Hardmox"))
    with pytest.raises(FormatError, match=r"board: .*unknown\.onnx"):
        board.measure([bad], QUICK, silent)
    keras = tmp_path / "a.keras"
    keras.write_bytes(b"no model")
    with pytest.raises(FormatError, match="not a TFLite"):
        board.measure([keras], QUICK, silent)


def test_an_engine_that_dies_there_is_not_a_lost_connection(
    board, model, folder, monkeypatch, tmp_path
):
    board.measure([model], QUICK, silent)
    dying = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "onnxruntime.py").write_text(dying)
    monkeypatch.setenv("PYTHONPATH", str(poison))
    board.close()
    with pytest.raises(EngineCrashed, match=r"board: .*SIGSEGV"):
        board.measure([model], QUICK, silent)
    assert left_there(folder) == []


def test_a_time_out_stops_what_runs_there(board, model, folder):
    board.measure([model], QUICK, silent)
    board._settings = Settings(timeout_s=1.5)
    with pytest.raises(TargetError, match=r"not done after 1\.5 s"):
        board.measure([model], ENDLESS, silent)
    assert left_there(folder) == []


def test_a_lost_connection_cleans_up_and_the_next_command_goes_on(board, model, folder):
    board.measure([model], QUICK, silent)

    def cut():
        while not left_there(folder):
            time.sleep(0.01)
        time.sleep(0.5)
        board._session._process.stdin.close()

    threading.Thread(target=cut).start()
    with pytest.raises(TargetError, match="connection was lost in the middle"):
        board.measure([model], ENDLESS, silent)
    end = time.monotonic() + 10
    while left_there(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert left_there(folder) == []
    told = []
    board.measure([model], QUICK, told.append)
    assert not any("copying" in what for what in told)


def test_two_measurements_on_one_board_wait_for_each_other(board, model, folder):
    board.measure([model], QUICK, silent)
    told = []
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=board.measure, args=([model], QUICK, told.append))
        waiting.start()
        waiting.join(1.5)
        assert waiting.is_alive()
        assert told == ["waiting until another measurement there is done"]
    waiting.join(20)
    assert told[-1] == "timing 1 file in turn"


def test_what_a_killed_agent_left_is_swept_by_the_next(board, model, folder):
    old, month = folder / "files" / "unused", 31 * 86400
    old.parent.mkdir(parents=True, exist_ok=True)
    old.touch()
    os.utime(old, (time.time() - month, time.time() - month))
    (folder / "runs" / f".{2**22 + 1}.run").mkdir(parents=True)
    (folder / "runs" / f".{os.getpid()}.run").mkdir()
    board.measure([model], QUICK, silent)
    assert left_there(folder) == [f"runs/.{os.getpid()}.run"]
    assert not old.exists()


def test_clean_leaves_nothing_there(board, model, folder):
    board.measure([model], QUICK, silent)
    board.clean(silent)
    assert not folder.exists()


def test_a_folder_that_cannot_be_used_is_named(board, folder):
    folder.write_text("a file is in the way")
    with pytest.raises(TargetError, match=r"cannot use its folder there"):
        board.clean(silent)


@pytest.mark.parametrize("says", ["motd without end", "littoral-agent-not {}"])
def test_what_a_login_prints_is_left_out(tmp_path, says):
    noisy = ["sh", "-c", f"printf '{says}\\n'; {start_command(sys.executable)}"]
    with Session("noisy", noisy, lambda ended: TargetError(str(ended))) as session:
        assert session.ask("hello", folder=str(tmp_path))["root"]


def test_an_answer_that_ends_too_early_is_no_answer(folder):
    ends = ["sh", "-c", "printf 'littoral-agent {\"alive\"'; exit 3"]
    with pytest.raises(TargetError, match="3"):
        Session("ends", ends, lambda ended: explained("ends", "sh", [], ended))


def test_faults_are_told_by_what_was_said_not_by_the_exit_code():
    faults = [("Permission denied", "no login")]
    said = "pi@board: Permission denied (publickey)."
    assert "no login" in str(explained("b", "ssh", faults, Ended(255, said, False)))
    assert "lost in the middle" in str(explained("b", "ssh", faults, Ended(255, said, True)))
    assert "exit code 1" in str(explained("b", "ssh", faults, Ended(1, "", False)))


def test_the_agent_needs_nothing_of_littoral():
    text = Path(_agent.__file__).read_text()
    assert "import littoral" not in text
    assert "from littoral" not in text.replace('"from littoral.targets._errand', "")


def machine(architecture="aarch64", libc=("glibc", "2.31"), **markers):
    here = {"platform_machine": architecture, "python_version": "3.10", "sys_platform": "linux"}
    here |= {"python_full_version": "3.10.4", "platform_python_implementation": "CPython"}
    return _packages.Machine({**here, **markers}, libc, frozenset())


def test_wheels_must_fit_the_board_s_c_library():
    tags = _packages._platforms(machine())
    assert tags[0] == "manylinux_2_31_aarch64"
    assert "manylinux_2_17_aarch64" in tags
    assert "manylinux_2_34_aarch64" not in tags
    assert _packages._platforms(machine(libc=("musl", "")))[0] == "musllinux_1_2_aarch64"


@pytest.mark.parametrize("wrong", [{"libc": ("bionic", "")}, {"sys_platform": "darwin"}])
def test_a_system_without_wheels_is_named(wrong):
    with pytest.raises(_packages.NoPackages, match=r"no wheels for aarch64, CPython 3\.10\.4"):
        _packages._platforms(machine(**wrong))


def test_a_format_s_engines_are_tried_in_their_order():
    first, second = _packages.choices(["tflite"])
    assert any(one.startswith("ai-edge-litert") for one in first)
    assert any(one.startswith("tflite-runtime") for one in second)
    assert any(one.startswith("numpy") for one in first)
    assert len(_packages.choices(["onnx", "tflite"])) == 2


def test_the_same_sdk_is_the_same_bytes():
    assert _packages.sdk_archive() == _packages.sdk_archive()


def test_one_target_of_several_that_fails_fails_the_command_but_not_the_others(
    model, monkeypatch, capsys
):
    monkeypatch.setenv("LITTORAL_SSH", "false")
    argv = ["bench", str(model), "--runs", "20", "--cold-starts", "0", "--json"]
    argv += ["--target", "ssh://nowhere", "--target", "local"]
    assert cli.main(argv) == 1
    payload = json.loads(capsys.readouterr().out)
    assert [one["target"] for one in payload["measurements"]] == ["local"]
    assert "ssh ended" in payload["targets"][0]["error"]
    assert payload["passed"] is False
    assert cli.main([*argv, "--target", "local"]) == 2
    assert "given twice" in capsys.readouterr().err
    monkeypatch.setenv("LITTORAL_SSH", "no-such-program-here")
    assert cli.main([*argv[:-2]]) == 1
    assert "no-such-program-here cannot be started" in capsys.readouterr().err
