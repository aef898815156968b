"""Ctrl-C while an engine's library is being imported is Ctrl-C, not a broken library."""

import sys

import littoral
import numpy as np
import pytest
import small_models
from littoral import EngineNotInstalled
from littoral.cli import EXIT_INTERRUPTED, main

LIBRARY = "raise ImportError('initialization failed') from {cause}\n"
"""What pybind11 raises where something else is raised while an extension module begins."""

MODULES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert.interpreter"}


@pytest.fixture
def library(monkeypatch, tmp_path):
    """Puts a library of one's own in the place of the engine of a format."""

    def put(format_name, cause):
        module = MODULES[format_name]
        folder = tmp_path / "libraries"
        for name in [n for n in sys.modules if n.partition(".")[0] == module.partition(".")[0]]:
            monkeypatch.delitem(sys.modules, name)
        path = folder / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(parents=True)
        (path.parent / "__init__.py").touch()
        path.write_text(LIBRARY.format(cause=cause))
        monkeypatch.syspath_prepend(folder)

    return put


@pytest.mark.parametrize("format_name", MODULES)
def test_ctrl_c_stays_ctrl_c(format_name, library, tmp_path, capsys):
    path = tmp_path / f"model.{format_name}"
    path.write_bytes(small_models.ONE[format_name])
    library(format_name, "KeyboardInterrupt()")
    engine = {"onnx": "onnxruntime", "tflite": "litert"}[format_name]
    with pytest.raises(KeyboardInterrupt):
        littoral.load(path, engine=engine)
    np.save(tmp_path / "x.npy", np.zeros((1, 3), "float32"))
    words = ["run", str(path), str(tmp_path / "x.npy"), "--engine", engine]
    assert main(words) == EXIT_INTERRUPTED
    assert capsys.readouterr().out == ""


def test_any_other_cause_is_a_library_that_does_not_load(library, tmp_path):
    library("onnx", "RuntimeError('no AVX')")
    with pytest.raises(EngineNotInstalled, match="onnxruntime is installed but does not load"):
        littoral.load(small_models.ONE["onnx"], engine="onnxruntime")
