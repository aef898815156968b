"""Every engine once more where numpy is 1 and tflite-runtime is beside ai-edge-litert."""

import os
import subprocess
import sys
from pathlib import Path

import packages
import pytest

HERE = Path(__file__).parent
UNIT = HERE.parent / "unit" / "sdk"
FILES = [
    HERE / "test_engines.py",
    *(UNIT / f"test_{name}.py" for name in ("model", "quick", "pool", "engine_options")),
]


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tflite-runtime ends at Python 3.11")
def test_all_three_engines_on_numpy_1():
    old = [packages.installed(name) for name in ("tflite-runtime==2.14.0", "numpy<2")]
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-m", "not slow"]
    done = subprocess.run(
        [*command, *map(str, FILES)],
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, old))},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    for engine in ("litert", "onnxruntime", "tflite_runtime"):
        assert f"test_a_batch_of_one[{engine}] PASSED" in done.stdout
