import os
import signal
import subprocess
import sys
import time

import numpy as np
import onnx_files
import onnx_writer
import pytest
from littoral import cold_start as module
from littoral.cold_start import cold_start
from littoral.errors import EngineCrashed, EngineError
from littoral.first_result import peak_memory_bytes, resident_bytes


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.onnx"
    path.write_bytes(onnx_files.dense())
    return path


@pytest.mark.alone
def test_it_is_the_wall_time_of_a_real_process(dense):
    before = time.perf_counter_ns()
    start = cold_start(dense)
    whole = time.perf_counter_ns() - before
    # An interpreter alone, without numpy and engine, takes some 10 ms.
    assert 10e6 < start.first_result_ns < whole
    assert 0 < start.load_ns < start.first_result_ns


@pytest.mark.alone
@pytest.mark.slow
def test_peak_memory_is_the_childs_and_not_the_parents(dense):
    alone = cold_start(dense).peak_memory_bytes
    ballast = bytearray(os.urandom(1) * 400_000_000)
    beside = cold_start(dense).peak_memory_bytes
    assert len(ballast) == 400_000_000
    assert beside == pytest.approx(alone, rel=0.2)


@pytest.mark.alone
def test_peak_memory_grows_with_what_a_process_holds():
    code = (
        "from littoral.first_result import peak_memory_bytes as peak; before = peak();"
        "held = bytearray(b'x' * 50_000_000); print(peak() - before)"
    )
    grown = int(subprocess.check_output([sys.executable, "-c", code]))
    assert 45e6 < grown < 120e6


def test_peak_memory_is_unknown_where_the_kernel_does_not_say(tmp_path):
    silent = tmp_path / "status"
    silent.write_text("Name:\tpython\n")
    assert peak_memory_bytes(silent) is None
    assert peak_memory_bytes(tmp_path / "absent") is None


@pytest.mark.slow
def test_model_memory_is_the_weights_and_not_the_engines_library(dense, tmp_path):
    weights = np.ones((1000, 4000), np.float32)
    large = tmp_path / "large.onnx"
    large.write_bytes(
        onnx_writer.write(
            [("x", "float32", [1, 1000])],
            [("y", "float32", [1, 4000])],
            [("MatMul", ["x", "weights"], ["y"], {})],
            constants={"weights": weights},
        )
    )
    # The file's own bytes may still be there, and ONNX Runtime may lay weights out once more.
    assert weights.nbytes < cold_start(large).model_memory_bytes < 3.2 * weights.nbytes
    assert 0 < cold_start(dense).model_memory_bytes < 0.5 * weights.nbytes


def test_resident_memory_is_unknown_where_the_kernel_does_not_say(tmp_path):
    assert resident_bytes(tmp_path / "absent") is None
    assert resident_bytes() > 1e6


def test_only_numpy_and_one_engine_are_loaded(dense, tmp_path):
    listing = tmp_path / "modules.txt"
    code = (
        "import sys; sys.argv = ['x', sys.argv[1], 'auto', '1']; "
        "from littoral.first_result import main; main(); "
        f"open({str(listing)!r}, 'w').write(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    )
    subprocess.run([sys.executable, "-c", code, str(dense)], check=True, capture_output=True)
    loaded = set(listing.read_text().split())
    assert {"numpy", "onnxruntime", "littoral"} <= loaded
    assert not loaded & {
        "subprocess",
        "keras",
        "tensorflow",
        "onnx",
        "ai_edge_litert",
        "littoral_models",
    }


def test_a_module_in_the_working_directory_is_not_taken(dense, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    if sys.version_info >= (3, 11):
        assert cold_start(dense).first_result_ns > 0


def test_a_failure_in_the_fresh_process_is_told_with_its_reason(tmp_path):
    text = tmp_path / "text.onnx"
    text.write_text("hello")
    with pytest.raises(EngineError, match=r"text\.onnx failed in a fresh Python process: .*text"):
        cold_start(text)


def test_a_crash_in_the_fresh_process_names_the_signal(dense, monkeypatch):
    crash = f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})"
    monkeypatch.setattr(module, "_PROGRAM", crash)
    with pytest.raises(EngineCrashed, match="SIGSEGV"):
        cold_start(dense)
