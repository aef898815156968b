"""What a search meets beside its work: others in its folder, files that do not run, bad labels."""

import subprocess
import sys

import pytest
from littoral.errors import InputError
from littoral.locking import LOCK, alone_in
from littoral_converters.exploration.proofs import Proofs, digest_of
from littoral_converters.exploration.search import search
from test_search import KEY, proved, stored

# The folder


HOLD = """
import sys, time
from pathlib import Path
from littoral.locking import alone_in
with alone_in(Path(sys.argv[1]), "search"):
    print("has it", flush=True)
    time.sleep(60)
"""


def test_a_folder_that_another_process_searches_in_is_refused(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"has it\n"
        message = f"another search is using {tmp_path}: wait for it, or give another"
        with pytest.raises(InputError, match=message), alone_in(tmp_path, "search"):
            pass
        other.kill()
    assert (tmp_path / LOCK).exists()
    with alone_in(tmp_path, "search"):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_search_asks_for_its_folder_and_leaves_no_empty_one(tmp_path):
    data = {"evaluation_data": tmp_path / "none.npz", "max_drop": 1.0}
    with pytest.raises(InputError, match="cannot read"):
        search(tmp_path / "m.keras", tmp_path / "out", **data)
    assert not (tmp_path / "out").exists()
    with alone_in(tmp_path, "search"), pytest.raises(InputError, match="another search is using"):
        search(tmp_path / "m.keras", tmp_path, **data)


def test_only_the_bytes_that_were_proved_are_given_out(tmp_path):
    proofs = Proofs(tmp_path, KEY)
    proof = proofs.put(proved(file_digest=digest_of(b"proved")))
    proofs.path(proof).write_bytes(b"proved")
    assert proofs.content(proof) == b"proved"
    proofs.path(proof).write_bytes(b"forged")
    with pytest.raises(InputError, match="was changed during the search"):
        proofs.content(proof)


def test_a_file_changed_between_two_searches_is_made_anew(tmp_path):
    file = stored(tmp_path).folder / "f.tflite"
    file.write_bytes(bytes(999) + b"x")
    assert [proof.file for proof in Proofs(tmp_path, KEY).all()] == [None]
