"""Signatures: a file that somebody trusted did not sign as it is does not load."""

import base64
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import littoral
import numpy as np
import pytest
import signed_files
import small_models
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from littoral import cli, integrity, keys

VECTORS = json.loads(signed_files.GOLDEN.read_text())
MESSAGES = {
    "ok": None,
    "changed": "was changed after it was written",
    "no seal": "seal is missing or damaged",
    "damaged": ".",
    "unsigned": "not signed",
    "unknown key": "trusted is only",
    "bad signature": "was changed after key",
}


@pytest.fixture
def key(tmp_path):
    return signed_files.private_key(tmp_path / "k")


def load(content, **options):
    with littoral.load(content, **options) as model:
        return model.run(np.zeros((1, 4), np.float32)), model


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("trust", ["without_trust", "with_trust"])
def test_every_golden_file_ends_as_it_must(case, trust):
    content = base64.b64decode(case["file"])
    options = {"trust": VECTORS["public_key"]} if trust == "with_trust" else {}
    message = MESSAGES[case[trust]]
    if message is None:
        _, model = load(content, **options)
        assert model.signed_by == (VECTORS["key_id"] if options else None)
    else:
        kind = littoral.ModelError if case[trust] == "damaged" else littoral.IntegrityError
        with pytest.raises(kind, match=message):
            load(content, **options)


def test_the_golden_files_are_those_that_are_written_today(tmp_path):
    made = signed_files.vectors(tmp_path)
    assert made["public_key"] == VECTORS["public_key"]
    for old, new in zip(VECTORS["cases"], made["cases"], strict=True):
        assert {**new, "file": ""} == {**old, "file": ""}


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_the_signature_is_one_that_the_package_itself_accepts(format, key):
    content = integrity.sign(signed_files.sealed(format), key)
    start = content.index(
        b"LITTORAL-SEAL-1" if format == "tflite" else b"4c4954544f52414c2d5345414c"
    )
    width = 1 if format == "tflite" else 2
    record = content[start : start + 192 * width]
    record = record if width == 1 else bytes.fromhex(record.decode())
    blank = record[:16] + bytes(96) + record[112:]
    blank = blank if width == 1 else blank.hex().encode()
    import hashlib

    digest = hashlib.sha256(content[:start] + blank + content[start + 192 * width :]).digest()
    theirs = Ed25519PublicKey.from_public_bytes(key.public.raw)
    theirs.verify(record[48:112], b"LITTORAL-SIGN-1\0" + digest)
    assert record[112:144] == hashlib.sha256(key.public.raw).digest()


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_signed_file_runs_as_before_and_names_its_key(format, key):
    signed = integrity.sign(signed_files.sealed(format), key)
    result, model = load(signed, trust=[bytes(32), key.public.text])
    np.testing.assert_array_equal(result, signed_files.WEIGHTS)
    assert model.signed_by == model.card.signed_by == key.public.id
    result, model = load(signed)
    assert (model.signed_by, model.card.signed_by) == (None, key.public.id)
    assert integrity.sign(signed, key) == signed
    assert "signed_by" not in model.card.to_json()


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_no_byte_of_a_signed_file_can_change_even_with_a_new_digest(format, key):
    signed = integrity.sign(signed_files.sealed(format), key)
    for position in range(0, len(signed), 7):
        content = bytearray(signed)
        content[position] ^= 0x20
        try:
            content = signed_files.resealed(bytes(content))
        except (TypeError, ValueError, littoral.ModelError):
            continue  # no seal is left to be made to fit
        if content == signed:
            continue  # the byte was part of the digest itself
        with pytest.raises(littoral.ModelError):
            integrity.check_signature(content, [key.public])


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_anybodys_file_can_be_signed_and_a_changed_one_cannot(format, key):
    signed = integrity.sign(small_models.ONE[format], key)
    with littoral.load(signed, trust=key.public.raw) as model:
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])
    with pytest.raises(littoral.ModelError):
        integrity.sign(signed[:-1], key)


def test_trust_and_verify_false_contradict_each_other(key):
    with pytest.raises(littoral.InputError, match="leave out one of them"):
        littoral.load(small_models.ONE["onnx"], trust=key.public.raw, verify=False)


def call(*argv):
    return cli.call(argv[0], [str(word) for word in argv[1:]])


def test_the_command_line_from_a_new_key_to_a_trusted_run(tmp_path, capsys):
    made = call("sign", "--new-key", tmp_path / "k.pem")
    files = [tmp_path / f"toy.{format}" for format in signed_files.PLAIN]
    for path in files:
        path.write_bytes(signed_files.sealed(path.suffix[1:]))
        path.chmod(0o640)
    before = sorted(tmp_path.iterdir())
    signed = call("sign", *files, "--key", tmp_path / "k.pem")
    assert sorted(tmp_path.iterdir()) == before
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o640, 0o640]
    assert signed["key_id"] == made["key_id"]
    assert keys.read_trust(tmp_path / "k.pem.pub")[0].text == made["public_key"]
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    for path in files:
        for trust in (tmp_path / "k.pem.pub", made["public_key"]):
            told = call("inspect", path, "--trust", trust)
            assert (told["key_id"], told["trusted"]) == (made["key_id"], True)
        assert call("run", path, tmp_path / "x.npy", "--trust", tmp_path / "k.pem.pub")
        assert cli.main(["inspect", str(path)]) == 0
        assert f"key {made['key_id'][:16]} (not checked" in capsys.readouterr().out
        other = base64.b64encode(bytes(32)).decode()
        for verb in ("inspect", "run", "bench"):
            assert cli.main([verb, str(path), "--trust", other]) == 1
            assert re.search("signed by key .* trusted is only", capsys.readouterr().err)


def test_an_encrypted_key_asks_for_its_passphrase(tmp_path, monkeypatch):
    monkeypatch.setenv("LITTORAL_PASSPHRASE", "sesame")
    call("sign", "--new-key", tmp_path / "k", "--passphrase")
    path = tmp_path / "toy.onnx"
    path.write_bytes(small_models.ONE["onnx"])
    call("sign", path, "--key", tmp_path / "k")
    monkeypatch.setenv("LITTORAL_PASSPHRASE", "wrong")
    with pytest.raises(littoral.InputError, match="or the passphrase is wrong"):
        call("sign", path, "--key", tmp_path / "k")
    monkeypatch.delenv("LITTORAL_PASSPHRASE")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(littoral.InputError, match="set LITTORAL_PASSPHRASE"):
        call("sign", path, "--key", tmp_path / "k")


def test_one_bad_file_leaves_every_file_as_it_was(tmp_path, key):
    good, bad = tmp_path / "good.onnx", tmp_path / "bad.onnx"
    good.write_bytes(small_models.ONE["onnx"])
    bad.write_bytes(small_models.ONE["onnx"][:-3])
    with pytest.raises(littoral.FormatError, match="bad"):
        call("sign", good, bad, "--key", tmp_path / "k")
    assert good.read_bytes() == small_models.ONE["onnx"]
    for wrong in (["--key", "k"], ["x", "--new-key", "n"], ["x", "--key", "k", "--passphrase"]):
        with pytest.raises(littoral.InputError):
            call("sign", *wrong)


def test_a_link_to_a_model_stays_a_link(tmp_path, key):
    real, link = tmp_path / "v1.onnx", tmp_path / "current.onnx"
    real.write_bytes(small_models.ONE["onnx"])
    link.symlink_to(real.name)
    call("sign", link, "--key", tmp_path / "k")
    assert link.is_symlink()
    assert integrity.key_id(real.read_bytes()) == key.public.id


@pytest.mark.slow
def test_a_killed_signer_leaves_the_old_file_or_the_new_one(tmp_path, key):
    path = tmp_path / "toy.onnx"
    old = (
        small_models.ONE["onnx"] + b"\x32\x80\x80\x80\x08" + b" " * (16 << 20)
    )  # a long doc string
    new = integrity.sign(old, key)
    code = (
        "import sys; from littoral import cli, integrity, keys, source, files, formats\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"cli.call('sign', [{str(path)!r}, '--key', {str(tmp_path / 'k')!r}])"
    )
    seen = set()
    for delay in (*np.linspace(0, 0.2, 10), None):
        path.write_bytes(old)
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with child:
            child.stdout.readline()
            child.stdin.write(b"go\n")
            child.stdin.flush()
            if delay is None:
                assert child.wait() == 0
            else:
                time.sleep(delay)
                os.kill(child.pid, signal.SIGKILL)
        content = path.read_bytes()
        assert content in (old, new)
        seen.add(content == new)
    assert seen == {False, True}
