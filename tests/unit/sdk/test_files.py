"""Files are written whole or not at all, several of them together."""

import errno
import os

import pytest
from littoral import InputError, files


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_appear_together_and_replace_earlier_ones(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    made = files.write_together({tmp_path / "a": b"new", tmp_path / "b": b"more"})
    assert made == [tmp_path / "a", tmp_path / "b"]
    assert contents(tmp_path) == {"a": b"new", "b": b"more"}


@pytest.mark.parametrize("at", [1, 2])
def test_a_disk_that_fills_half_way_leaves_what_was_there(at, tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    real, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(InputError, match=r"cannot write .*: no space left on device; nothing was"):
        files.write_together({tmp_path / "a": b"new", tmp_path / "b": b"more"})
    assert contents(tmp_path) == {"a": b"old"}


def test_ctrl_c_half_way_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(tmp_path / "a", b"new")
    assert contents(tmp_path) == {"a": b"old"}


def test_a_folder_in_the_place_of_a_file_is_found_before_any_is_replaced(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="a folder has that name"):
        files.write_together({tmp_path / "a": b"new", tmp_path / "b": b"more"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="choose another output folder"):
        files.make_folder(tmp_path / "file" / "out")
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    with pytest.raises(InputError, match="no permission; choose another output folder"):
        files.make_folder(tmp_path)
    with pytest.raises(InputError, match="is a folder: name the page to write"):
        files.check_page(tmp_path)


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with (
        pytest.raises(InputError, match="file name too long; choose another output folder"),
        files.output_folder(tmp_path / ("n" * 300)),
    ):
        pass


def test_a_way_through_folders_that_are_not_there_makes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for way in ("a/../b", "../" + tmp_path.name + "/b"):
        with files.output_folder(way) as folder:
            (folder / "kept").write_bytes(way.encode())
        assert (tmp_path / "b" / "kept").read_bytes() == way.encode()
        assert list(tmp_path.iterdir()) == [tmp_path / "b"]
    with files.output_folder("../b") as folder:
        assert str(folder) == "../b"
    (tmp_path / "b" / "inner").mkdir()
    (tmp_path / "link").symlink_to("b/inner")
    with files.output_folder("link/../c") as folder:
        assert folder.samefile(tmp_path / "b" / "c")


def test_a_folder_is_there_afterwards_only_when_something_came_of_it(tmp_path):
    def fill(at, name=None):
        with files.output_folder(tmp_path / at) as folder:
            if name is not None:
                (folder / name).write_bytes(b"1")
            assert folder.is_dir()
            raise KeyboardInterrupt

    (tmp_path / "old").mkdir()
    for at in ("old/new/newer", "old", "a/b"):
        with pytest.raises(KeyboardInterrupt):
            fill(at)
        assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
    with pytest.raises(KeyboardInterrupt):
        fill("a/b", "kept")
    assert (tmp_path / "a/b/kept").exists()
