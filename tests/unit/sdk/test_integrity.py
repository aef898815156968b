"""The seal: any changed byte is an error, and other tools still read the file."""

import hashlib
import io
import random
import struct
import zipfile

import littoral
import numpy as np
import onnx
import pytest
import small_models
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from littoral import Card, integrity
from littoral.card import CardTensor
from onnx_writer import write as write_onnx
from tflite_writer import Graph, T, add, write

CARD = Card("toy", inputs=(CardTensor("x", (1, 3)),), outputs=(CardTensor("y", (1, 3)),))
WEIGHTS = np.random.default_rng(0).standard_normal((1, 300)).astype(np.float32)
PLAIN = {
    "tflite": write(
        Graph(
            [T("x", [1, 300]), T("w", [1, 300], data=WEIGHTS), T("y", [1, 300])],
            [0],
            [2],
            [add(0, 1, 2)],
        ),
        signature=({"x": 0}, {"y": 2}),
        metadata={"littoral_card": CARD.to_json().encode()},
    ),
    "onnx": write_onnx(
        [("x", "float32", [1, 300])],
        [("y", "float32", [1, 300])],
        [("Add", ["x", "w"], ["y"], {})],
        {"w": WEIGHTS},
        {"littoral_card": CARD.to_json()},
    ),
}
SEALED = {format: integrity.seal(content) for format, content in PLAIN.items()}


@pytest.fixture(params=sorted(SEALED))
def format(request):
    return request.param


def test_a_sealed_file_runs_and_shows_its_digest_and_card(format):
    digest = integrity.check(SEALED[format])
    assert len(digest) == 64
    with littoral.load(SEALED[format], verify=True) as model:
        np.testing.assert_array_equal(model.run(np.zeros((1, 300), np.float32)), WEIGHTS)
        assert model.card == CARD


def test_the_digest_is_sha256_of_the_file_with_its_own_bytes_as_zeros():
    content = bytearray(SEALED["tflite"])
    assert content[8:24] == b"LITTORAL-SEAL-1\0"
    digest = bytes(content[24:56])
    content[24:56] = bytes(32)
    assert hashlib.sha256(content).digest() == digest
    assert digest.hex() == integrity.check(SEALED["tflite"])
    text = SEALED["onnx"]
    start = text.index(b"LITTORAL-SEAL-1\0".hex().encode()) + 32
    blank = text[:start] + b"0" * 64 + text[start + 64 :]
    assert hashlib.sha256(blank).hexdigest().encode() == text[start : start + 64]


def test_sealing_again_changes_nothing(format):
    assert integrity.seal(SEALED[format]) == SEALED[format]


def test_the_seal_costs_what_it_says():
    assert len(SEALED["tflite"]) == len(PLAIN["tflite"]) + 192
    assert len(SEALED["onnx"]) == len(PLAIN["onnx"]) + 405


def test_a_sealed_tflite_file_says_the_same_to_the_generated_reader():
    before = schema.ModelT.InitFromPackedBuf(PLAIN["tflite"], 0)
    after = schema.ModelT.InitFromPackedBuf(SEALED["tflite"], 0)
    for mine, theirs in zip(after.buffers, before.buffers, strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)
    assert [t.name for t in after.subgraphs[0].tensors] == [
        t.name for t in before.subgraphs[0].tensors
    ]
    start = struct.unpack("<I", PLAIN["tflite"][:4])[0]
    assert struct.unpack("<I", SEALED["tflite"][:4])[0] == start + 192


def test_weights_stay_aligned_to_16_bytes():
    place = {content: content.index(WEIGHTS.tobytes()) for content in map(bytes, SEALED.values())}
    sealed, plain = place[SEALED["tflite"]], PLAIN["tflite"].index(WEIGHTS.tobytes())
    assert sealed % 16 == plain % 16


def test_a_sealed_onnx_file_passes_the_checker_and_keeps_its_metadata():
    model = onnx.load_from_string(SEALED["onnx"])
    onnx.checker.check_model(model)
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert entries["littoral_card"] == CARD.to_json()
    assert bytes.fromhex(entries["littoral_seal"]).startswith(b"LITTORAL-SEAL-1\0")


def test_no_single_changed_byte_goes_unnoticed(format):
    sealed = SEALED[format]
    changes = random.Random(3)
    for position in range(len(sealed)):
        content = bytearray(sealed)
        content[position] ^= changes.choice((1, 0x20, 0x80, 0xFF))
        with pytest.raises(littoral.ModelError):
            integrity.check(bytes(content))


def test_no_truncated_file_goes_unnoticed(format):
    for cut in range(len(SEALED[format])):
        with pytest.raises(littoral.ModelError):
            integrity.check(SEALED[format][:cut])


def test_nothing_added_goes_unnoticed(format):
    for extra in (b"\0", b"\x72\x00", SEALED[format]):
        with pytest.raises(littoral.ModelError):
            integrity.check(SEALED[format] + extra)


@given(st.sampled_from(sorted(SEALED)), st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_goes_unnoticed(format, data):
    sealed = SEALED[format]
    content = bytearray(sealed)
    start = data.draw(st.integers(0, len(sealed) - 1))
    replacement = data.draw(st.binary(min_size=1, max_size=255))
    content[start : start + len(replacement)] = replacement
    if content == sealed:
        return
    with pytest.raises(littoral.ModelError):
        integrity.check(bytes(content))


def test_a_seal_cannot_simply_be_taken_off(format):
    with pytest.raises(littoral.IntegrityError, match="missing or damaged"):
        integrity.check(PLAIN[format])
    with pytest.raises(littoral.IntegrityError, match="missing or damaged"):
        littoral.load(PLAIN[format])


def test_a_seal_without_a_card_cannot_be_blanked_out():
    for content in small_models.ONE.values():
        sealed = integrity.seal(content)
        start = sealed.index(b"LITTORAL-SEAL-1") if sealed[4:8] == b"TFL3" else 5
        with pytest.raises(littoral.ModelError):
            integrity.check(sealed[:start] + b"\0" * 8 + sealed[start + 8 :])


def test_upper_case_digits_are_a_change():
    text = SEALED["onnx"]
    start = text.index(b"littoral_seal") + 16
    shouted = text[:start] + text[start : start + 384].upper() + text[start + 384 :]
    assert shouted != text
    with pytest.raises(littoral.IntegrityError, match="seal is damaged"):
        integrity.check(shouted)


@pytest.mark.parametrize("span", [(48, 112), (112, 144), (144, 192)])
def test_a_signature_without_a_key_or_a_filled_padding_is_no_seal(span):
    content = bytearray(SEALED["tflite"])
    content[8 + span[0]] = 1
    content[24:56] = bytes(32)
    content[24:56] = hashlib.sha256(content).digest()
    with pytest.raises(littoral.IntegrityError, match="seal is damaged"):
        integrity.check(bytes(content))


def test_a_changed_signature_is_a_change():
    content = bytearray(SEALED["tflite"])
    content[8 + 48 : 8 + 144] = bytes(range(1, 97))
    content[24:56] = bytes(32)
    content[24:56] = hashlib.sha256(content).digest()
    assert integrity.check(bytes(content)) == bytes(content[24:56]).hex()
    content[8 + 50] ^= 1
    with pytest.raises(littoral.IntegrityError, match="was changed"):
        integrity.check(bytes(content))


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_anybodys_file_has_no_digest_and_loads(format):
    content = small_models.ONE[format]
    assert integrity.check(content) is None
    assert integrity.read_card(content) is None
    littoral.load(content).close()
    littoral.load(content, verify=False).close()
    with pytest.raises(littoral.IntegrityError, match="no digest"):
        littoral.load(content, verify=True)


def test_verify_false_runs_a_file_whose_digest_does_not_fit():
    content = bytearray(SEALED["onnx"])
    place = content.index(WEIGHTS.tobytes())
    content[place + 3] ^= 0x01
    with pytest.raises(littoral.IntegrityError, match="was changed after it was written"):
        littoral.load(bytes(content))
    littoral.load(bytes(content), verify=False).close()


def test_a_zip_of_labels_behind_a_tflite_file_is_left_alone_and_sealed_too():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("labels.txt", "cat\ndog")
    sealed = integrity.seal(small_models.ONE["tflite"] + stream.getvalue())
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        assert archive.read("labels.txt") == b"cat\ndog"
    with littoral.load(sealed, verify=True) as model:
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])


def test_the_card_of_a_keras_file_is_read_and_its_seal_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("littoral_card.json", CARD.to_json())
    content = stream.getvalue()
    assert integrity.read_card(content) == CARD
    assert integrity.check(content) is None
    with pytest.raises(littoral.FormatError, match="cannot carry a seal"):
        integrity.seal(content)
    with pytest.raises(littoral.FormatError):
        integrity.read_card(content[: len(content) // 2])


def test_a_card_that_is_no_card_is_a_format_error():
    content = write_onnx(
        [("x", "float32", [1])],
        [("y", "float32", [1])],
        [("Neg", ["x"], ["y"], {})],
        None,
        {"littoral_card": "[]"},
    )
    with pytest.raises(littoral.FormatError, match="card"):
        littoral.load(content, verify=False)
    # A seal vouches for the card, so a load need not read it: the error waits for who asks.
    with littoral.load(integrity.seal(content)) as model:
        np.testing.assert_array_equal(model.run([1]), [-1])
        with pytest.raises(littoral.FormatError, match="card"):
            _ = model.card


def test_weights_outside_the_flatbuffer_cannot_be_sealed():
    model = schema.ModelT.InitFromPackedBuf(small_models.ONE["tflite"], 0)
    model.buffers[0].offset, model.buffers[0].size = 4096, 16
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(littoral.FormatError, match="2 GB"):
        integrity.seal(bytes(builder.Output()))
