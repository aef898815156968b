"""Files as an attacker or a disk would leave them, and what must come of each.

    python tests/signed_files.py      writes tests/golden/seals.json again

The vectors are for every library that checks our seals, in whatever language: small files, sealed
and signed with fixed keys (Ed25519 signs without chance), and the outcome without and with trust.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx_writer
import tflite_writer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from littoral import Card, integrity, keys
from littoral.card import CardTensor

GOLDEN = Path(__file__).parent / "golden" / "seals.json"
CARD = Card("toy", inputs=(CardTensor("x", (1, 4)),), outputs=(CardTensor("y", (1, 4)),))
WEIGHTS = np.array([[1.5, -2.0, 0.25, 3.0]], np.float32)
SEEDS = {"ours": bytes(range(32)), "somebody else's": bytes(range(32, 64))}

PLAIN = {
    "tflite": tflite_writer.write(
        tflite_writer.Graph(
            [
                tflite_writer.T("x", [1, 4]),
                tflite_writer.T("w", [1, 4], data=WEIGHTS),
                tflite_writer.T("y", [1, 4]),
            ],
            [0],
            [2],
            [tflite_writer.add(0, 1, 2)],
        ),
        signature=({"x": 0}, {"y": 2}),
        metadata={"littoral_card": CARD.to_json().encode()},
    ),
    "onnx": onnx_writer.write(
        [("x", "float32", [1, 4])],
        [("y", "float32", [1, 4])],
        [("Add", ["x", "w"], ["y"], {})],
        {"w": WEIGHTS},
        {"littoral_card": CARD.to_json()},
    ),
}


def private_key(path: Path, owner: str = "ours") -> keys.PrivateKey:
    """A fixed key, through a file as everybody's."""
    native = Ed25519PrivateKey.from_private_bytes(SEEDS[owner])
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    path.write_bytes(native.private_bytes(serialization.Encoding.PEM, form, plain))
    return keys.read_private_key(path)


def sealed(format: str) -> bytes:
    """The plain file with its digest."""
    return integrity.seal(PLAIN[format])


def resealed(content: bytes) -> bytes:
    """The file with a digest that fits, as anybody can make: the rest of the seal stays."""
    module = integrity.formats.module(integrity.formats.sniff(content))
    start, end = module.seal_span(content)
    record = module.decode_seal(content[start:end])
    blank = content[:start] + module.encode_seal(record[:16] + bytes(32) + record[48:])
    blank += content[end:]
    digest = hashlib.sha256(blank).digest()
    return content[:start] + module.encode_seal(record[:16] + digest + record[48:]) + content[end:]


def changed(content: bytes, before: bytes, after: bytes) -> bytes:
    """The file with one piece replaced by another of the same length."""
    assert content.count(before) == 1
    assert len(before) == len(after)
    return content.replace(before, after)


def cases(format: str, ours: keys.PrivateKey, theirs: keys.PrivateKey) -> dict[str, tuple]:
    """By name: the file, and what comes of it without trust and with trust in our key."""
    whole = sealed(format)
    signed = integrity.sign(whole, ours)
    card = CARD.to_json().encode()
    other_card = card.replace(b'"toy"', b'"boy"')
    weights, other_weights = WEIGHTS.tobytes(), (WEIGHTS * 2).tobytes()
    stranger = integrity.sign(whole, theirs)
    return {
        "sealed": (whole, "ok", "unsigned"),
        "signed": (signed, "ok", "ok"),
        "signed by another key": (stranger, "ok", "unknown key"),
        "signed by another key that calls itself ours": (
            resealed(_renamed(format, stranger, theirs.public.id, ours.public.id)),
            "ok",
            "bad signature",
        ),
        "weights changed": (changed(signed, weights, other_weights), "changed", "changed"),
        "card changed": (changed(signed, card, other_card), "changed", "changed"),
        "weights changed and sealed again": (
            resealed(changed(signed, weights, other_weights)),
            "ok",
            "bad signature",
        ),
        "card changed and sealed again": (
            resealed(changed(signed, card, other_card)),
            "ok",
            "bad signature",
        ),
        "seal taken off": (PLAIN[format], "no seal", "no seal"),
        "cut off": (signed[: len(signed) * 2 // 3], "damaged", "damaged"),
        "one byte more": (signed + b"\0", "damaged", "damaged"),
    }


def _renamed(format: str, content: bytes, before: str, after: str) -> bytes:
    if format == "onnx":
        return changed(content, before.encode(), after.encode())
    return changed(content, bytes.fromhex(before), bytes.fromhex(after))


def vectors(folder: Path) -> dict[str, object]:
    """What `seals.json` holds."""
    ours = private_key(folder / "ours")
    theirs = private_key(folder / "theirs", "somebody else's")
    return {
        "about": "outcomes: ok; changed, no seal, damaged: refused always; unsigned, unknown key, "
        "bad signature: refused with trust in public_key only",
        "public_key": ours.public.text,
        "key_id": ours.public.id,
        "cases": [
            {
                "name": f"{format}: {name}",
                "file": base64.b64encode(content).decode(),
                "without_trust": plain,
                "with_trust": trusting,
            }
            for format in ("onnx", "tflite")
            for name, (content, plain, trusting) in cases(format, ours, theirs).items()
        ],
    }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(vectors(Path(folder)), indent=1) + "\n")
