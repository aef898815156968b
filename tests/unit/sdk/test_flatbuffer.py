"""The FlatBuffer walker against the published schema's own reader, and against anything at all."""

import struct

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import example, given, settings
from hypothesis import strategies as st
from littoral.errors import FormatError
from littoral.formats import tflite
from littoral.formats._flatbuffer import root
from tflite_writer import Graph, T, add, write

FILE = write(
    Graph(
        [
            T("x", [1, 3]),
            T("w", [1, 3], data=np.array([[1, 2, 3]])),
            T("y", [1, 3]),
        ],
        [0],
        [2],
        [add(0, 1, 2)],
    ),
    metadata={"min_runtime_version": b"2.3.0\x00\x00", "littoral_card": b"{}"},
)


def test_fields_equal_those_of_the_generated_reader():
    theirs = schema.ModelT.InitFromPackedBuf(FILE, 0)
    ours = root(FILE)
    assert ours.number(0, "<I") == theirs.version == 3
    assert ours.text(3) == theirs.description.decode()
    tensors = ours.tables(2)[0].tables(0)
    for mine, yours in zip(tensors, theirs.subgraphs[0].tensors, strict=True):
        assert mine.text(3) == yours.name.decode()
        assert mine.numbers(0, "i") == tuple(yours.shape)
        assert mine.number(2, "<I") == yours.buffer
    for mine, yours in zip(ours.tables(4), theirs.buffers, strict=True):
        assert mine.blob(0) == (b"" if yours.data is None else yours.data.tobytes())
    assert ours.field(99) == 0
    assert ours.table(5) is None


def test_an_absent_field_has_its_default():
    assert root(FILE).number(99, "<i", 7) == 7
    assert root(FILE).numbers(99, "i") == ()
    assert root(FILE).text(99) == ""


@pytest.mark.parametrize("cut", range(0, len(FILE), 11))
def test_a_truncated_file_is_a_format_error_or_reads_no_further(cut):
    with pytest.raises(FormatError):
        tflite.outline(FILE[:cut])


def walk(content):
    """Everything that reads a .tflite file's bytes."""
    for reader in (
        tflite.outline,
        tflite.entry_point,
        tflite.signatures,
        tflite.state,
        tflite.read_card,
    ):
        try:
            reader(content)
        except FormatError:
            continue


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@example(b"\x00" * 64)
@example(struct.pack("<I", 0xFFFFFFFF) * 10)
def test_random_bytes_raise_nothing_but_format_errors(content):
    walk(content)


@given(st.lists(st.tuples(st.integers(0, len(FILE) - 1), st.integers(0, 255)), max_size=12))
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_raises_nothing_but_format_errors(changes):
    content = bytearray(FILE)
    for position, value in changes:
        content[position] = value
    walk(bytes(content))


def test_elements_that_share_their_target_are_counted_each_time():
    table = root(FILE)
    start = table.source.budget
    table.tables(4)
    visited = start - table.source.budget
    assert visited >= len(table.tables(4))
    table.source.budget = visited // 2
    with pytest.raises(FormatError, match="does not fit"):
        table.tables(4)
