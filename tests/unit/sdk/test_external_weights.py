"""ONNX weights in other files: read from the model's own folder, and from nowhere else."""

import os

import littoral
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_writer import write

X = np.arange(256, dtype=np.float32)
CONTENT = write(
    [("x", "float32", [256])],
    [("y", "float32", [256])],
    [("Add", ["x", "w"], ["s"], {}), ("Mul", ["s", "v"], ["y"], {})],
    {"w": np.linspace(0, 1, 256, dtype=np.float32), "v": np.full(256, 3, np.float32)},
)


def save(folder, location="w.bin", **changes):
    """The model with all weights in another file; changes are entries of each tensor's place."""
    folder.mkdir(exist_ok=True)
    model = onnx.load_from_string(CONTENT)
    onnx.save_model(
        model, folder / "m.onnx", save_as_external_data=True, size_threshold=0, location="w.bin"
    )
    if location != "w.bin" or changes:
        model = onnx.load(folder / "m.onnx", load_external_data=False)
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                entry.value = {"location": location, **changes}.get(entry.key, entry.value)
        (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@pytest.mark.parametrize("location", ["w.bin", "./w.bin", "parts/w.bin"])
def test_weights_beside_the_model_give_the_raw_engines_result(tmp_path, location, monkeypatch):
    path = save(tmp_path / "model", location)
    if location.startswith("parts"):
        (path.parent / "parts").mkdir()
        (path.parent / "w.bin").rename(path.parent / location)
    raw = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with littoral.load(path) as model:
        np.testing.assert_array_equal(model.run(X), raw.run(None, {"x": X})[0])
    monkeypatch.chdir(path.parent)
    with littoral.load("m.onnx") as model:
        np.testing.assert_array_equal(model.run(X), raw.run(None, {"x": X})[0])


@pytest.mark.parametrize(
    "location", ["../w.bin", "/etc/hostname", "a/../../w.bin", "", "..\\w.bin", "C:\\w.bin"]
)
def test_a_path_out_of_the_folder_is_refused_without_being_opened(tmp_path, location):
    path = save(tmp_path / "model", location)
    (tmp_path / "w.bin").write_bytes((path.parent / "w.bin").read_bytes())
    with pytest.raises(littoral.FormatError, match="own folder only"):
        littoral.load(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    path = save(tmp_path / "model")
    (path.parent / "w.bin").rename(tmp_path / "elsewhere.bin")
    (path.parent / "w.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(littoral.FormatError, match="leads out of the model's folder"):
        littoral.load(path)


def test_a_pipe_is_no_file(tmp_path):
    path = save(tmp_path / "model")
    (path.parent / "w.bin").unlink()
    os.mkfifo(path.parent / "w.bin")
    with pytest.raises(littoral.FormatError, match="is no file"):
        littoral.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": "4096"}, "ends? at byte"),
        ({"offset": "999999999999999999999"}, "ends? at byte"),
        ({"offset": "-8"}, "is no number"),
        ({"location": "absent.bin"}, "not beside the model"),
    ],
)
def test_a_place_that_is_not_there_is_named(tmp_path, changes, message):
    with pytest.raises(littoral.FormatError, match=message) as caught:
        littoral.load(save(tmp_path / "model", **changes))
    assert "\n" not in str(caught.value)


def test_without_a_path_there_is_no_folder(tmp_path):
    with pytest.raises(littoral.FormatError, match="loaded by its path"):
        littoral.load(save(tmp_path / "model").read_bytes())


def test_weights_inside_a_function_of_the_file_are_found_too(tmp_path):
    """An engine expands functions: a constant in one may be elsewhere as well."""
    away = onnx.numpy_helper.from_array(np.ones(4, np.float32), "c")
    onnx.external_data_helper.set_external_data(away, "../../etc/hostname", 0, 16)
    away.ClearField("raw_data")
    function = onnx.helper.make_function(
        "own",
        "F",
        ["a"],
        ["b"],
        [
            onnx.helper.make_node("Constant", [], ["c"], value=away),
            onnx.helper.make_node("Add", ["a", "c"], ["b"]),
        ],
        [onnx.helper.make_opsetid("", 17)],
    )
    model = onnx.load_from_string(CONTENT)
    model.functions.append(function)
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(littoral.FormatError, match="own folder only"):
        littoral.load(path)
