"""A search from beginning to end, on a model that int8 ruins in one place."""

import json
import re

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from command_line import complaint
from command_line import littoral as command
from keras import layers
from littoral import integrity
from littoral.measuring import measure_interleaved
from littoral_converters import search
from outlier_model import clear_samples, outlier_model, typical_samples

SCHEMES = ("static_int8", "dynamic_int8", "float32")


@pytest.fixture(scope="module")
def model():
    return outlier_model()


@pytest.fixture(scope="module")
def data(model):
    return {"evaluation_data": clear_samples(model), "representative_data": typical_samples()}


@pytest.fixture(scope="module")
def searched(model, data, tmp_path_factory):
    """The model, the folder, what was found."""
    folder = tmp_path_factory.mktemp("best")
    return folder, search(model, folder, max_drop=0.5, schemes=SCHEMES, engines=(), **data)


def accuracy_in_the_raw_engine(path, data):
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    right = 0
    for sample, label in zip(data["x"], data["y"], strict=True):
        interpreter.set_tensor(given["index"], sample[None])
        interpreter.invoke()
        right += interpreter.get_tensor(result["index"]).argmax() == label
    return right / len(data["y"])


@pytest.mark.slow
def test_int8_alone_misses_and_the_search_mends_it_in_both_formats(searched, data):
    folder, found = searched
    missed = {(e.candidate.format, e.candidate.scheme): e.reason for e in found.ruled_out}
    for format_name in ("tflite", "onnx"):
        assert (format_name, "static_int8") in missed
        mixed = [
            one.variant
            for one in found.variants
            if one.variant.format == format_name and one.variant.float_layers
        ]
        assert mixed
        for variant in mixed:
            # The layer that the loud channels go into has to be float, and no calm one.
            assert "after" in variant.float_layers
            assert not {"before", "scores"} & set(variant.float_layers)
            assert variant.verification.drop_points <= 0.5
            card = integrity.read_card(variant.path.read_bytes())
            assert card.float_layers == variant.float_layers
    plain = folder / "variants" / "outlier.static_int8.tflite"
    assert accuracy_in_the_raw_engine(plain, data["evaluation_data"]) < 0.9
    best_tflite = next(v for v in found.variants if v.variant.format == "tflite")
    assert accuracy_in_the_raw_engine(best_tflite.path, data["evaluation_data"]) >= 0.995


@pytest.mark.slow
def test_the_mixed_file_keeps_just_the_blamed_weights_float(searched):
    _, found = searched
    mixed = next(
        one.variant
        for one in found.variants
        if one.variant.format == "tflite" and one.variant.scheme == "static_int8"
    )
    interpreter = Interpreter(model_path=str(mixed.path))
    interpreter.allocate_tensors()
    matrices = {
        tuple(detail["shape"]): np.dtype(detail["dtype"]).name
        for detail in interpreter.get_tensor_details()
        if len(detail["shape"]) == 2 and detail["shape"][0] > 1
    }
    assert matrices[256, 512] == "float32"
    assert matrices[512, 32] == "int8"
    assert matrices[10, 256] == "int8"


@pytest.mark.alone
@pytest.mark.slow
def test_the_best_file_is_as_fast_as_any_single_scheme(searched):
    _, found = searched
    again = measure_interleaved(
        [found.best.path, *(v.path for v in found.variants if not v.variant.float_layers)],
        duration_s=0.3,
        cold_starts=0,
    )
    assert all(again[0].ratio_to(other).value < 1.1 for other in again[1:])


@pytest.mark.slow
def test_the_folder_holds_the_best_file_the_figures_and_the_page(searched):
    folder, found = searched
    assert found.best.path.parent == folder
    known = json.loads((folder / "search.json").read_text())
    assert known["best"]["path"] == str(found.best.path)
    assert known["passed"] is True
    keys = "format scheme lowering size_bytes accuracy drop_points latency_p50_us latency_p90_us"
    for result in known["results"]:
        assert all(result[key] is not None for key in keys.split())
    front = [r for r in known["results"] if r["is_pareto"]]
    fastest = min(known["results"], key=lambda r: r["latency_p50_us"])
    assert fastest in front
    assert min(known["results"], key=lambda r: r["size_bytes"])["size_bytes"] in {
        r["size_bytes"] for r in front
    }
    blamed = next(s for s in known["sensitivity"] if s["format"] == "tflite")
    assert blamed["layers"][0]["layer"] in ("loud", "after")
    page = found.report.read_text()
    assert len(page) < 1_000_000
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "Pareto front" in page
    assert "prefers-color-scheme:dark" in page


@pytest.mark.slow
def test_a_second_search_proves_nothing_again_and_stricter_demands_take_from_it(
    model, data, searched
):
    folder, found = searched
    steps = []
    wanted = {"schemes": SCHEMES, "engines": (), "threads": (1,), "report": steps.append, **data}
    nothing = search(model, folder, max_drop=0.5, max_size=1000, **wanted)
    assert not [step for step in steps if step.startswith(("making", "comparing", "opening"))]
    assert nothing.best is None
    assert "nearest is" in nothing.message
    assert "1.00 kB" in nothing.message
    assert not found.best.path.exists()
    known = json.loads((folder / "search.json").read_text())
    assert known["passed"] is False
    assert len(known["ruled_out"]) >= 6


@pytest.mark.slow
def test_the_best_file_of_another_model_is_left_alone(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 6)).astype("float32")
    data = {"x": x, "y": np.arange(20) % 3}
    wanted = {"formats": ("tflite",), "schemes": ("float32",), "threads": (1,), "engines": ()}
    for name in ("one", "two"):
        inputs = keras.Input((6,), name="x")
        net = keras.Model(inputs, layers.Dense(3, name="scores")(inputs), name=name)
        search(net, tmp_path, max_drop=5, evaluation_data=data, **wanted)
    assert sorted(path.name for path in tmp_path.glob("*.tflite")) == ["one.tflite", "two.tflite"]


@pytest.mark.slow
def test_convert_says_which_layers_it_left_float(model, data, tmp_path):
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "e.npz", **data["evaluation_data"])
    np.savez(tmp_path / "r.npz", x=data["representative_data"])
    files = ["--evaluation-data", "e.npz", "--representative-data", "r.npz", "--formats", "tflite"]
    done = command(
        *("convert", "m.keras", "--out", "out", "--schemes", "static_int8", *files, "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    (result,) = json.loads(done.stdout)["results"]
    assert "after" in result["float_layers"]
    line = "warning: m.static_int8.tflite: static_int8 costs too much in"
    assert any(line in told and "after" in told for told in done.stderr.splitlines())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small model that is sure of nothing, and data."""
    folder = tmp_path_factory.mktemp("small")
    inputs = keras.Input((6,), name="x")
    keras.Model(inputs, layers.Dense(3, name="scores")(inputs)).save(folder / "m.keras")
    x = np.random.default_rng(0).standard_normal((20, 6)).astype("float32")
    np.savez(folder / "good.npz", x=x, y=np.arange(20) % 3)
    np.savez(folder / "unlabelled.npz", x=x)
    (folder / "file").write_text("")
    return folder


GOOD = {"--evaluation-data": "good.npz", "--max-drop": "5", "--out": "out"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--budget": "soon"}, "'soon' is no length of time: write for example 120s"),
        ({"--max-size": "small"}, "'small' is no size: write for example 200k"),
        ({"--target": "toaster://kitchen"}, "unknown target 'toaster'"),
        ({"--max-drop": "-1"}, "--max-drop"),
        ({"--max-drop": "half"}, "argument --max-drop"),
        ({"--out": "file"}, "cannot write to file"),
        ({"--schemes": "int3"}, "unknown scheme 'int3'"),
        ({"--schemes": "static_int8"}, "representative data"),
        ({"--engines": "steam"}, "unknown engine 'steam'"),
        ({"--threads": "0"}, "threads is 0: expected a whole number"),
        ({"--evaluation-data": "none.npz"}, "none.npz"),
        pytest.param({"--evaluation-data": "unlabelled.npz"}, "no labels", marks=pytest.mark.slow),
    ],
)
def test_bad_usage_is_one_line(place, changes, words):
    options = [word for pair in {**GOOD, **changes}.items() for word in pair]
    line = complaint(command("search", "m.keras", *options, cwd=place), 2)
    assert words in line


@pytest.mark.slow
def test_nothing_that_fits_is_exit_code_one_with_the_nearest_miss(place):
    options = [word for pair in {**GOOD, "--max-size": "100"}.items() for word in pair]
    done = command("search", "m.keras", *options, "--schemes", "float32", "--json", cwd=place)
    assert done.returncode == 1
    assert "nearest is" in done.stderr
    assert json.loads(done.stdout) == json.loads((place / "out" / "search.json").read_text())
