"""Every engine once more where numpy is 1: tflite-runtime beside LiteRT, and an old onnxruntime."""

import os
import subprocess
import sys
from pathlib import Path

import packages
import pytest

HERE = Path(__file__).parent
UNIT = HERE.parent / "unit" / "sdk"
RUN_PATH = ("model", "quick", "pool", "engine_options")


def run(requirements, *arguments):
    """The output of pytest with these packages in front of everything that is installed."""
    path = os.pathsep.join(str(packages.installed(name)) for name in requirements)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-m", "not slow"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tflite-runtime ends at Python 3.11")
def test_all_three_engines_on_numpy_1():
    unit = [UNIT / f"test_{name}.py" for name in RUN_PATH]
    out = run(("tflite-runtime==2.14.0", "numpy<2"), HERE / "test_engines.py", *unit)
    for engine in ("litert", "onnxruntime", "tflite_runtime"):
        assert f"test_a_batch_of_one[{engine}] PASSED" in out


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="onnxruntime 1.17 ends at Python 3.12")
def test_the_oldest_onnxruntime_that_the_extra_allows():
    files = [HERE / "test_engines.py", UNIT / "test_external_weights.py"]
    old = ("onnxruntime==1.17.3", "numpy<2")
    out = run(old, *files, "-k", "onnxruntime or external")
    assert "test_a_batch_of_one[onnxruntime] PASSED" in out
    assert "test_weights_beside_the_model_give_the_raw_engines_result[w.bin] PASSED" in out
