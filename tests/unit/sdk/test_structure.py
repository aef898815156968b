"""What is refused before an engine sees it, and that nothing sound is."""

import copy
from pathlib import Path

import damage
import flatbuffers
import littoral
import numpy as np
import onnx
import onnx_writer
import pytest
import small_models
import tflite_micro
import tflite_writer
from ai_edge_litert import schema_py_generated as schema
from littoral import formats
from littoral.errors import FormatError
from littoral.formats import tflite
from littoral.formats._flatbuffer_columns import root
from tflite_writer import Graph, Op, T

SPLIT = Op("SPLIT", [1, 0], [2, 3], "SplitOptions", {"numSplits": 2})
AXIS = T("axis", [], "int32", data=np.array(1))
WHOLE = Graph(
    [
        T("x", [1, 4]),
        AXIS,
        T("a", [1, 2]),
        T("b", [1, 2]),
        T("w", [1, 2], data=np.ones(2)),
        T("y", [1, 2], "int8", 0.5, 3),
    ],
    [0],
    [5],
    [
        SPLIT,
        tflite_writer.add(2, 4, 3),
        Op("QUANTIZE", [3], [5], "QuantizeOptions"),
    ],
)
CONTENT = tflite_writer.write(WHOLE)
THEIRS = schema.ModelT.InitFromPackedBuf(CONTENT, 0)


def changed(change):
    """The file with one thing in it changed, written by the schema's own classes."""
    model = copy.deepcopy(THEIRS)
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def setting(path, value):
    """A change: the attribute or item at a dotted path under the first graph."""

    def change(model, graph):
        *way, last = path.split(".")
        target = graph
        for step in way:
            target = target[int(step)] if step.isdigit() else getattr(target, step)
        if last.isdigit():
            target[int(last)] = value
        else:
            setattr(target, last, value)

    return change


BAD = {
    "buffer 99": ("tensors.0.buffer", 99, "tensor 0 .* buffer that is not there"),
    "more than its buffer": ("tensors.4.shape", [1, 3], "tensor 4 .* larger than the buffer"),
    "huge": ("tensors.2.shape", [1 << 30, 8], "tensor 2 .* 4 GiB"),
    "scale nan": ("tensors.5.quantization.scale", [np.nan], "scale 0 .* no positive"),
    "scale negative": ("tensors.5.quantization.scale", [-1.0], "scale 0 .* no positive"),
    "scale denormal": ("tensors.5.quantization.scale", [1e-43], "scale 0 .* no positive"),
    "zero point": ("tensors.5.quantization.zeroPoint", [128], "zero point 0 .* beyond"),
    "graph input": ("inputs.0", 6, "a graph names a tensor that is not there"),
    "graph output": ("outputs.0", -2, "a graph names a tensor that is not there"),
    "operator input": ("operators.1.inputs.1", 6, "an operator names a tensor"),
    "operator output": ("operators.1.outputs.0", 1 << 30, "an operator names a tensor"),
    "input left out": ("operators.1.inputs.1", -1, "operator input 3 .* left out"),
    "output left out": ("operators.1.outputs.0", -1, "operator output 2 .* left out"),
    "read before made": ("operators.1.inputs.0", 5, "operator 1 .* that nothing has made"),
    "one input": ("operators.1.inputs", [2], "operator 1 .* too few or too many inputs"),
    "no inputs": ("operators.1.inputs", None, "operator 1 .* too few or too many inputs"),
    "no output": ("operators.1.outputs", [], "operator 1 .* too few or too many outputs"),
    "opcode": ("operators.1.opcodeIndex", 3, "operator 1 .* kind that the file does not name"),
    "other splits": ("operators.0.builtinOptions.numSplits", 3, "operator 0 .* another number"),
    "no splits": ("operators.0.builtinOptions", None, "operator 0 .* another number"),
}


def test_the_whole_file_is_sound():
    tflite.check_structure(CONTENT)
    assert littoral.load(CONTENT).run([1, 2, 3, 4]).shape == (2,)


@pytest.mark.parametrize("case", sorted(BAD))
def test_what_would_make_a_kernel_read_beyond_is_refused(case):
    path, value, message = BAD[case]
    with pytest.raises(FormatError, match=message):
        littoral.load(changed(setting(path, value)))


def test_a_depthwise_convolution_needs_its_bias():
    tensors = [
        T("x", [1, 4, 4, 2]),
        T("w", [1, 3, 3, 2], data=np.ones((1, 3, 3, 2))),
        T("b", [2], data=np.zeros(2)),
        T("y", [1, 2, 2, 2]),
    ]
    strides = {"padding": 1, "strideW": 1, "strideH": 1, "depthMultiplier": 1}
    strides |= {"dilationWFactor": 1, "dilationHFactor": 1}

    def content(*inputs):
        operator = Op("DEPTHWISE_CONV_2D", inputs, [3], "DepthwiseConv2DOptions", strides)
        return tflite_writer.write(Graph(tensors, [0], [3], [operator]))

    with littoral.load(content(0, 1, 2)) as model:
        assert model.run(np.ones((1, 4, 4, 2), np.float32)).ravel().tolist() == [9.0] * 8
    with pytest.raises(FormatError, match="too few or too many inputs"):
        littoral.load(content(0, 1))


@pytest.mark.parametrize(
    ("kind", "type_name", "fields"),
    [
        ("WHILE", "WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}),
        ("IF", "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}),
        ("CALL_ONCE", "CallOnceOptions", {"initSubgraphIndex": 1}),
    ],
)
def test_a_graph_that_calls_itself_is_refused(kind, type_name, fields):
    def graphs(**changes):
        caller = Op(kind, [0], [1], type_name, {**fields, **changes})
        tensors = [T("x", [1]), T("y", [1])]
        other = Graph(tensors, [0], [1], [tflite_writer.add(0, 0, 1)])
        return tflite_writer.write(Graph(tensors, [0], [1], [caller]), other, other)

    tflite.check_structure(graphs())
    for name in fields:
        with pytest.raises(FormatError, match="calls itself"):
            tflite.check_structure(graphs(**{name: 0}))


def test_columns_equal_what_the_generated_reader_says():
    tensors = root(CONTENT).vectors(2, 4).tables().vectors(0, 4).tables()
    yours = THEIRS.subgraphs[0].tensors
    shapes = tensors.vectors(0, 4)
    assert shapes.flat("<i4").tolist() == [size for t in yours for size in t.shape]
    assert shapes.counts.tolist() == [len(t.shape) for t in yours]
    assert shapes.rows.tolist() == [row for row, t in enumerate(yours) for _ in t.shape]
    assert shapes.columns.tolist() == [place for t in yours for place in range(len(t.shape))]
    assert tensors.numbers(2, "<u4").tolist() == [t.buffer for t in yours]
    quantization, rows = tensors.tables(4)
    told = [row for row, t in enumerate(yours) if t.quantization is not None]
    assert rows.tolist() == told
    assert quantization.vectors(2, 4).flat("<f4").tolist() == [0.5]


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_damage_of_any_kind_is_a_format_error_or_passes(format):
    content = CONTENT if format == "tflite" else small_models.SEVERAL["onnx"]
    check = formats.module(format).check_structure
    outcomes = set()
    for seed in range(700):
        try:
            check(damage.damaged(content, format, f"{seed}")[1])
            outcomes.add("passed")
        except FormatError:
            outcomes.add("refused")
    assert outcomes == {"passed", "refused"}


def test_a_small_file_cannot_make_the_check_work_for_long():
    tensors = [T(f"{k}", [1] * 200, "int8") for k in range(300)]
    content = bytearray(tflite_writer.write(Graph(tensors, [0], [0], [])))
    shape = np.array([200, *[1] * 200], "<i4").tobytes()
    place = content.index(shape, len(content) // 2)
    # Half of the tensors have the same shape, as long as half of the file.
    content[place : place + 4] = np.array([(len(content) - place) // 4 - 1], "<u4").tobytes()
    positions = root(bytes(content)).vectors(2, 4).tables().vectors(0, 4).tables()
    heads = positions.fields(0, 4)
    for at in heads.tolist():
        if at < place:
            content[at : at + 4] = np.array([place - at], "<u4").tobytes()
    with pytest.raises(FormatError, match="does not fit"):
        tflite.check_structure(bytes(content))


ONNX_DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
THIRD_PARTY = [*ONNX_DATA.rglob("*.onnx"), *Path(tflite_micro.__file__).parent.rglob("*.tflite")]


def test_no_file_of_another_package_is_refused():
    assert len(THIRD_PARTY) > 100
    for path in THIRD_PARTY:
        content = path.read_bytes()
        formats.module(formats.sniff(content)).check_structure(content)


@pytest.mark.parametrize("format", ["tflite", "onnx"])
@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
def test_every_number_type_passes(format, dtype):
    formats.module(format).check_structure(small_models.typed(format, dtype))


def test_onnx_constants_are_as_large_as_they_say():
    model = onnx.load_from_string(
        onnx_writer.write(
            [("x", "float32", [2, 3])],
            [("y", "float32", [2, 3])],
            [("Add", ["x", "w"], ["y"], {})],
            {"w": np.ones((2, 3), np.float32)},
        )
    )
    tensor = model.graph.initializer[0]
    for dims in ([2, 4], [-1, 6], [1 << 40, 1 << 40], []):
        del tensor.dims[:]
        tensor.dims.extend(dims)
        with pytest.raises(FormatError, match="constant 'w'"):
            littoral.load(model.SerializeToString())
    tensor.ClearField("raw_data")
    tensor.float_data.extend([1.0] * 6)
    del tensor.dims[:]
    tensor.dims.extend([3, 3])
    with pytest.raises(FormatError, match=r"shape \[3, 3\] needs 36 bytes and has 24"):
        littoral.load(model.SerializeToString())
    tensor.dims[0] = 2
    littoral.load(model.SerializeToString()).close()


def test_a_name_that_is_no_text_is_a_format_error():
    content = small_models.ONE["tflite"]
    for name in (b"\x01\x00\x00\x00x", b"\x01\x00\x00\x00y"):
        content = content.replace(name, name[:4] + b"\xff")
    with pytest.raises(FormatError, match=r"(?i)utf-8"):
        littoral.load(content)


def test_a_model_without_outputs_is_refused_and_one_without_inputs_runs():
    constant = {"w": np.ones(2, np.float32)}
    node = ("Neg", ["w"], ["y"], {})
    content = onnx_writer.write([], [("y", "float32", [2])], [node], constant)
    with littoral.load(content) as model:
        np.testing.assert_array_equal(model.run({}), [-1, -1])
    content = tflite_writer.write(
        Graph([T("x", [1]), T("y", [1])], [0], [], [tflite_writer.add(0, 0, 1)])
    )
    with pytest.raises(FormatError, match="no outputs"):
        littoral.load(content)
