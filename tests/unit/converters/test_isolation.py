"""A native crash is an error in the caller, and the next call works."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import littoral
import pytest
from littoral_converters import isolation

pytestmark = pytest.mark.slow
FOLDER = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def functions_of_this_folder(monkeypatch):
    """The worker imports what it calls: here, the module beside this one."""
    isolation.stop()
    monkeypatch.syspath_prepend(FOLDER)
    yield
    isolation.stop()


def test_a_crash_names_the_signal_and_what_was_done():
    import native_crashes

    with pytest.raises(littoral.ConversionError, match=r"SIGABRT.*while writing cnn"):
        isolation.isolated(native_crashes.abort, doing="writing cnn")
    with pytest.raises(littoral.ConversionError, match="SIGSEGV"):
        isolation.isolated(native_crashes.segfault, doing="writing cnn")
    assert isolation.isolated(native_crashes.double, 21, doing="counting") == 42


def test_errors_keep_their_class_and_words():
    import native_crashes

    with pytest.raises(littoral.InputError, match="input image is blue"):
        isolation.isolated(native_crashes.refuse, doing="looking")
    with pytest.raises(littoral.ConversionError, match=r"fail failed: ZeroDivisionError"):
        isolation.isolated(native_crashes.fail, doing="dividing")


def test_one_worker_serves_many_calls_and_is_recycled(monkeypatch):
    import native_crashes

    monkeypatch.setattr(isolation, "CALLS_PER_WORKER", 3)
    workers = [isolation.isolated(native_crashes.process_id, doing="asking") for _ in range(5)]
    assert len(set(workers[:3])) == 1
    assert len(set(workers)) == 2
    assert os.getpid() not in workers


def test_what_native_code_prints_does_not_get_between_the_answers(capfd):
    import native_crashes

    assert isolation.isolated(native_crashes.chatter, doing="talking") == "done"
    assert capfd.readouterr().out == ""


def test_the_worker_ends_with_its_caller():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import native_crashes\n"
        "from littoral_converters import isolation\n"
        "print(isolation.isolated(native_crashes.process_id, doing='asking'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, FOLDER], capture_output=True, text=True, check=True
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(run.stdout), signal.SIG_DFL)
