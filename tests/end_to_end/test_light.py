"""What importing and asking for help pull in: a board pays for it at every call."""

import importlib.metadata
import json
import subprocess
import sys

import pytest

ENGINES = {"ai_edge_litert", "tflite_runtime", "onnxruntime"}
HEAVY = ENGINES | {"keras", "tensorflow", "onnx", "tf2onnx", "rich", "PIL", "scipy", "matplotlib"}


def modules_after(code):
    """Top-level modules that a fresh Python has imported after running `code`."""
    tail = "\nimport sys, json\nprint(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    run = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_littoral_imports_no_engine():
    assert not modules_after("import littoral") & HEAVY


def test_loading_a_file_is_what_imports_an_engine():
    assert not modules_after("import littoral; littoral.load; littoral.measure") & HEAVY


@pytest.mark.parametrize("words", ["--help", "convert --help", "train --help", "bench --help"])
def test_help_imports_neither_numpy_nor_keras(words):
    code = f"""
from littoral.cli import main
try:
    main({words.split()!r})
except SystemExit as end:
    assert end.code == 0
"""
    assert not modules_after(code) & (HEAVY | {"numpy"})


def test_the_models_import_no_tensorflow():
    assert "tensorflow" not in modules_after("import littoral_models")


def test_the_base_install_brings_numpy_alone():
    required = importlib.metadata.requires("littoral")
    assert [line.split(">")[0] for line in required if "extra ==" not in line] == ["numpy"]


def test_every_public_name_is_there():
    import littoral

    for name in littoral.__all__:
        assert getattr(littoral, name) is not None
    assert {"load", "Model", "TensorSpec", "Card", "LittoralError", "measure"} <= set(
        littoral.__all__
    )
