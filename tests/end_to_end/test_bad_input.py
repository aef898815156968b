"""Bad input at the command line: one clear line, the right exit code, nothing left behind."""

import os
import signal
import subprocess
import time

import keras
import numpy as np
import pytest
from command_line import LITTORAL, complaint, littoral
from keras import layers
from signals import HEARING

SMALL_FILES = ("prlimit", "--fsize=1500:1500")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a good model, good data, and every kind of bad file."""
    folder = tmp_path_factory.mktemp("bad")
    inputs = keras.Input((6, 6), name="image")
    x = layers.Dense(3, activation="softmax", name="scores")(layers.Flatten()(inputs))
    keras.Model(inputs, x).save(folder / "good.keras")
    inputs = keras.Input((4,))
    keras.Model(inputs, layers.Lambda(lambda x: x + 1.0, output_shape=(4,))(inputs)).save(
        folder / "lambda.keras"
    )
    (folder / "empty.tflite").write_bytes(b"")
    (folder / "text.onnx").write_text("hello")
    (folder / "zip.keras").write_bytes(b"PK\x03\x04junk")
    (folder / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    (folder / "nonsense.npz").write_bytes(b"nope")
    zeros, labels = np.zeros((5, 6, 6), "float32"), np.zeros(5, "int64")
    np.savez(folder / "good.npz", x=zeros, y=labels)
    np.savez(folder / "shape.npz", x=np.zeros((5, 3), "float32"), y=labels)
    np.savez(folder / "nan.npz", x=np.full((5, 6, 6), np.nan, "float32"), y=labels)
    np.savez(folder / "unlabelled.npz", x=zeros)
    np.savez(folder / "empty.npz", x=zeros[:0], y=labels[:0])
    np.savez(folder / "misnamed.npz", picture=zeros, y=labels)
    np.savez(folder / "labels.npz", x=zeros, y=np.array([0, 1, 2, 3, 9]))
    return folder


CONVERT = ("convert", "good.keras", "--out", "out")
STATIC = (*CONVERT, "--schemes", "static_int8", "--representative-data")
CASES = [
    (("convert", "absent.keras", "--out", "out"), 2, "cannot read absent.keras"),
    (("convert", "zip.keras", "--out", "out"), 1, "no Keras model, or is truncated"),
    (("convert", "text.onnx", "--out", "out"), 1, "give a file that model.save() wrote"),
    (("convert", "lambda.keras", "--out", "out"), 1, "--allow-unsafe"),
    (("convert", "old.h5", "--out", "out"), 1, "does not load in Keras 3"),
    (("convert", "good.keras"), 2, "--out"),
    (("convert", "good.keras", "--out", "/proc/nowhere"), 2, "choose another output folder"),
    ((*CONVERT, "--schemes", "int3"), 2, "unknown scheme 'int3': choose from dynamic_int8"),
    ((*CONVERT, "--formats", "coreml"), 2, "unknown format 'coreml': choose from onnx, tflite"),
    ((*CONVERT, "--schemes", "static_int8"), 2, "needs representative data"),
    ((*STATIC, "absent.npz"), 2, "absent.npz does not exist"),
    ((*STATIC, "nonsense.npz"), 2, "no .npz or .npy file that can be read"),
    ((*STATIC, "shape.npz"), 2, "has shape (5, 3), expected (n, 6, 6)"),
    ((*STATIC, "nan.npz"), 2, "NaN or infinity in 5 of 5 samples"),
    ((*STATIC, "empty.npz"), 2, "has no samples"),
    ((*STATIC, "misnamed.npz"), 2, "expected arrays named image (or x), found picture"),
    ((*CONVERT, "--evaluation-data", "unlabelled.npz"), 2, "add an array named y"),
    ((*CONVERT, "--evaluation-data", "labels.npz"), 2, "the model's output has 3 classes"),
    ((*CONVERT, "--batch", "none"), 2, "give a number or any"),
    ((*CONVERT, "--nonsense"), 2, "unrecognized arguments: --nonsense"),
    (("verify", "good.keras", "text.onnx"), 1, "text.onnx"),
    (("verify", "good.keras", "absent.onnx"), 2, "cannot read absent.onnx"),
    (("inspect", "empty.tflite"), 1, "empty"),
    (("run", "text.onnx", "good.npz"), 1, "text.onnx"),
    (("bench", "absent.tflite"), 2, "absent.tflite"),
    (("bench",), 2, "FILE"),
    (("train", "quantum", "--out", "x.keras"), 2, "quantum"),
    (("train",), 2, "littoral train --help"),
    (("frobnicate",), 2, "unknown verb 'frobnicate': choose from bench, compare, convert"),
    ((), 2, "no verb"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "expected"), CASES, ids=[" ".join(words) or "nothing" for words, *_ in CASES]
)
def test_bad_input_ends_in_one_clear_line(words, code, expected, place):
    before = sorted(path.name for path in place.rglob("*") if path.is_file())
    line = complaint(littoral(*words, cwd=place), code)
    assert expected in line
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == before


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(place, tmp_path):
    """The limit on a file's size stands in for a full disk: the write fails half way."""
    earlier = tmp_path / "out" / "good.float32.tflite"
    earlier.parent.mkdir()
    earlier.write_bytes(b"from an earlier day")
    done = subprocess.run(
        [*SMALL_FILES, LITTORAL, "convert", place / "good.keras", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [earlier]
    assert earlier.read_bytes() == b"from an earlier day"


def interrupted(*words, during, by=signal.SIGINT):
    """What a command prints on stderr after Ctrl-C one second into a step.

    Any other signal goes to the command alone, not to what it has started.
    """
    process = subprocess.Popen(
        [*HEARING, LITTORAL, *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        while during not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(1)
        (os.killpg if by == signal.SIGINT else os.kill)(process.pid, by)
        _, rest = process.communicate(timeout=60)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        process.kill()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    return rest.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_in_the_middle_leaves_nothing_behind(by, place, tmp_path):
    words = ("convert", place / "good.keras", "--out", tmp_path / "out")
    last = interrupted(*words, during="tracing", by=by)
    assert last == "littoral: interrupted; nothing half-written was kept"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_demo_at_once_with_whole_files_alone(tmp_path):
    out = tmp_path / "out"
    assert interrupted("demo", "--fast", "--out", out, during="training: CNN")
    left = {path.name for path in out.iterdir() if path.is_file()}
    assert "mlp.keras" in left
    assert not left & {"demo.json", "report.html"}
    assert not [name for name in left if name.startswith(".")]
