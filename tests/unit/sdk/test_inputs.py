"""Files that `littoral run` takes."""

import littoral
import numpy as np
import pytest
from littoral.inputs import Arrays, Raw, read


def test_an_npz_gives_its_arrays_and_its_truth(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.arange(6).reshape(2, 3), y=np.array([1, 0]))
    (item,) = read(tmp_path / "d.npz")
    assert isinstance(item, Arrays)
    np.testing.assert_array_equal(item.values["x"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(item.truth, [1, 0])


def test_an_npy_gives_its_array(tmp_path):
    np.save(tmp_path / "d.npy", np.arange(3))
    (item,) = read(tmp_path / "d.npy")
    np.testing.assert_array_equal(item.values, [0, 1, 2])
    assert item.truth is None


def test_a_table_gives_a_row_a_sample(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n1,2,cat\n\n3, 4,dog\n")
    assert read(path) == [
        Raw("t.csv:2", {"a": "1", "b": "2"}, "cat"),
        Raw("t.csv:4", {"a": "3", "b": "4"}, "dog"),
    ]
    path.write_text("1,2\n3,4\n")
    assert read(path) == [Raw("t.csv:1", ["1", "2"]), Raw("t.csv:2", ["3", "4"])]


def test_a_table_as_spreadsheets_write_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbftext,y\r\n"two\nlines, one cell",cat\r\n')
    assert read(path) == [Raw("t.csv:3", {"text": "two\nlines, one cell"}, "cat")]


def test_text_and_everything_else(tmp_path):
    (tmp_path / "t.txt").write_text("grüße", encoding="utf-8")
    (tmp_path / "p.PNG").write_bytes(b"")
    assert read(tmp_path / "t.txt") == [Raw("t.txt", "grüße")]
    assert read(tmp_path / "p.PNG") == [Raw("p.PNG", tmp_path / "p.PNG")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.npz", b"nope", r"no \.npz or \.npy file that can be read"),
        ("d.npz", b"", r"no \.npz or \.npy file that can be read"),
        ("d.npz", b"PK\x03\x04junk", r"no \.npz or \.npy file that can be read"),
        ("d.npy", b"\x93NUMPY", r"no \.npz or \.npy file that can be read"),
        ("t.csv", b"", "holds no rows"),
        ("t.csv", b"a,b\n1,2,3\n", "3 values, the header has 2"),
        ("t.csv", b"a,b\n\xff,1\n", "no table in UTF-8"),
        ("t.txt", b"\xff\xfe", "no UTF-8 text"),
    ],
)
def test_what_is_not_what_its_name_says(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(littoral.InputError, match=message):
        read(tmp_path / name)


def damaged(path, **arrays):
    """Every kind of damage to an archive: a byte changed, bytes missing, wherever they are."""
    rng = np.random.default_rng(0)
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        whole = path.read_bytes()
        for at in rng.integers(0, len(whole), 400):
            yield whole[:at] + bytes([rng.integers(256)]) + whole[at + 1 :]
            yield whole[:at] + whole[at + 3 :]


def test_a_damaged_archive_is_read_or_refused(tmp_path):
    path = tmp_path / "d.npz"
    refused = 0
    for content in damaged(path, x=np.arange(80.0).reshape(20, 4), y=np.arange(20)):
        path.write_bytes(content)
        try:
            read(path)
        except littoral.InputError:
            refused += 1
    assert refused > 400


def test_python_objects_are_not_unpacked(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([{}], object))
    with pytest.raises(littoral.InputError, match="Object arrays cannot be loaded"):
        read(tmp_path / "d.npz")


def test_missing_files_folders_and_empty_archives(tmp_path):
    np.savez(tmp_path / "d.npz", y=np.zeros(2))
    with pytest.raises(littoral.InputError, match="holds no input array"):
        read(tmp_path / "d.npz")
    with pytest.raises(littoral.InputError, match="no such file"):
        read(tmp_path / "absent.npz")
    with pytest.raises(littoral.InputError, match="is a folder"):
        read(tmp_path)
