"""A Keras file with layers of its own, opened with the Python file that defines them."""

import subprocess
import sys

import numpy as np
import pytest
from littoral import cli
from littoral.errors import ConversionError, InputError
from littoral_converters.sources.own_modules import import_modules

pytestmark = pytest.mark.slow

PLAIN = """
import keras
from beside import bent

class Bent(keras.layers.Layer):
    def call(self, x):
        return bent(x)
"""
BESIDE = """
from keras import ops

def bent(x):
    return ops.where(x > 0, x, ops.exp(x) - 1)
"""
SAVE = """
import sys, keras
from {module} import Bent
inputs = keras.Input((6,), name="x")
keras.Model(inputs, keras.layers.Dense(3, "softmax")(Bent(name="bend")(inputs))).save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``net.keras``, saved by a program that imported ``layers_of_mine``; nothing is decorated."""
    path = tmp_path_factory.mktemp("own")
    (path / "layers_of_mine.py").write_text(PLAIN)
    (path / "beside.py").write_text(BESIDE)
    code = SAVE.format(module="layers_of_mine")
    command = [sys.executable, "-c", code, str(path / "net.keras")]
    subprocess.run(command, cwd=path, check=True, capture_output=True)
    (path / "other_name.py").write_text(PLAIN)
    return path


def argv(folder, out, *more):
    data = folder / "x.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32))
    return [str(folder / "net.keras"), "--out", str(out), "--evaluation-data", str(data), *more]


def test_without_the_file_the_error_says_how_to_give_it(folder, tmp_path):
    words = [str(folder / "net.keras"), "--out", str(tmp_path)]
    with pytest.raises(
        ConversionError, match=r"Bent \(layer 'bend', from layers_of_mine\).*--import"
    ):
        cli.call("convert", words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["layers_of_mine.py", "other_name.py"])
def test_every_verb_opens_a_model_with_the_file_that_defines_its_layers(folder, tmp_path, module):
    own = ["--import", str(folder / module)]
    source = str(folder / "net.keras")
    made = cli.call("convert", [source, "--out", str(tmp_path), "--no-recommend", *own])
    for result in made["results"]:
        assert cli.call("verify", [source, result["path"], *own])["passed"]
    found = cli.call("debug", [source, made["results"][0]["path"], *own])
    assert any(layer["layer"] == "bend" for layer in found["layers"])


def test_a_module_is_found_by_its_name_in_the_working_directory(folder, tmp_path, monkeypatch):
    command = [sys.executable, "-m", "littoral", "convert", "net.keras", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--formats", "onnx", "--import", "layers_of_mine"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "net.float32.onnx" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "nowhere.py does not exist"),
        ("import no_such_package_anywhere", "ModuleNotFoundError: No module named"),
        ("x = (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(tmp_path, content, words):
    path = tmp_path / "nowhere.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        import_modules([path])
    assert "\n" not in str(caught.value)
    assert "nowhere" not in sys.modules


def test_a_module_of_that_name_is_not_replaced(tmp_path):
    path = tmp_path / "json.py"
    path.write_text("raise ValueError('mine')")
    known = sys.modules["json"]
    with pytest.raises(InputError, match="ValueError: mine"):
        import_modules([path])
    assert sys.modules["json"] is known


REGISTERED = """
import sys, warnings, keras, numpy as np
from keras import layers
from littoral_converters import convert, debug, verify

@keras.saving.register_keras_serializable("mine")
class Doubled(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(3)

    def call(self, x):
        return 2 * self.dense(x)

if __name__ == "__main__":
    model = Doubled(name="doubled")
    model(np.ones((2, 4), "float32"))
    model.save("doubled.keras")
    for variant in convert("doubled.keras", "out"):
        assert variant.path.name.startswith("doubled.float32"), variant.path
        assert verify("doubled.keras", variant.path).passed
        assert debug("doubled.keras", variant.path).layers
"""


def test_a_file_whose_classes_only_the_calling_program_knows_is_opened_there(tmp_path):
    (tmp_path / "program.py").write_text(REGISTERED)
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
