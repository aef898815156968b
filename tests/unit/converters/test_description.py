"""Somebody's own model gets labels and preprocessing on its way to a file."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import littoral
import numpy as np
import pytest
from converted import randomize
from littoral import Card, InputError, cli
from littoral.card import CardTensor
from littoral.tensors import TensorSpec
from littoral_converters import convert, description
from PIL import Image

LABELS = ("circle", "square", "star")
IMAGE = {"step": "image", "height": 12, "width": 16, "channels": 3, "scale": 1 / 255}
SPECS = (TensorSpec("picture", (None, 12, 16, 3), "float32"),)


def onto(labels=None, preprocessing=None, specs=SPECS, outputs=("scores",), card=None):
    said = description.read(labels, preprocessing)
    return description.described(card or Card("yours"), said, specs, outputs)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.txt", "circle\nsquare\nstar\n"),
        ("l.txt", "\ufeffcircle\r\nsquare\r\nstar"),
        ("l.json", json.dumps(LABELS)),
        ("l.json", json.dumps({"scores": LABELS})),
    ],
)
def test_labels_in_every_form(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert onto(labels=tmp_path / name).labels == LABELS
    assert onto(labels=LABELS).labels == LABELS


@pytest.mark.parametrize("given", [IMAGE, [IMAGE], {"picture": [IMAGE]}, {"picture": IMAGE}])
def test_steps_in_every_form(tmp_path, given):
    (tmp_path / "s.json").write_text(json.dumps(given))
    for form in (given, str(tmp_path / "s.json")):
        assert onto(preprocessing=form).inputs[0].preprocessing == (IMAGE,)


def test_what_is_said_goes_before_the_card_and_the_rest_stays():
    known = Card(
        "theirs",
        family="cnn",
        inputs=(CardTensor("picture", (None, 12, 16, 3), preprocessing=({"step": "old"},)),),
        outputs=(CardTensor("scores", (None, 3), labels=("a", "b", "c")),),
    )
    assert onto(card=known) is known
    found = onto(preprocessing=[IMAGE], card=known)
    assert found.inputs[0].preprocessing == (IMAGE,)
    assert (found.labels, found.family) == (("a", "b", "c"), "cnn")


@pytest.mark.parametrize(
    ("labels", "steps", "message"),
    [
        ("absent.txt", None, "absent.txt cannot be read"),
        (["a", " "], None, "labels: label 2 is empty"),
        ([1, 2], None, "labels: expected texts"),
        ({"other": ["a"]}, None, "the model has no output 'other', only scores"),
        (None, "absent.json", "absent.json cannot be read"),
        (None, [], "preprocessing: expected a list of steps"),
        (None, [{"step": "dance"}], "preprocessing: littoral .* knows no step 'dance'"),
        (None, [{**IMAGE, "heigth": 3}], "'image' has no setting 'heigth'"),
        (None, {"photo": [IMAGE]}, "the model has no input 'photo', only picture"),
        (None, [{**IMAGE, "height": 9}], r"make \[9, 16, 3\], input 'picture' takes \[12, 16, 3\]"),
        (None, [{"step": "bytes", "length": 5}], r"the steps make \[5\], input 'picture'"),
    ],
)
def test_what_cannot_be_is_one_clear_line(labels, steps, message):
    with pytest.raises(InputError, match=message) as caught:
        onto(labels, steps)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_what_their_names_say(tmp_path):
    (tmp_path / "s.json").write_text("{")
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"s\.json is no JSON"):
        onto(preprocessing=tmp_path / "s.json")
    with pytest.raises(InputError, match=r"l\.txt is no UTF-8"):
        onto(labels=tmp_path / "l.txt")


def test_steps_fit_open_sizes_and_grey_pictures_without_a_channel():
    grey = {**IMAGE, "channels": 1}
    onto(preprocessing=grey, specs=(TensorSpec("x", (None, 12, 16), "float32"),))
    onto(preprocessing=IMAGE, specs=(TensorSpec("x", (None, None, None, 3), "float32"),))


def test_labels_are_as_many_as_values():
    said = description.read(LABELS, None)
    description.check_labels(said, {"scores": (3,), "other": (9,)})
    description.check_labels(description.read(["no", "yes"], None), {"scores": (1,)})
    with pytest.raises(InputError, match="output 'scores' has 4 values, came 3 labels"):
        description.check_labels(said, {"scores": (4,)})


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A model that gives logits, as a file that says nothing of itself; labels, steps, a photo."""
    folder = tmp_path_factory.mktemp("theirs")
    inputs = keras.Input((12, 16, 3), name="picture")
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    outputs = keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(hidden))
    model = randomize(keras.Model(inputs, outputs), scale=0.3)
    model.save(folder / "shapes.keras")
    (folder / "labels.txt").write_text("\n".join(LABELS))
    (folder / "steps.json").write_text(json.dumps([IMAGE]))
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    return folder, model, pixels


@pytest.mark.slow
def test_a_photo_gets_a_name_from_somebodys_own_model(theirs, capsys):
    folder, model, pixels = theirs
    said = ["--labels", str(folder / "labels.txt"), "--preprocessing", str(folder / "steps.json")]
    cli.call("convert", [str(folder / "shapes.keras"), "--out", str(folder), *said])
    resized = keras.ops.image.resize(pixels.astype("float32"), (12, 16)) / 255
    expected = keras.ops.softmax(model(resized[None]))[0].numpy()
    for suffix in ("tflite", "onnx"):
        path = folder / f"shapes.float32.{suffix}"
        payload = cli.call("run", [str(path), str(folder / "photo.png")])
        (prediction,) = payload["predictions"]
        scores = {each["label"]: each["score"] for each in prediction["labels"]}
        np.testing.assert_allclose([scores[name] for name in LABELS], expected, atol=1e-4)
        with littoral.load(path) as loaded:
            assert loaded.card.outputs[0].activation == "logits"
    assert cli.main(["inspect", str(folder / "shapes.float32.onnx")]) == 0
    assert "scores means circle, square, star (as logits)" in capsys.readouterr().out


@pytest.mark.slow
def test_folders_of_pictures_are_read_as_was_said(theirs, tmp_path):
    _, model, pixels = theirs
    for name in LABELS:
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "data" / name / "a.png")
    (variant,) = convert(
        model,
        tmp_path,
        formats=["onnx"],
        labels=LABELS,
        preprocessing=IMAGE,
        evaluation_data=tmp_path / "data",
    )
    assert variant.verification.value == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="output 'scores' has 3 values, came 2 labels"):
        convert(model, tmp_path, formats=["onnx"], labels=["a", "b"])
