import wave

import numpy as np
import pytest
from littoral import preprocess
from littoral.errors import InputError
from littoral_models import data
from PIL import Image

DRAW = np.random.default_rng(0)


def write(path, text):
    path.write_text(text)
    return path


def test_a_table_with_a_header(tmp_path):
    rows = [f"{i},{i / 2},{'yes' if i % 2 else 'no'}" for i in range(20)]
    path = write(tmp_path / "table.csv", "length, weight, good\n" + "\n".join(rows))
    found = data.load(path)
    assert found.labels == ("no", "yes")
    assert found.preprocessing == ({"step": "tabular", "columns": ["length", "weight"]},)
    assert (len(found.x_train), len(found.x_test)) == (16, 4)
    assert np.bincount(found.y_test).tolist() == [2, 2]
    whole = np.concatenate([found.x_train, found.x_test])
    whole = whole[whole[:, 0].argsort()]
    np.testing.assert_array_equal(whole, [[i, i / 2] for i in range(20)])
    for x, y in ((found.x_train, found.y_train), (found.x_test, found.y_test)):
        np.testing.assert_array_equal(y, x[:, 0] % 2)


@pytest.mark.parametrize("header", ["colour,length,good\n", ""])
def test_a_table_with_texts_makes_a_place_for_each(tmp_path, header):
    rows = [f"{('red', 'blue', 'green')[i % 3]},{i},{'yes' if i % 2 else 'no'}" for i in range(24)]
    found = data.load(write(tmp_path / "table.csv", header + "\n".join(rows)))
    name = "colour" if header else "column_1"
    (step,) = found.preprocessing
    assert step["categories"] == {name: ["blue", "green", "red"]}
    whole = np.concatenate([found.x_train, found.x_test])
    whole = whole[whole[:, 3].argsort()]
    assert whole[:4].tolist() == [[0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3]]
    mauve = preprocess.apply(found.preprocessing, ["mauve", 7])
    assert mauve.tolist() == [0, 0, 0, 7]


def test_a_table_without_a_header_orders_numbers_by_value(tmp_path):
    path = write(tmp_path / "t.csv", "\n".join(f"{i},{i % 3 * 5}" for i in range(12)))
    found = data.load(path)
    assert found.labels == ("0", "5", "10")
    assert found.preprocessing[0]["columns"] == ["column_1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("a,b\n", "no rows"),
        ("1\n2\n", "no rows"),
        ("1,2,x\n1,x\n", "line 2: 2 cells, expected 3"),
        ("1,2,x\n1,two,y\n", "line 2: column 'column_2': 'two' is no number"),
        ("1,x\nnan,y\n", "line 2: column 'column_1': 'nan' is no value"),
        ("n,y\n" + "\n".join(f"name {i},{i % 2}" for i in range(101)), "101 different texts"),
        ("1,x\n2,y\n", "too few"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        data.load(write(tmp_path / "bad.csv", text))
    assert words in str(caught.value)


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="no table in UTF-8"):
        data.load(tmp_path / "bad.csv")


def test_arrays_with_names_and_a_split_of_their_own(tmp_path):
    x = DRAW.integers(0, 256, (9, 8, 8, 3), np.uint8)
    names = np.array(["cat", "dog", "cow"] * 3)
    path = tmp_path / "own.npz"
    np.savez(path, x_train=x[:6], y_train=names[:6], x_test=x[6:], y_test=names[6:])
    found = data.load(path)
    assert found.labels == ("cat", "cow", "dog")
    assert found.y_train.tolist() == [0, 2, 1, 0, 2, 1]
    assert found.input_name == "image"
    np.testing.assert_array_equal(found.x_test, x[6:].astype(np.float32))
    assert found.x_train.dtype == np.float32


def test_arrays_with_numbers_and_labels(tmp_path):
    tokens = DRAW.integers(0, 50, (40, 6))
    path = tmp_path / "own.npz"
    np.savez(path, x=tokens, y=np.arange(40) % 2, labels=np.array(["off", "on", "never"]))
    found = data.load(path)
    assert found.labels == ("off", "on", "never")
    assert found.x_train.dtype == np.int32
    assert found.input_name == "tokens"
    assert len(found.x_test) == 8


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((4, 2))}, "lacks y"),
        ({"x_train": np.zeros((4, 2)), "y_train": np.zeros(4, int)}, "lacks x_test, y_test"),
        ({}, "holds nothing"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4)}, "class number or name"),
        ({"x": np.zeros((4, 2)), "y": np.zeros((4, 2), int)}, "class number or name"),
        ({"x": np.zeros((4, 2)), "y": np.array([0, 1, -2, 0])}, "from 0, not -2"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(3, int)}, "4 samples need 4 labels"),
        ({"x": np.full((4, 2), np.nan), "y": np.arange(4) % 2}, "NaN"),
        ({"x": np.zeros(4), "y": np.arange(4) % 2}, "[samples, ...]"),
        ({"x": np.zeros((4, 2)), "y": np.arange(4) % 2, "labels": np.array(["a"])}, "0..0"),
        ({"x": np.array([["a"]] * 4), "y": np.arange(4) % 2}, "must be numbers"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, words):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError) as caught:
        data.load(tmp_path / "bad.npz")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"nope", b"PK\x03\x04junk"])
def test_what_is_no_npz(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"no \.npz file"):
        data.load(tmp_path / "bad.npz")


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", x=np.array([{}, {}]), y=np.zeros(2, int))
    with pytest.raises(InputError, match="without Python objects"):
        data.load(tmp_path / "bad.npz")


def pictures(folder, mode, count=5, size=(20, 14)):
    for shade, name in ((40, "dark"), (200, "light")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new(mode, size, shade if mode == "L" else (shade, 10, number)).save(
                folder / name / f"{number}.png"
            )
    return folder


def test_a_folder_of_images(tmp_path):
    found = data.load(pictures(tmp_path / "own", "L"))
    assert found.labels == ("dark", "light")
    assert found.sample_shape == (12, 12, 1)
    np.testing.assert_allclose(found.x_train[found.y_train == 1], 200 / 255, atol=1e-6)
    assert (found.preprocessing[0]["step"], found.input_name) == ("image", "image")
    assert len(found.x_test) == 2


def test_large_colour_images_are_made_smaller(tmp_path):
    found = data.load(pictures(tmp_path / "own", "RGB", size=(90, 300)))
    assert found.sample_shape == (64, 64, 3)
    np.testing.assert_allclose(found.x_train[0, 0, 0, 1], 10 / 255, atol=1e-6)


def test_a_broken_image_is_named(tmp_path):
    folder = pictures(tmp_path / "own", "L")
    (folder / "dark" / "9.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"9\.png.*mend or remove"):
        data.load(folder)


def test_a_folder_without_classes(tmp_path):
    with pytest.raises(InputError, match=r"a folder of \.wav per class|folder of images"):
        data.load(tmp_path)


def tones(folder, rate=8000):
    for name, hertz in (("high", 1800), ("low", 300)):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            time = np.arange(int(rate * (0.2 + 0.1 * number))) / rate
            signal = (np.sin(2 * np.pi * hertz * time) * 12000).astype("<i2")
            with wave.open(str(folder / name / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, rate, 0, "NONE", ""))
                file.writeframes(signal.tobytes())
    return folder


def test_a_folder_of_recordings(tmp_path):
    found = data.load(tones(tmp_path / "own"))
    assert found.labels == ("high", "low")
    assert found.sample_shape == (25, 13)  # 0.6 s of 25 ms, and one
    step = found.preprocessing[0]
    assert (step["step"], step["sample_rate"], step["fft_length"]) == ("mfcc", 8000, 512)
    assert found.x_train.any(axis=2).any()


def test_a_broken_recording_is_named(tmp_path):
    folder = tones(tmp_path / "own")
    (folder / "low" / "9.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"9\.wav"):
        data.load(folder)
