"""Data and models that are hardly what was meant: warnings with figures, errors with a way out."""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import littoral
import numpy as np
import pytest
import small_models
from keras import layers
from littoral import ConversionError, InputError
from littoral.cli import call, main
from littoral.report import units
from littoral_converters import DataWarning, convert, pipeline, verify
from littoral_converters.calibration import Dataset
from littoral_converters.calibration.doubts import doubts, doubts_of_outputs
from littoral_converters.preparation.soundness import check_finite

random = np.random.default_rng(0)
NORMAL = random.normal(size=(64, 6)).astype("float32")


def said(values, evaluated=None):
    evaluation = None if evaluated is None else Dataset({"x": evaluated})
    return doubts(Dataset({"x": values}), evaluation)


def test_good_data_is_not_doubted():
    assert said(NORMAL) == ()
    assert said(NORMAL, random.normal(size=(500, 6)).astype("float32")) == ()
    assert said(random.integers(0, 9, (64, 6)), random.integers(50, 99, (64, 6))) == ()
    assert doubts(None, Dataset({"x": NORMAL})) == ()


def test_one_sample_is_doubted():
    (line,) = said(NORMAL[:1])
    assert line.startswith("representative data has 1 sample")
    (line,) = doubts(None, Dataset({"x": NORMAL[:1]}))
    assert line.startswith("evaluation data has 1 sample")


def test_a_constant_and_a_repeated_sample_are_doubted():
    (line,) = said(np.full((8, 6), 0.5, "float32"))
    assert "input x is constant, 0.5 in all of its 48 values" in line
    (line,) = said(np.repeat(NORMAL[:1], 8, axis=0))
    assert "all 8 samples of input x are the same" in line


@pytest.mark.parametrize("change", [lambda x: 255 * x, lambda x: x / 255, lambda x: x + 9])
def test_data_far_from_the_evaluation_data_is_doubted_with_figures(change):
    other = random.normal(size=(500, 6)).astype("float32")
    (line,) = said(NORMAL, change(other))
    assert "far from the evaluation data: input x is" in line
    assert f"mean {NORMAL.mean():.3g}, deviation {NORMAL.std():.3g}" in line
    assert f"mean {change(other).mean():.3g}, deviation {change(other).std():.3g}" in line
    outside = np.mean((change(other) < NORMAL.min()) | (change(other) > NORMAL.max()))
    assert f"{outside:.1%} of it outside" in line


def net():
    inputs = keras.Input((6,), name="x")
    return keras.Model(inputs, layers.Dense(3, name="y")(inputs), name="net")


@pytest.mark.slow
def test_doubts_reach_stderr_the_json_and_the_results(tmp_path, capsys):
    net().save(tmp_path / "net.keras")
    np.savez(tmp_path / "one.npz", x=NORMAL[:1])
    words = [tmp_path / "net.keras", "--out", tmp_path / "out", "--formats", "tflite"]
    words += ["--schemes", "float32", "static_int8", "--tolerance", "1", "--no-recommend"]
    payload = call("convert", [*map(str, words), "--representative-data", f"{tmp_path}/one.npz"])
    (line,) = payload["warnings"]
    assert "1 sample" in line
    assert f"warning: {line}" in capsys.readouterr().err
    warned = {result["scheme"]: result["warnings"] for result in payload["results"]}
    assert warned == {"float32": [], "static_int8": [line]}


@pytest.mark.slow
def test_python_is_warned_the_python_way(tmp_path):
    with pytest.warns(DataWarning, match="1 sample"):
        (variant,) = convert(
            net(),
            tmp_path,
            formats=("tflite",),
            schemes=("static_int8",),
            representative_data=NORMAL[:1],
            tolerance=1.0,
        )
    assert len(variant.warnings) == 1


CUSTOM = """
import keras, sys
from keras import layers
@keras.saving.register_keras_serializable("mine")
class Mix(layers.Layer):
    def call(self, x): return x * 2
@keras.saving.register_keras_serializable("mine")
class Shift(layers.Layer):
    def call(self, x): return x + 2
@keras.saving.register_keras_serializable("mine")
def swishy(x): return x * keras.ops.sigmoid(x)
class Plain(layers.Layer):
    def call(self, x): return x - 1
inputs = keras.Input((4,))
x = Plain(name="plain")(Mix(name="mix")(inputs))
x = layers.Dense(3, activation=swishy, name="wide")(x)
net = keras.Model(inputs, keras.Sequential([keras.Input((3,)), Shift(name="shift")])(x))
net.save(sys.argv[1])
net.save(sys.argv[2])
"""


@pytest.mark.slow
def test_every_unknown_class_is_named_with_its_layer(tmp_path):
    paths = [tmp_path / "net.keras", tmp_path / "net.h5"]
    subprocess.run([sys.executable, "-c", CUSTOM, *paths], check=True, capture_output=True)
    for path in paths:
        with pytest.raises(ConversionError) as caught:
            convert(path, tmp_path / "out")
        line = str(caught.value)
        named = ["Mix (layer 'mix')", "swishy (layer 'wide')", "Shift (layer 'shift')"]
        for name in (*named, "Plain (layer 'plain')"):
            assert name in line
        assert "register_keras_serializable" in line
        assert "--import FILE.py" in line
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_model_without_weights_converts_in_every_way(tmp_path):
    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.AveragePooling2D(2)(layers.Rescaling(1 / 255)(inputs))
    bare = keras.Model(inputs, layers.Flatten(name="flat")(x), name="bare")
    images = random.uniform(0, 255, (32, 4, 4, 3)).astype("float32")
    schemes = ("float32", "float16", "dynamic_int8", "static_int8")
    wanted = np.asarray(bare(images))
    made = convert(bare, tmp_path, schemes=schemes, representative_data=images, recommend=False)
    assert len(made) == 8
    for variant in made:
        with littoral.load(variant.path) as model:
            assert np.abs(model.run(images) - wanted).max() < 0.02


@pytest.mark.slow
def test_strings_are_refused_by_name(tmp_path):
    inputs = keras.Input((1,), dtype="string", name="words")
    lookup = layers.StringLookup(vocabulary=["a", "b"], name="lookup")
    text = keras.Model(inputs, lookup(inputs), name="text")
    with pytest.raises(ConversionError, match="input 'words' of model 'text' takes strings"):
        convert(text, tmp_path)
    assert list(tmp_path.iterdir()) == []


def ruined(place, value, trainable=True):
    """One Dense between two good ones, with a value that training never leaves there."""
    inputs = keras.Input((6,), name="x")
    hidden = layers.Dense(4, name="ruined")(layers.Dense(6, name="good")(inputs))
    if not trainable:
        hidden = layers.BatchNormalization(name="still")(hidden)
    model = keras.Model(inputs, layers.Dense(2, name="y")(hidden), name="net")
    layer = model.get_layer("ruined" if trainable else "still")
    values = layer.get_weights()
    values[place].flat[:2] = value
    layer.set_weights(values)
    return model


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("verb", ["convert", "verify", "debug", "search"])
def test_weights_that_are_not_finite_are_named_by_their_layer(tmp_path, capsys, verb, value):
    path, out = str(tmp_path / "net.keras"), str(tmp_path / "out")
    ruined(0, value).save(path)
    (tmp_path / "toy.onnx").write_bytes(small_models.ONE["onnx"])
    np.savez(tmp_path / "e.npz", x=NORMAL, y=np.zeros(64, int))
    more = {
        "convert": ["--out", out],
        "search": ["--out", out, "--evaluation-data", str(tmp_path / "e.npz"), "--max-drop", "1"],
    }.get(verb, [str(tmp_path / "toy.onnx")])
    assert main([verb, path, *more]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(
        "littoral: layer 'ruined' (Dense): 2 of its weights are not finite: train it again"
    )


def test_only_nan_is_refused_among_weights_that_are_not_trained():
    check_finite(ruined(3, np.inf, trainable=False))
    with pytest.raises(InputError, match=r"layer 'still' \(BatchNormalization\): 2 of its"):
        check_finite(ruined(3, np.nan, trainable=False))


def test_an_output_that_never_changes_is_doubted_with_figures(tmp_path, capsys):
    assert doubts_of_outputs({"y": NORMAL, "z": NORMAL[:1]}, {"x": NORMAL}) == ()
    model = ruined(0, 0.0)
    model.get_layer("y").set_weights([np.zeros((4, 2)), np.ones(2)])
    model.save(tmp_path / "net.keras")
    np.savez(tmp_path / "e.npz", x=NORMAL, y=np.zeros(64, int))
    words = ["--out", str(tmp_path / "out"), "--formats", "tflite"]
    words += ["--evaluation-data", str(tmp_path / "e.npz")]
    payload = call("convert", [str(tmp_path / "net.keras"), *words])
    (line,) = payload["warnings"]
    assert line == "output 'y' is the same for all 64 samples: the comparison says little"
    assert f"warning: {line}" in capsys.readouterr().err
    found = call("verify", [str(tmp_path / "net.keras"), payload["results"][0]["path"]])
    assert found["passed"]
    assert found["warnings"] == [line.replace("64", "16")]
    told = capsys.readouterr().err.splitlines()
    assert f"warning: {found['warnings'][0]}" in told
    assert any(step.startswith("verify [2] running ") for step in told), told


def test_a_model_that_overflows_in_keras_is_told_from_a_wrong_file(tmp_path):
    inputs = keras.Input((6,), name="x")
    growing = keras.ops.exp(layers.Dense(3, kernel_initializer="ones", name="wide")(inputs))
    model = keras.Model(inputs, layers.Activation("linear", name="y")(growing), name="growing")
    data = NORMAL[:10].copy()
    data[3:6] = 1000
    with pytest.raises(ConversionError, match="Keras's own output 'y' is not finite for 3 of 10"):
        convert(model, tmp_path, representative_data=data)
    assert list(tmp_path.iterdir()) == []
    for variant in convert(model, tmp_path, representative_data=data[:2]):
        found = verify(model, variant.path, data=data)
        assert not found.passed
        assert found.reason.startswith("Keras's own output 'y'")


class Bounded(layers.Layer):
    """Takes no numbers above 3."""

    def call(self, x):
        if hasattr(x, "numpy"):
            assert float(keras.ops.max(x)) < 3, "too large"
        return x


def test_where_keras_itself_fails_on_the_data_the_layer_is_named(tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, Bounded(name="few")(inputs), name="net")
    words = r"'net' fails in Keras itself, in layer 'few' \(Bounded\): too large; give data"
    with pytest.raises(ConversionError, match=words):
        convert(model, tmp_path, representative_data=NORMAL + 4)
    assert list(tmp_path.iterdir()) == []
    assert convert(model, tmp_path, representative_data=NORMAL[:8] * 0.1)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("build", "dtype", "words"),
    [
        (
            lambda x: keras.ops.reshape(x, (-1, 3, 2, keras.ops.shape(x)[1])),
            "float32",
            r"a size is None, as keras.ops.shape says .*: ask for it in a layer's call, or .* -1",
        ),
        (
            lambda x: keras.ops.logsumexp(x, -1),
            "int32",
            ".* of int32 is not .* or mend the model",
        ),
    ],
)
def test_a_model_that_does_not_run_in_keras_either_is_told_so(
    build, dtype, words, format_name, tmp_path
):
    inputs = keras.Input((None, 6), dtype=dtype, name="x")
    model = keras.Model(inputs, build(inputs), name="net")
    with pytest.raises(ConversionError, match=f"'net' fails in Keras itself: {words}"):
        convert(model, tmp_path, formats=(format_name,))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small(tmp_path):
    inputs = keras.Input((6,), name="x")
    keras.Model(inputs, layers.Dense(3)(inputs), name="small").save(tmp_path / "small.keras")
    return str(tmp_path / "small.keras")


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf"])
@pytest.mark.parametrize("verb", ["convert", "verify"])
def test_a_tolerance_that_is_none_is_refused_at_once(small, tmp_path, capsys, verb, tolerance):
    more = ["--out", str(tmp_path / "out")] if verb == "convert" else [small]
    assert main([verb, small, *more, f"--tolerance={tolerance}"]) == 2
    assert "the tolerance is a share of the output" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_verify_names_a_keras_file_in_the_place_of_its_result(small, capsys):
    assert main(["verify", small, small]) == 1
    assert f"littoral: {small}: a Keras file is what" in capsys.readouterr().err


def test_a_scheme_that_no_format_asked_for_has_is_bad_usage(small, tmp_path):
    words = ["--out", str(tmp_path / "out"), "--formats", "onnx", "--schemes", "strict_int8"]
    assert main(["convert", small, *words]) == 2


def test_the_last_step_of_convert_is_the_one_that_was_counted_to(small, tmp_path, capsys):
    words = ["--formats", "tflite", "--schemes", "float32", "float16"]
    assert main(["convert", small, "--out", str(tmp_path / "out"), *words]) == 0
    told = capsys.readouterr()
    steps = [line.split()[1] for line in told.err.splitlines() if line.startswith("convert [")]
    assert steps == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    size = (tmp_path / "out" / "small.float32.tflite").stat().st_size
    assert f"{units.size(size)} " in told.out


def test_steps_that_are_added_or_fall_away_are_counted(monkeypatch, tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, layers.Dense(3)(inputs), name="small")
    monkeypatch.setattr(pipeline, "is_poor", lambda trial, tolerance: True)
    monkeypatch.setattr(pipeline, "mixed", lambda trial, *rest: trial)
    steps, expected = [], []
    convert(model, tmp_path, formats=("onnx",), report=steps.append, expect=expected.append)
    assert expected == [2, 3]
    assert len(steps) == 3


def test_labels_for_other_answers_are_refused_before_a_file_is_made(tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, layers.Dense(3)(inputs), name="small")
    data = {"x": np.ones((4, 6), "float32"), "y": np.array([0, 1, 2, 3])}
    steps = []
    with pytest.raises(InputError, match="labels from 0 to 3, but the model's output has 3"):
        convert(model, tmp_path, evaluation_data=data, report=steps.append)
    assert steps == ["opening and tracing the Keras model"]


def test_a_quantized_file_that_is_larger_than_float32_is_told(small, tmp_path, capsys):
    """Scales and casts take more than 18 weights save."""
    np.savez(tmp_path / "r.npz", x=NORMAL)
    schemes = ["--schemes", "float32", "strict_int8"]
    command = [small, "--out", str(tmp_path), *schemes, "--no-recommend", "--formats", "tflite"]
    assert main(["convert", *command, "--representative-data", str(tmp_path / "r.npz")]) == 0
    plain, integers = (
        (tmp_path / f"small.{scheme}.tflite").stat().st_size for scheme in schemes[1:]
    )
    assert 1.02 * plain < integers
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "larger" in line)
    assert line.startswith("warning: small.strict_int8.tflite is larger than float32, ")
    assert f"{units.size(integers)} against {units.size(plain)}:" in line


def test_the_table_of_a_regression_shows_how_far_both_are_from_the_targets(tmp_path, capsys):
    model = keras.Sequential([keras.Input((6,), name="x"), layers.Dense(1, name="years")])
    model.save(tmp_path / "age.keras")
    years = np.rint(40 + 8 * NORMAL.sum(1)).astype("int64")
    np.savez(tmp_path / "age.npz", x=NORMAL, y=years)
    words = ["--formats", "onnx", "--schemes", "float32", "--evaluation-data"]
    command = [str(tmp_path / "age.keras"), "--out", str(tmp_path), *words]
    assert main(["convert", *command, str(tmp_path / "age.npz")]) == 0
    title, row = capsys.readouterr().out.splitlines()[:2]
    assert title.split()[-3:] == ["mean", "error", "Keras's"]
    off = np.abs(np.asarray(model(NORMAL))[:, 0] - years).mean()
    shown = [float(word) for word in row.replace("*", "").split()[-2:]]
    assert shown == pytest.approx([off, off], rel=1e-3)
