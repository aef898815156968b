"""A native crash is an error in the caller, and the next call works."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import littoral
import pytest
from littoral_converters import convert, isolation

pytestmark = pytest.mark.slow
FOLDER = str(Path(__file__).parent)


@pytest.fixture(autouse=True, scope="module")
def functions_of_this_folder():
    """The worker imports what it calls: here, the module beside this one."""
    isolation.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
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


def test_one_worker_serves_many_calls():
    import native_crashes

    workers = {isolation.isolated(native_crashes.process_id, doing="asking") for _ in range(5)}
    assert len(workers) == 1
    assert os.getpid() not in workers


def test_a_worker_starts_without_what_tensorflow_imports_only_for_others():
    import native_crashes

    isolation.stop()
    assert isolation.isolated(native_crashes.imported, doing="asking") == {"tensorflow"}
    isolation.isolated(native_crashes.import_for_a_layer, doing="importing")
    assert isolation.isolated(native_crashes.imported, doing="asking") >= {"jax", "sklearn"}


def test_a_worker_that_grows_is_replaced_before_it_takes_the_machine(monkeypatch):
    import native_crashes

    monkeypatch.setattr(isolation, "MOST_GROWTH_BYTES", 90 << 20)
    isolation.stop()
    sizes = [isolation.isolated(native_crashes.leak, 50 << 20, doing="leaking") for _ in range(5)]
    assert [process for process, _ in sizes].count(sizes[0][0]) == 3
    assert len({process for process, _ in sizes}) == 2
    # The limit, and the call that went beyond it.
    assert max(size for _, size in sizes) < sizes[0][1] + (150 << 20)


def test_where_memory_is_not_told_calls_are_counted(monkeypatch):
    import native_crashes

    monkeypatch.setattr(isolation, "CALLS_PER_WORKER", 2)
    isolation.stop()
    workers = []
    for _ in range(4):
        workers.append(isolation.isolated(native_crashes.process_id, doing="asking"))
        isolation._current.bytes = None
    assert len(set(workers)) == 2


def test_conversions_in_one_process_do_not_grow_its_memory(tmp_path):
    """Measured per conversion; for 10,000 it bounds the growth here by 200 MB."""
    code = (
        "import gc, sys, keras\n"
        "from pathlib import Path\n"
        "from littoral_converters import convert, isolation\n"
        "def size(process):\n"
        "    return int(Path(f'/proc/{process}/statm').read_text().split()[1]) * 4096\n"
        "def one():\n"
        "    net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)], name='net')\n"
        "    convert(net, sys.argv[1], formats=('tflite',))\n"
        "    keras.backend.clear_session()\n"
        "def both():\n"
        "    gc.collect()\n"
        "    return size('self'), size(isolation._current.process.pid)\n"
        "[one() for _ in range(6)]\n"
        "before = both()\n"
        "[one() for _ in range(15)]\n"
        "print(*((after - start) // 15 for start, after in zip(before, both())))"
    )
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    here, worker = map(int, run.stdout.split())
    assert here < 20_000
    assert worker < 1_000_000


def test_a_crash_names_the_layer_that_was_at_work(tmp_path):
    import keras
    import native_crashes

    inputs = keras.Input((4,), name="x")
    inner = keras.layers.Dense(3, name="fine")(inputs)
    net = keras.Model(inputs, native_crashes.Fragile(name="fragile")(inner), name="net")
    words = r"SIGABRT.*while tracing net, in layer 'fragile' \(Fragile\)"
    with pytest.raises(littoral.ConversionError, match=words):
        convert(net, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_does_not_survive_saving_is_converted_where_it_is(tmp_path):
    """A class of the calling program, with state that its config does not hold."""
    import keras
    import numpy as np

    class Shift(keras.layers.Layer):
        def __init__(self, by=0.0, **settings):
            super().__init__(**settings)
            self.by = by

        def call(self, x):
            return x + self.by

        def get_config(self):
            return super().get_config()

    registered = keras.saving.register_keras_serializable("here")(Shift)
    inputs = keras.Input((4,), name="x")
    net = keras.Model(inputs, registered(by=2.0, name="shift")(inputs), name="net")
    (variant,) = convert(net, tmp_path, formats=("onnx",))
    with littoral.load(variant.path) as model:
        assert [spec.name for spec in model.inputs] == ["x"]
        assert model.run(np.zeros((1, 4), "float32")) == pytest.approx(2.0)


def test_a_copy_that_says_something_else_is_not_taken(tmp_path):
    import keras
    import native_crashes
    import numpy as np

    inputs = keras.Input((4,), name="x")
    forgetful = native_crashes.Forgetful(by=2.0, name="forgetful")
    net = keras.Model(inputs, forgetful(inputs), name="net")
    (variant,) = convert(net, tmp_path, formats=("onnx",))
    with littoral.load(variant.path) as model:
        assert model.run(np.zeros((1, 4), "float32")) == pytest.approx(2.0)


def test_what_native_code_prints_does_not_get_between_the_answers(capfd):
    import native_crashes

    assert isolation.isolated(native_crashes.chatter, doing="talking") == "done"
    assert capfd.readouterr().out == ""


def said_by(code):
    """What a program of its own prints, which is given this folder."""
    command = [sys.executable, "-c", code, FOLDER]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_worker_ends_with_its_caller():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import native_crashes\n"
        "from littoral_converters import isolation\n"
        "print(isolation.isolated(native_crashes.process_id, doing='asking'))"
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(said_by(code)), signal.SIG_DFL)


@pytest.mark.parametrize(("begin", "lives"), [("SIG_IGN", True), ("SIG_DFL", False)])
def test_the_worker_takes_ctrl_c_as_its_caller_was_started_to(begin, lives):
    """A job that a script put into the background ignores it: then its worker must as well."""
    code = (
        "import os, signal, sys, time; sys.path.insert(0, sys.argv[1])\n"
        f"signal.signal(signal.SIGINT, signal.{begin})\n"
        "import native_crashes\n"
        "from littoral_converters import isolation\n"
        "first = isolation.isolated(native_crashes.process_id, doing='asking')\n"
        "os.kill(first, signal.SIGINT)\n"
        "time.sleep(0.5)\n"
        "print(first == isolation.isolated(native_crashes.process_id, doing='asking'))"
    )
    assert said_by(code).strip() == str(lives)


def test_the_worker_does_not_outlive_a_caller_that_is_killed(tmp_path):
    path = tmp_path / "worker"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import native_crashes\n"
        "from littoral_converters import isolation\n"
        "isolation.isolated(native_crashes.doze, sys.argv[2], doing='dozing')"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, FOLDER, str(path)])
    try:
        end = time.monotonic() + 60
        while not path.exists() or not path.read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        caller.kill()
        caller.wait()
    worker = int(path.read_text())
    while _lives(worker):
        assert time.monotonic() < end, "the worker works on for nobody"
        time.sleep(0.05)


def _lives(process):
    """Whether a process is there and more than an entry that nobody has read yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
