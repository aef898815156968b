"""What a file's bytes say, against what its engine or the package that wrote it says."""

import io
import json
import zipfile

import littoral
import numpy as np
import onnx
import pytest
import small_models
from littoral import TensorSpec, formats, plugins
from littoral.formats import keras, tflite
from littoral.formats import onnx as onnx_format
from onnx_writer import write as write_onnx
from tflite_writer import Graph, Op, T, add, write


@pytest.mark.parametrize("format", ["tflite", "onnx"])
@pytest.mark.parametrize("files", ["ONE", "SEVERAL", "OPEN", "FOUR"])
def test_sniffed_by_the_bytes(format, files):
    assert formats.sniff(getattr(small_models, files)[format]) == format


@pytest.mark.parametrize(
    "content", [b"hello", b"PK\x03\x04junk", b"\x00" * 100, b"TFL3", b"{}", b"\x08\x08"]
)
def test_other_files_are_refused_with_their_first_bytes(content):
    with pytest.raises(littoral.FormatError, match="not a TFLite, ONNX or Keras model"):
        formats.sniff(content)


def test_an_empty_file_is_called_empty():
    with pytest.raises(littoral.FormatError, match="empty"):
        formats.sniff(b"")


@pytest.mark.parametrize("format", ["tflite", "onnx"])
@pytest.mark.parametrize("files", ["ONE", "SEVERAL", "OPEN", "FOUR"])
def test_the_outline_names_the_tensors_as_the_loaded_model_does(format, files):
    content = getattr(small_models, files)[format]
    outline = formats.module(format).outline(content)
    with littoral.load(content) as model:
        assert outline.inputs == model.inputs
        assert outline.outputs == model.outputs


def test_every_format_offers_what_the_others_do():
    for name in plugins.names(formats):
        module = formats.module(name)
        assert f".{name}" == module.SUFFIX
        for offered in ("claims", "read_card", "outline"):
            assert callable(getattr(module, offered))


def test_tflite_operators_versions_and_weights_are_counted():
    weights = np.arange(3)
    content = write(
        Graph(
            [
                T("x", [1, 3]),
                T("w", [1, 3], data=weights),
                T("h", [1, 3]),
                T("y", [1, 3]),
                T("n", [2], "int32", data=np.array([1, 3])),
            ],
            [0],
            [3],
            [add(0, 1, 2), add(2, 1, 3), Op("RESHAPE", [2, 4], [3], version=2)],
        ),
        metadata={"min_runtime_version": b"2.3.0\x00\x00"},
    )
    outline = tflite.outline(content)
    assert outline.operators == {"ADD": 2, "RESHAPE": 1}
    assert outline.weights == {"float32": 12, "int32": 8}
    assert outline.requires["TFLite runtime"] == "2.3.0"
    assert outline.requires["RESHAPE"] == "version 2"
    assert outline.description == "a test's own"


def test_tflite_operator_names_are_those_of_the_schema():
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from littoral.formats._tflite_operators import NAMES

    theirs = {number: name for name, number in vars(BuiltinOperator).items() if name.isupper()}
    assert theirs == dict(enumerate(NAMES))


def test_tflite_quantization_and_custom_operators_are_shown():
    tensors = [T("x", [1, 2], "int8", 0.5, 3), T("y", [1, 2], "uint8", 0.25, -1)]
    content = write(Graph(tensors, [0], [1], [Op("CUSTOM", [0], [1], custom="Whirl")]))
    outline = tflite.outline(content)
    assert outline.inputs == (TensorSpec("x", (1, 2), "int8", 0.5, 3),)
    assert outline.outputs == (TensorSpec("y", (1, 2), "uint8", 0.25, -1),)
    assert outline.operators == {"CUSTOM Whirl": 1}


def names(content, signature=None):
    entry = tflite.entry_point(content, signature)
    return tuple(tuple(name for _, name in side) for side in (entry.inputs, entry.outputs))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (["serving_default_image:0", "b:1"], ("image", "b")),
        (["a:0", "a:1"], ("a:0", "a:1")),
        (["a", "a"], ("a#0", "a#1")),
        (["x.1", '{"in": 1}'], ("x.1", '{"in": 1}')),
        (["", ""], ("#0", "#1")),
    ],
)
def test_tensor_names_without_a_signature(raw, expected):
    tensors = [*(T(name, [1, 2]) for name in raw), T("y", [1, 2])]
    content = write(Graph(tensors, [0, 1], [2], [add(0, 1, 2)]))
    assert names(content) == (expected, ("y",))


def test_signature_names_follow_the_files_order_not_the_signatures():
    tensors = [T("in_b", [1, 2]), T("in_a", [1, 2]), T("out", [1, 2])]
    content = write(
        Graph(tensors, [1, 0], [2], [add(0, 1, 2)]), signature=({"b": 0, "a": 1}, {"sum": 2})
    )
    assert names(content) == (("a", "b"), ("sum",))


def test_onnx_operators_inside_branches_opsets_and_weights_are_counted():
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x"], ["t"])],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("t", 1, [2])],
        [onnx.numpy_helper.from_array(np.zeros(5, np.int8), "inner")],
    )
    content = write_onnx(
        [("x", "float32", [2]), ("c", "bool", [])],
        [("y", "float32", [2])],
        [("If", ["c"], ["y"], {"then_branch": branch, "else_branch": branch})],
        {"w": np.zeros((3, 4), np.float32)},
    )
    outline = onnx_format.outline(content)
    assert outline.operators == {"Neg": 2, "If": 1}
    assert outline.weights == {"float32": 48, "int8": 10}
    assert outline.requires == {"ONNX IR": "8", "ai.onnx opset": "17"}
    assert outline.inputs[1] == TensorSpec("c", (), "bool")
    assert outline.description == "a test"


def test_onnx_constants_that_are_also_inputs_are_not_shown_as_inputs():
    content = write_onnx(
        [("x", "float32", [2]), ("w", "float32", [2])],
        [("y", "float32", [2])],
        [("Add", ["x", "w"], ["y"], {})],
        {"w": np.zeros(2, np.float32)},
    )
    assert [spec.name for spec in onnx_format.outline(content).inputs] == ["x"]


def keras_file(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_json", ".json"), text)
    return stream.getvalue()


CONFIG = json.dumps(
    {
        "config": {
            "layers": [
                {
                    "class_name": "InputLayer",
                    "config": {"name": "image", "batch_shape": [None, 28, 28], "dtype": "uint8"},
                },
                {
                    "class_name": "Functional",
                    "config": {"layers": [{"class_name": "Dense", "config": {}}] * 2},
                },
            ]
        }
    }
)


def test_a_keras_file_shows_its_layers_and_inputs():
    content = keras_file(config_json=CONFIG, metadata_json='{"keras_version": "3.15.1"}')
    assert formats.sniff(content) == "keras"
    assert keras.read_card(content) is None
    outline = keras.outline(content)
    assert outline.operators == {"Dense": 2, "InputLayer": 1}
    assert outline.inputs == (TensorSpec("image", (None, 28, 28), "uint8"),)
    assert outline.requires == {"Keras": "3.15.1"}


@pytest.mark.parametrize("config", ["", "[]", "nope", '{"config": {"layers": [{}]}}'])
def test_a_keras_file_with_a_broken_configuration_is_a_format_error(config):
    with pytest.raises(littoral.FormatError):
        keras.outline(keras_file(config_json=config))
