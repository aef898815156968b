"""Tables, and folders of pictures and recordings, as data for `convert`."""

import wave
import zipfile

import keras
import numpy as np
import pytest
from converted import keras_outputs, randomize
from littoral.card import Card, CardTensor
from littoral.errors import InputError
from littoral.tensors import TensorSpec
from littoral_converters import convert
from littoral_converters.calibration.reading import arrays
from PIL import Image

TABLE = {"step": "tabular", "columns": ["a", "b"]}
PICTURE = {"step": "image", "height": 4, "width": 4, "channels": 1, "scale": 1 / 255}
SOUND = {
    **{"step": "mfcc", "sample_rate": 1000, "frame_length": 50, "frame_step": 25},
    **{"fft_length": 64, "mel_bins": 10, "coefficients": 5, "frames": 8},
}
TEXT = {"step": "bytes", "length": 4}
SHAPES = {"tabular": (2,), "image": (4, 4, 1), "mfcc": (8, 5), "bytes": (4,)}


def card_of(step, labels=("cat", "dog")):
    shape = (None, *SHAPES[step["step"]])
    return Card(
        name="m",
        inputs=(CardTensor("x_in", shape, preprocessing=(step,)),),
        outputs=(CardTensor("out", (None, 2), labels=labels),),
    )


def read(path, step, labels=("cat", "dog")):
    dtype = "int32" if step is TEXT else "float32"
    specs = [TensorSpec("x_in", (None, *SHAPES[step["step"]]), dtype)]
    return arrays(path, card_of(step, labels), specs, "evaluation data")


def table(folder, text):
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def picture_folders(folder, classes=("cat", "dog"), count=2):
    for grey, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (4, 4), 100 * grey + number).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,cat\n3,4,dog\n",
        "y,b,a\ncat,2,1\ndog,4,3\n",
        "id,a,b,y\n9,1,2,cat\n9,3,4,dog\n",
        "a,b,kind\n1,2,cat\n3,4,dog\n",
        "1,2,cat\n\n3, 4,dog\n",
        "\ufeffa,b,y\r\n1,2,0\r\n3,4,1\r\n",
    ],
)
def test_a_table_is_read_by_the_cards_columns(text, tmp_path):
    found = read(table(tmp_path, text), TABLE)
    np.testing.assert_array_equal(found["x_in"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found["y"], [0, 1])


def test_a_table_without_classes_has_no_y(tmp_path):
    for text in ("a,b\n1,2\n", "1,2\n"):
        found = read(table(tmp_path, text), TABLE)
        assert set(found) == {"x_in"}
        np.testing.assert_array_equal(found["x_in"], [[1, 2]])


def test_a_table_of_texts(tmp_path):
    found = read(table(tmp_path, 'text,y\n"a,b",dog\né,cat\n'), TEXT)
    np.testing.assert_array_equal(found["x_in"], [[98, 45, 99, 0], [196, 170, 0, 0]])
    np.testing.assert_array_equal(found["y"], [1, 0])


def test_folders_of_pictures_are_classes_of_the_card(tmp_path):
    (picture_folders(tmp_path) / "notes.txt").write_text("beside the folders")
    (tmp_path / "cat" / ".hidden").write_text("")
    found = read(tmp_path, PICTURE, labels=("dog", "cat"))
    assert found["x_in"].shape == (4, 4, 4, 1)
    np.testing.assert_allclose(
        found["x_in"][:, 0, 0, 0], np.array([0, 1, 100, 101]) / 255, rtol=1e-6
    )
    np.testing.assert_array_equal(found["y"], [1, 1, 0, 0])


def test_a_folder_of_pictures_without_classes(tmp_path):
    picture_folders(tmp_path, ("cat",))
    found = read(tmp_path / "cat", PICTURE)
    assert set(found) == {"x_in"}
    assert len(found["x_in"]) == 2


def test_folders_of_recordings(tmp_path):
    for name, amplitude in (("cat", 0), ("dog", 9000)):
        (tmp_path / name).mkdir()
        with wave.open(str(tmp_path / name / "a.wav"), "wb") as sound:
            sound.setparams((1, 2, 1000, 0, "NONE", ""))
            tone = amplitude * np.sin(np.arange(300) * 2 * np.pi * 0.1)
            sound.writeframes(tone.astype("<i2").tobytes())
    found = read(tmp_path, SOUND)
    assert found["x_in"].shape == (2, 8, 5)
    np.testing.assert_array_equal(found["y"], [0, 1])
    # Silence has one level in all mel bins: nothing but the cepstrum's first coefficient.
    np.testing.assert_allclose(found["x_in"][0, :, 1:], 0, atol=1e-4)
    assert np.abs(found["x_in"][1, :, 1:]).max() > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ("a,b,y\n", "holds no rows"),
        ("a,b,y\n1,2\n", r"t.csv:2 has 2 values, expected 3: a, b, y"),
        ("1,2,cat\n1,2,3,cat\n", r"t.csv:2 has 4 values, expected 3"),
        ("1\n", r"t.csv:1 has 1 values, expected 2: a, b"),
        ("a,b,y\n1,two,cat\n", r"t.csv:2: column 'b': 'two' is no number"),
        ("a,b,y\n1,2,cow\n", r"t.csv:2: the model has no class 'cow', only cat, dog"),
        ("a,b,c,d\n1,2,3,4\n", "which of c, d is the class"),
    ],
)
def test_a_bad_table_is_one_clear_line(text, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        read(table(tmp_path, text), TABLE)
    assert str(caught.value).startswith("evaluation data: ")
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_are_classes_only_where_the_labels_are_none(tmp_path):
    path = table(tmp_path, "1,2,0\n")
    with pytest.raises(InputError, match="no class '0', only 1, 2"):
        read(path, TABLE, labels=("1", "2"))
    np.testing.assert_array_equal(read(path, TABLE, labels=())["y"], [0])
    with pytest.raises(InputError, match="names no classes: 'cat' must be a number"):
        read(table(tmp_path, "1,2,cat\n"), TABLE, labels=())


def test_bad_folders_are_one_clear_line(tmp_path):
    with pytest.raises(InputError, match=r"holds no files that end in \.png"):
        read(tmp_path, PICTURE)
    picture_folders(tmp_path, ("cat", "cow"))
    with pytest.raises(InputError, match=r"cow/0.png: the model has no class 'cow', only cat, dog"):
        read(tmp_path, PICTURE)
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "a.png").write_text("no picture")
    with pytest.raises(InputError, match=r"a.png: .*no picture"):
        read(tmp_path, PICTURE)
    with pytest.raises(InputError, match="a table, the model takes image: give a folder"):
        read(table(tmp_path, "1,2\n"), PICTURE)


def test_a_table_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("1,2,größe\n".encode("latin-1"))
    with pytest.raises(InputError, match="no table in UTF-8"):
        read(tmp_path / "t.csv", TABLE)


def test_without_steps_or_with_two_inputs_arrays_are_asked_for(tmp_path):
    path = table(tmp_path, "1,2\n")
    spec = TensorSpec("a", (None, 2), "float32")
    with pytest.raises(InputError, match=r"give an \.npz or \.npy, or .* --preprocessing"):
        arrays(path, None, [spec], "representative data")
    with pytest.raises(InputError, match="arrays a, b"):
        arrays(path, None, [spec, TensorSpec("b", (None, 2), "float32")], "representative data")


def test_arrays_and_array_files_stay_as_they_are(tmp_path):
    for data in (np.ones(3), {"x": np.ones(3)}, "t.npz", tmp_path / "absent.csv"):
        assert arrays(data, None, [], "evaluation data") is data


@pytest.mark.slow
def test_convert_proves_and_calibrates_on_a_folder_of_pictures(tmp_path):
    inputs = keras.Input((4, 4, 1), name="x_in")
    outputs = keras.layers.Dense(2, name="out")(keras.layers.Flatten()(inputs))
    model = randomize(keras.Model(inputs, outputs))
    path = tmp_path / "m.keras"
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("littoral_card.json", card_of(PICTURE).to_json())
    data = picture_folders(tmp_path / "pictures", count=5)
    (variant,) = convert(
        path,
        tmp_path,
        formats=("tflite",),
        schemes=("static_int8",),
        representative_data=data,
        evaluation_data=data,
    )
    levels = np.array([*range(5), *range(100, 105)], "float32") / 255
    pixels = np.broadcast_to(levels[:, None, None, None], (10, 4, 4, 1))
    guessed = keras_outputs(model, {"x_in": pixels})[0].argmax(1)
    assert variant.verification.samples == 10
    assert variant.verification.float_value == np.mean(guessed == np.repeat([0, 1], 5))


@pytest.mark.parametrize("role", ["representative_data", "evaluation_data"])
@pytest.mark.parametrize(
    ("file", "words"),
    [("absent.npz", "absent.npz does not exist"), ("junk.npz", "junk.npz is no .npz or .npy file")],
)
def test_a_wrong_path_ends_before_the_model_is_opened(role, file, words, tmp_path):
    """The model is no model: whoever opens it hears of that first."""
    (tmp_path / "junk.npz").write_bytes(b"junk")
    (tmp_path / "model.keras").write_bytes(b"junk")
    with pytest.raises(InputError, match=words):
        convert(tmp_path / "model.keras", tmp_path / "out", **{role: tmp_path / file})
    assert not (tmp_path / "out").exists()


def test_labels_that_are_missing_are_told_before_the_model_is_opened(tmp_path):
    np.savez(tmp_path / "unlabelled.npz", x=np.zeros((4, 3)))
    (tmp_path / "model.keras").write_bytes(b"junk")
    with pytest.raises(InputError, match="evaluation data has no labels: add an array named y"):
        convert(
            tmp_path / "model.keras",
            tmp_path / "out",
            evaluation_data=tmp_path / "unlabelled.npz",
            representative_data=tmp_path / "unlabelled.npz",
        )
