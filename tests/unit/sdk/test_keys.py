"""Keys: every form that a person has one in, against the package that defines the forms."""

import base64
import stat
import subprocess
import sys

import littoral
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from littoral import keys

NATIVE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = NATIVE.public_key().public_bytes_raw()


def encoded(encoding, form):
    return NATIVE.public_key().public_bytes(encoding, form)


FORMS = {
    "raw": RAW,
    "base64": base64.b64encode(RAW).decode(),
    "base64 bytes": base64.b64encode(RAW),
    "pem": encoded(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode(),
    "der": encoded(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "openssh": encoded(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    + " somebody@somewhere",
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_public_key_is_read_in_every_form_given_as_it_is_or_in_a_file(form, tmp_path):
    (key,) = keys.read_trust(FORMS[form])
    assert key.raw == RAW
    content = FORMS[form].encode() if isinstance(FORMS[form], str) else FORMS[form]
    path = tmp_path / "a key"
    path.write_bytes(content)
    assert keys.read_trust([path, str(path)]) == (key, key)
    path.write_bytes(content.replace(b"\n", b"\r\n") if form == "pem" else content)
    assert keys.read_trust(path) == (key,)


def test_a_path_of_32_characters_is_a_path_and_no_raw_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "k".rjust(32, "-")
    (tmp_path / name).write_bytes(RAW)
    assert keys.read_trust(name)[0].raw == RAW


def test_our_pem_is_the_packages():
    assert keys.PublicKey(RAW).to_pem() == FORMS["pem"]
    assert keys.PublicKey(RAW).text == FORMS["base64"]


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        ([], "names no key"),
        (7, "trust is a int"),
        ([7], "trust holds a int"),
        (b"short", "5 bytes: expected an Ed25519 public key"),
        ("/no/such/key.pub", "cannot be read: no such file"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_no_key_is_refused_by_name(trust, message):
    with pytest.raises(littoral.InputError, match=message):
        keys.read_trust(trust)


def test_another_kind_of_key_and_a_private_key_are_refused():
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(littoral.InputError, match="expected an Ed25519 public key"):
        keys.read_trust(pem)
    private = NATIVE.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(littoral.InputError, match="private key: keep that to yourself"):
        keys.read_trust(private)


@pytest.mark.parametrize(
    ("passphrase", "complaint"),
    [(None, "is not encrypted"), (b"sesame", "or the passphrase is wrong")],
)
def test_a_new_private_key_is_its_owners_alone(passphrase, complaint, tmp_path):
    path = tmp_path / "k"
    public = keys.new_private_key(path, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    theirs = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    assert theirs.public_key().public_bytes_raw() == public.raw
    assert keys.is_encrypted(path) == (passphrase is not None)
    assert keys.read_private_key(path, passphrase).public == public
    with pytest.raises(littoral.InputError, match="never overwritten"):
        keys.new_private_key(path)
    with pytest.raises(littoral.InputError, match=complaint):
        keys.read_private_key(path, b"wrong")
    if passphrase is not None:
        with pytest.raises(littoral.InputError, match="is encrypted: give its passphrase"):
            keys.read_private_key(path)


def test_an_openssh_key_signs_too_and_others_are_refused(tmp_path):
    path = tmp_path / "id_ed25519"
    form = serialization.PrivateFormat.OpenSSH
    plain = serialization.NoEncryption()
    path.write_bytes(NATIVE.private_bytes(serialization.Encoding.PEM, form, plain))
    key = keys.read_private_key(path)
    NATIVE.public_key().verify(key.sign(b"message"), b"message")
    assert repr(key) == f"<littoral.keys.PrivateKey {key.public.id[:16]}>"
    other = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    with pytest.raises(littoral.InputError, match="no Ed25519 key"):
        keys.read_private_key(path)
    path.write_bytes(b"hello")
    with pytest.raises(littoral.InputError, match="no private key"):
        keys.read_private_key(path)


def test_without_the_package_the_error_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path\n"
        "from littoral import keys, EngineNotInstalled\n"
        "public = keys.read_trust(bytes(32))[0]\n"
        f"path = Path({str(tmp_path / 'k')!r})\n"
        "path.write_bytes(b'')\n"
        "for call in (lambda: public.verifies(bytes(64), b''),\n"
        "             lambda: keys.new_private_key(path), lambda: keys.read_private_key(path)):\n"
        "    try: call()\n"
        "    except EngineNotInstalled as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("pip install 'littoral[sign]'") == 3
