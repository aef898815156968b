"""The standard TFLite metadata: what tools that do not know littoral read out of a file."""

import io
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import flatbuffers
import keras
import littoral
import numpy as np
import packages
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from converted import randomize
from littoral import integrity, preprocess
from littoral.card import Card, CardTensor
from littoral.errors import ConversionError
from littoral_converters import convert
from littoral_converters.formats import tflite
from small_models import ONE

LABELS = ("bag", "größe", "c")
HEIGHT, WIDTH = 16, 12


def image_step(**settings):
    step = {"step": "image", "height": HEIGHT, "width": WIDTH, "channels": 3, "scale": 1 / 255}
    return {**step, "mean": [0.5], "std": [0.25], **settings}


def card_of(*steps, labels=LABELS, more_outputs=()):
    return Card(
        name="little",
        family="cnn",
        task="classification",
        inputs=(CardTensor("x", (None, 3), preprocessing=steps),),
        outputs=(CardTensor("y", (None, 3), labels=labels), *more_outputs),
        scheme="float32",
        source_digest="0123456789abcdef",
        versions={"littoral": "9.8"},
        data={"licence": "MIT", "attribution": "Somebody"},
    )


def sealed(card):
    return integrity.seal(tflite.stamp(ONE["tflite"], card))


def entry(content, name=b"TFLITE_METADATA"):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (found,) = [each for each in model.metadata if each.name == name]
    return model.buffers[found.buffer].data.tobytes()


def normalization(content):
    """Mean, std, max and min of the first input, by the schema's slots (slot n is at 4 + 2n)."""
    buffer = bytearray(entry(content))
    root = flatbuffers.table.Table(buffer, int.from_bytes(buffer[:4], "little"))
    tensor = element(element(root, 3), 2)
    options, stats = follow(element(tensor, 4), 1), follow(tensor, 5)
    return [floats(table, slot) for table in (options, stats) for slot in (0, 1)]


def follow(table, slot):
    return flatbuffers.table.Table(
        table.Bytes, table.Indirect(table.Offset(4 + 2 * slot) + table.Pos)
    )


def element(table, slot):
    return flatbuffers.table.Table(
        table.Bytes, table.Indirect(table.Vector(table.Offset(4 + 2 * slot)))
    )


def floats(table, slot):
    offset = table.Offset(4 + 2 * slot)
    start, count = table.Vector(offset), table.VectorLen(offset)
    return np.frombuffer(bytes(table.Bytes), "<f4", count, start)


@pytest.mark.parametrize(
    ("settings", "channels"),
    [
        ({}, 1),
        ({"mean": 0.0, "std": 1.0, "scale": 1.0}, 1),
        ({"mean": [0.5] * 3, "std": [0.25] * 3}, 1),
        ({"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, 3),
        ({"mean": 0.5, "std": [0.2, 0.3, 0.4]}, 3),
    ],
)
def test_the_normalisation_does_to_pixels_what_our_step_does(settings, channels):
    step = image_step(**settings)
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    mean, std, most, least = normalization(sealed(card_of(step)))
    assert len(mean) == len(std) == len(most) == len(least) == channels
    np.testing.assert_allclose(
        (pixels - mean) / std, preprocess.apply([step], pixels), rtol=1e-5, atol=1e-5
    )
    ends = np.array([(0 - mean) / std, (255 - mean) / std])
    np.testing.assert_allclose([least, most], [ends.min(0), ends.max(0)], rtol=1e-5)


def test_python_and_unzip_find_the_labels_in_a_sealed_file(tmp_path):
    content = sealed(card_of(image_step()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        (member,) = archive.infolist()
        assert archive.read(member).decode().splitlines() == list(LABELS)
        assert (member.filename, member.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
        # Readers that take offsets from the file's start must land on a local header.
        assert content[member.header_offset :].startswith(b"PK\x03\x04")
    directory = int.from_bytes(content[-6:-2], "little")
    assert content[directory:].startswith(b"PK\x01\x02")


def test_card_seal_and_model_are_as_without_it(tmp_path):
    card = card_of(image_step())
    content = sealed(card)
    assert integrity.read_card(content) == Card.from_json(card.to_json())
    assert integrity.check(content)
    (tmp_path / "m.tflite").write_bytes(content)
    interpreter = Interpreter(model_path=str(tmp_path / "m.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones((1, 3), "f4"))
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(got, np.full((1, 3), 2))


def test_a_changed_label_is_a_changed_file():
    content = bytearray(sealed(card_of(image_step())))
    content[content.rindex(b"bag")] ^= 1
    with pytest.raises(littoral.IntegrityError, match="changed after it was written"):
        integrity.check(bytes(content))


def test_the_same_card_gives_the_same_bytes():
    assert sealed(card_of(image_step())) == sealed(card_of(image_step()))


def test_without_labels_there_is_metadata_but_no_archive():
    content = sealed(card_of(labels=()))
    assert flatbuffers.util.BufferHasIdentifier(entry(content), 0, b"M001")
    assert b"labels.txt" not in content
    assert not zipfile.is_zipfile(io.BytesIO(content))


def test_outputs_with_the_same_labels_share_a_file():
    more = (
        CardTensor("same", (None, 3), labels=LABELS),
        CardTensor("other", (None, 2), labels=("two\nlines", "")),
    )
    with zipfile.ZipFile(io.BytesIO(sealed(card_of(more_outputs=more)))) as archive:
        assert archive.namelist() == ["labels.txt", "labels_1.txt"]
        assert archive.read("labels_1.txt") == b"two lines\n\n"


@pytest.mark.parametrize(
    "step",
    [
        {"step": "tabular", "columns": ["a", "b"]},
        {"step": "bytes", "length": 9},
        {"step": "mfcc", "sample_rate": 8, "frame_length": 4, "frame_step": 2, "mel_bins": 3},
        {"step": "log_mel", "sample_rate": 8, "frame_length": 4, "frame_step": 2, "mel_bins": 3},
        {"step": "audio", "sample_rate": 8000, "length": 8000},
        {"step": "vocabulary", "vocabulary": ["", "[UNK]"], "length": 4},
        {"step": "of another version"},
    ],
)
def test_other_steps_are_features(step):
    assert b"y" in entry(sealed(card_of(step)))


@pytest.mark.parametrize(
    ("settings", "colours"), [({}, 1), ({"channels": 1}, 2), ({"order": "bgr"}, 0)]
)
def test_blue_before_red_is_not_called_rgb(settings, colours):
    content = bytearray(entry(sealed(card_of(image_step(**settings)))))
    root = flatbuffers.table.Table(content, int.from_bytes(content[:4], "little"))
    picture = follow(follow(element(element(root, 3), 2), 3), 1)
    place = picture.Offset(4)
    found = picture.Get(flatbuffers.number_types.Int8Flags, place + picture.Pos) if place else 0
    assert found == colours


def test_several_steps_are_told_in_words():
    sound = {"step": "audio", "sample_rate": 8000}
    content = entry(sealed(card_of(sound, {"step": "standardize", "of": "sample"})))
    assert b"sound at 8000 Hz, from -1 to 1; standardize" in content


@pytest.mark.parametrize("step", [{"step": "image"}, image_step(mean="grey"), {"step": "tabular"}])
def test_a_card_with_a_broken_step_is_refused_in_one_line(step):
    with pytest.raises(ConversionError, match="mend the card") as caught:
        tflite.stamp(ONE["tflite"], card_of(step))
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture(scope="session")
def foreign_python(tmp_path_factory):
    """An environment with TensorFlow's own metadata tools; they have no wheels after 3.11."""
    folder = tmp_path_factory.mktemp("foreign")
    packages.library("usb-1.0", "libusb-1.0-0")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    package = "tflite-support==0.4.4" if sys.version_info < (3, 12) else "mediapipe==1.2.2"
    subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "float16"])
def test_tools_that_are_not_ours_classify_with_it(scheme, foreign_python, tmp_path):
    """In int8 the runtime inside tflite-support (2022) lacks an operator of today's files."""
    step = image_step(mean=[0.5] * 3, std=[0.25] * 3)
    path = picture_model(tmp_path, step)
    (variant,) = convert(path, tmp_path, formats=("tflite",), schemes=(scheme,))
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    np.save(tmp_path / "picture.npy", pixels)
    (tmp_path / "plain.tflite").write_bytes(ONE["tflite"])
    script = Path(__file__).parents[2] / "foreign_tflite_reader.py"
    arguments = (variant.path, tmp_path / "picture.npy", tmp_path / "plain.tflite")
    done = subprocess.run(
        [foreign_python, script, *arguments], check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    with littoral.load(variant.path) as model:
        ours = model.predict(pixels)
    assert [name for name, _ in answer["categories"]] == [each.label for each in ours]
    np.testing.assert_allclose(
        [score for _, score in answer["categories"]], [each.score for each in ours], atol=1e-5
    )
    if sys.version_info < (3, 12):
        check_metadata(answer["read"])
        assert answer["moved"] == answer["read"]


def picture_model(folder, step):
    inputs = keras.Input((HEIGHT, WIDTH, 3), name="picture")
    hidden = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs))
    outputs = keras.layers.Dense(3, activation="softmax", name="scores")(hidden)
    path = folder / "pictures.keras"
    randomize(keras.Model(inputs, outputs), scale=0.1).save(path)
    card = Card(
        name="pictures",
        family="cnn",
        inputs=(CardTensor("picture", (None, HEIGHT, WIDTH, 3), preprocessing=(step,)),),
        outputs=(CardTensor("scores", (None, 3), labels=LABELS),),
        data={"licence": "MIT"},
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("littoral_card.json", card.to_json())
    return path


def check_metadata(read):
    assert read["files"] == {"labels.txt": "bag\ngröße\nc\n"}
    metadata = read["metadata"]
    assert metadata["name"] == "pictures"
    assert metadata["license"] == "training data: MIT"
    assert metadata["author"] == f"littoral {littoral.__version__}"
    assert metadata["min_parser_version"] == "1.0.0"
    (graph,) = metadata["subgraph_metadata"]
    (picture,), (scores,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    assert picture["name"] == "picture"
    assert picture["content"]["content_properties"] == {
        "color_space": "RGB",
        "default_size": {"width": WIDTH, "height": HEIGHT},
    }
    (unit,) = picture["process_units"]
    assert unit["options_type"] == "NormalizationOptions"
    assert unit["options"] == {"mean": [127.5], "std": [63.75]}
    assert picture["stats"] == {"max": [2.0], "min": [-2.0]}
    (labels,) = scores["associated_files"]
    assert (labels["name"], labels["type"]) == ("labels.txt", "TENSOR_AXIS_LABELS")
