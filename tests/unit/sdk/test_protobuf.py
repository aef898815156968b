"""The protobuf walker against the onnx package, and against anything at all."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from littoral.errors import FormatError
from littoral.formats import onnx as onnx_format
from littoral.formats._protobuf import Message
from onnx_writer import write

FILE = write(
    [("x", "float32", ["n", 3])],
    [("y", "float32", ["n", 2])],
    [("MatMul", ["x", "w"], ["h"], {}), ("Softmax", ["h"], ["y"], {"axis": -1})],
    {"w": np.arange(6, dtype=np.float32).reshape(3, 2)},
    {"littoral_card": '{"schema":1}', "other": "ü"},
)


def test_fields_equal_those_of_the_onnx_package():
    theirs = onnx.load_from_string(FILE)
    ours = Message(FILE)
    assert ours.number(1) == theirs.ir_version
    assert ours.text(2) == theirs.producer_name
    assert {p.text(1): p.text(2) for p in ours.all(14)} == {
        p.key: p.value for p in theirs.metadata_props
    }
    node = ours.first(7).all(1)[1]
    assert node.text(4) == theirs.graph.node[1].op_type
    assert node.first(5).number(3) == theirs.graph.node[1].attribute[0].i == -1
    tensor = ours.first(7).first(5)
    assert tensor.numbers(1) == list(theirs.graph.initializer[0].dims)
    assert tensor.blob(9) == theirs.graph.initializer[0].raw_data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x08", "runs past"),
        (b"\x08" + b"\xff" * 11, "never ends"),
        (b"\x0a\x05ab", "truncated"),
        (b"\x0b", "wire type 3"),
        (b"\x00\x00", "field number 0"),
        (b"\x09\x00", "truncated"),
    ],
)
def test_each_kind_of_damage_has_its_message(content, message):
    with pytest.raises(FormatError, match=message):
        list(Message(content).fields())


def test_a_number_is_no_message():
    (field,) = Message(b"\x08\x01").fields()
    with pytest.raises(FormatError, match="no message"):
        Message(b"\x08\x01").sub(field)


def walk(content):
    """Everything that reads an .onnx file's bytes."""
    onnx_format.claims(content)
    for reader in (onnx_format.outline, onnx_format.external_tensor, onnx_format.read_card):
        try:
            reader(content)
        except FormatError:
            continue


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_but_format_errors(content):
    walk(content)


@given(st.lists(st.tuples(st.integers(0, len(FILE) - 1), st.integers(0, 255)), max_size=12))
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_raises_nothing_but_format_errors(changes):
    content = bytearray(FILE)
    for position, value in changes:
        content[position] = value
    walk(bytes(content))


def test_graphs_nested_without_end_are_a_format_error():
    content = b""
    for _ in range(80):
        attribute = b"\x32" + length(content) + content
        node = b"\x2a" + length(attribute) + attribute
        content = b"\x0a" + length(node) + node
    with pytest.raises(FormatError, match="nested"):
        onnx_format.outline(b"\x3a" + length(content) + content)


def length(payload):
    value, encoded = len(payload), b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])
