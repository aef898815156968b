import dataclasses
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from littoral import preprocess
from littoral.errors import InputError
from littoral_models import data
from littoral_models.data import _embedded, fashion_mnist, letter, udhr

LIMIT_BYTES = 12_000_000

# name: training samples, test samples, classes, fewest and most test samples of a class
COUNTS = {
    "fashion_mnist": (22_000, 5_000, 10, 477, 526),
    "letter": (15_420, 4_000, 26, 136, 168),
    "spoken_digits": (2_400, 600, 10, 60, 60),
    "udhr": (31_253, 2_027, 30, 41, 80),
}


@pytest.fixture(scope="module", params=COUNTS)
def dataset(request):
    return data.load(request.param)


def test_the_sets_are_the_ones_that_are_known():
    assert set(data.names()) == set(COUNTS)


def test_counts_and_balance(dataset):
    test = np.bincount(dataset.y_test, minlength=len(dataset.labels))
    found = (len(dataset.x_train), len(dataset.x_test), len(test), test.min(), test.max())
    assert found == COUNTS[dataset.name]
    train = np.bincount(dataset.y_train, minlength=len(dataset.labels))
    assert train.max() < 2 * train.min()


def test_no_test_sample_is_in_training(dataset):
    train = {sample.tobytes() for sample in dataset.x_train}
    assert not train & {sample.tobytes() for sample in dataset.x_test}


def test_a_set_says_whose_it_is_and_so_does_its_page(dataset):
    assert set(dataset.card) == {"name", "source", "licence", "attribution", "split"}
    page = (_embedded.FOLDER / f"{dataset.name}.md").read_text()
    for key in ("source", "licence", "attribution"):
        assert dataset.card[key].partition(";")[0].partition(", as MFCC in")[0] in page
    for count in COUNTS[dataset.name][:2]:
        assert f"{count:,}" in page
    assert f"littoral_models.data.{dataset.name} --rebuild" in page


def test_all_sets_together_are_small():
    files = list(_embedded.FOLDER.glob("*.npz"))
    assert {file.stem for file in files} == set(COUNTS)
    assert sum(file.stat().st_size for file in files) < LIMIT_BYTES


def test_preprocessing_of_a_picture_gives_the_sample():
    dataset = data.load("fashion_mnist")
    pixels = np.rint(dataset.x_test[3] * 255).astype(np.uint8)
    np.testing.assert_allclose(
        preprocess.apply(dataset.preprocessing, pixels), dataset.x_test[3], atol=1e-7
    )


def test_preprocessing_of_a_text_gives_the_sample():
    dataset = data.load("udhr")
    for sample in dataset.x_test[:50]:
        text = bytes(value - 1 for value in sample.tolist() if value).decode()
        np.testing.assert_array_equal(preprocess.apply(dataset.preprocessing, text), sample)


def test_preprocessing_of_a_row_gives_the_sample():
    dataset = data.load("letter")
    row = dict(zip(letter.COLUMNS, dataset.x_test[0].tolist(), strict=True))
    np.testing.assert_array_equal(preprocess.apply(dataset.preprocessing, row), dataset.x_test[0])


def test_utterances_are_padded_at_the_end_alone():
    silent = ~data.load("spoken_digits").x_train.any(axis=2)
    assert (np.diff(silent.astype(int), axis=1) >= 0).all()
    assert not silent[:, 0].any()


def test_missing_embedded_data_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(_embedded, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="source repository"):
        data.load("letter")


@pytest.mark.parametrize("name", ["absent", "absent.csv", "absent/"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(InputError, match="fashion_mnist, letter, spoken_digits, udhr"):
        data.load(name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_train": np.array([0, 1, 3])}, "0..2"),
        ({"y_train": np.array([0, 1, -1])}, "from -1"),
        ({"y_train": np.array([0, 1])}, "3 samples need 3 labels"),
        ({"y_train": np.array([0.0, 1.0, 2.0])}, "class numbers"),
        ({"y_train": np.eye(3, dtype=int)}, "one column"),
        ({"x_train": np.array([[1.0], [np.nan], [2.0]])}, "NaN"),
        ({"x_train": np.array([["a"], ["b"], ["c"]])}, "must be numbers"),
        ({"x_train": np.zeros((3, 2))}, "same shape"),
        ({"x_train": np.zeros(3)}, "[samples, ...]"),
        ({"x_test": np.zeros((0, 1)), "y_test": np.zeros(0, int)}, "with samples"),
    ],
)
def test_samples_and_labels_that_do_not_fit(changes, words):
    good = data.Dataset(
        name="mine",
        x_train=np.zeros((3, 1), np.float32),
        y_train=np.arange(3),
        x_test=np.zeros((3, 1), np.float32),
        y_test=np.arange(3),
        labels=("a", "b", "c"),
        preprocessing=(),
        card={},
        input_name="x",
    )
    with pytest.raises(InputError) as caught:
        dataclasses.replace(good, **changes)
    assert words in str(caught.value)


def test_windows_of_text_are_whole_characters():
    text = "déjà vu, 世界人权宣言 " * 20
    windows = udhr._windows(text, 8)
    assert len(windows) > 50
    for window in windows:
        assert udhr._SHORTEST <= len(window) <= udhr.LENGTH
        assert window.decode() in text


def test_articles_are_read_from_a_page():
    page = """<h1>Title</h1><header><h2>Preamble</h2><p>Whereas</p></header>
    <article data-number="3"><h2>Article 3</h2><p>Every\n  one</p><ol><li><p>has</p></li></ol>
    </article>"""
    assert udhr._articles(page) == [(None, "Whereas"), (3, "Every one has")]


def test_packages_of_every_kind_open(tmp_path):
    wheel, tgz = tmp_path / "a.whl", tmp_path / "a.tgz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("in/one.dat", "1")
        archive.writestr("in/two.txt", "2")
    with tarfile.open(tgz, "w:gz") as archive:
        archive.addfile(_member("in/one.dat", 1), io.BytesIO(b"1"))
    deb = tmp_path / "a.deb"
    inside = io.BytesIO()
    with tarfile.open(fileobj=inside, mode="w:xz") as archive:
        archive.addfile(_member("in/one.dat", 1), io.BytesIO(b"1"))
    deb.write_bytes(b"!<arch>\n" + _ar("debian-binary", b"2.0") + _ar("data.tar.xz", inside))
    for package in (wheel, tgz, deb):
        assert _embedded.package_files(package, ".dat") == {"in/one.dat": b"1"}
        with pytest.raises(InputError, match="no file that ends in"):
            _embedded.package_files(package, ".png")


def test_what_is_no_package_is_refused(tmp_path):
    (tmp_path / "a.rpm").write_bytes(b"")
    with pytest.raises(InputError, match="none of"):
        _embedded.package_files(tmp_path / "a.rpm", ".dat")
    with pytest.raises(InputError, match="no package"):
        _embedded.package_files(tmp_path / "b.deb", ".dat")


def test_embedded_files_repeat_byte_for_byte(monkeypatch, tmp_path):
    monkeypatch.setattr(_embedded, "FOLDER", tmp_path)
    arrays = {"x": np.arange(6, dtype=np.uint8).reshape(2, 3), "y": np.zeros(2, np.float16)}
    first = _embedded.write("one", arrays).read_bytes()
    assert _embedded.write("two", arrays).read_bytes() == first
    found = _embedded.read("one")
    assert {k: (v.dtype, v.tolist()) for k, v in found.items()} == {
        k: (v.dtype, v.tolist()) for k, v in arrays.items()
    }


def test_the_whole_of_fashion_mnist_says_where_it_could_come_from(monkeypatch, tmp_path):
    import keras

    def no_network():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(fashion_mnist, "_INSTALLED", tmp_path / "absent")
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", no_network)
    with pytest.raises(InputError, match="install the Debian package"):
        data.load("fashion_mnist", full=True)


def test_the_whole_of_fashion_mnist_is_read_from_the_installed_package(monkeypatch, tmp_path):
    import gzip

    draw = np.random.default_rng(0)
    for prefix, count in (("train", 12), ("t10k", 5)):
        pixels = draw.integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        Path(tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(bytes(16) + pixels.tobytes())
        )
        Path(tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes(8) + labels.tobytes())
        )
    monkeypatch.setattr(fashion_mnist, "_INSTALLED", tmp_path)
    whole = data.load("fashion_mnist", full=True)
    assert whole.x_train.shape == (12, 28, 28, 1)
    np.testing.assert_allclose(whole.x_test[..., 0] * 255, pixels, atol=1e-4)
    assert whole.y_test.tolist() == [0, 1, 2, 3, 4]


def _member(name, size):
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _ar(name, body):
    content = body if isinstance(body, bytes) else body.getvalue()
    header = f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)
