"""Files that nobody made with littoral in mind: what they hold, ask for and lack."""

import littoral
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers
from littoral import cli
from littoral.formats import Signature
from onnx import helper, numpy_helper
from onnx_writer import write as write_onnx
from tflite_writer import Graph, Op, T, add, sub, write

FLOAT = onnx.TensorProto.FLOAT


def model_of(nodes, inputs, outputs, constants=(), opset=17, sparse=()):
    """An .onnx file of values that `onnx_writer` does not write."""
    graph = helper.make_graph(
        nodes, "g", inputs, outputs, list(constants), sparse_initializer=list(sparse)
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def of_type(name, kind):
    return helper.make_value_info(name, kind)


TENSOR = helper.make_tensor_type_proto(FLOAT, None)


TWO_GRAPHS = write(
    Graph(
        [T("x", [1, 2]), T("y", [1, 2]), T("z", [1, 2])], [0], [1, 2], [add(0, 0, 1), sub(0, 0, 2)]
    ),
    Graph(
        [T(name, [1, 3], open_shape=[-1, 3]) for name in ("p", "q", "r")],
        [0, 1],
        [2],
        [sub(0, 1, 2)],
    ),
    signatures={
        "twice": (0, {"x": 0}, {"double": 1}),
        "both": (0, {"x": 0}, {"nothing": 2, "double": 1}),
        "alike": (0, {"x": 0}, {"one": 1, "other": 1}),
        "minus": (1, {"b": 1, "a": 0}, {"difference": 2}),
    },
)


def test_every_signature_is_listed_and_runs_by_its_name(tmp_path):
    raw = Interpreter(model_content=TWO_GRAPHS).get_signature_list()
    with littoral.load(TWO_GRAPHS) as model:
        assert {
            name: {"inputs": sorted(each.inputs), "outputs": sorted(each.outputs)}
            for name, each in model.signatures.items()
        } == {name: {k: sorted(v) for k, v in each.items()} for name, each in raw.items()}
        assert set(model.run([[1, 2]])) == {"y", "z"}
    with littoral.load(TWO_GRAPHS, signature="twice") as model:
        assert model.run([[1, 2]]).tolist() == [[2, 4]]
    with littoral.load(TWO_GRAPHS, signature="both") as model:
        result = model.run([[1, 2]])
        assert {name: values.tolist() for name, values in result.items()} == {
            "double": [[2, 4]],
            "nothing": [[0, 0]],
        }
    with littoral.load(TWO_GRAPHS, signature="alike") as model:
        assert sorted(model.run([[1, 2]])) == ["one", "other"]
    path = tmp_path / "two.tflite"
    path.write_bytes(TWO_GRAPHS)
    np.savez(tmp_path / "d.npz", a=np.full((1, 3), 5), b=np.ones((1, 3)))
    arguments = [str(path), str(tmp_path / "d.npz"), "--signature", "minus"]
    (answer,) = cli.call("run", arguments)["predictions"]
    assert [each["score"] for each in answer["labels"]] == [4, 4, 4]


def test_a_signature_of_another_graph_takes_any_batch():
    a = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    runner = Interpreter(model_content=TWO_GRAPHS).get_signature_runner("minus")
    with littoral.load(TWO_GRAPHS, signature="minus") as model:
        assert [spec.name for spec in model.inputs] == ["a", "b"]
        for count in (5, 1, 2):
            result = model.run({"a": a[:count], "b": a[-count:]})
            wanted = runner(a=a[:count], b=a[-count:])["difference"]
            np.testing.assert_array_equal(result, wanted)
        np.testing.assert_array_equal(model.run([a[0], a[1]]), a[0] - a[1])


def test_inspect_shows_the_signatures(tmp_path, capsys):
    path = tmp_path / "two.tflite"
    path.write_bytes(TWO_GRAPHS)
    assert cli.call("inspect", [str(path)])["signatures"]["minus"] == {
        "inputs": ["b", "a"],
        "outputs": ["difference"],
    }
    cli.main(["inspect", str(path)])
    assert "minus(b, a) -> difference" in capsys.readouterr().out


def test_of_several_signatures_the_usual_one_names_the_tensors():
    graph = Graph([T("x", [1]), T("y", [1])], [0], [1], [add(0, 0, 1)])
    content = write(
        graph,
        signatures={
            "other": (0, {"in": 0}, {"out": 1}),
            "serving_default": (0, {"image": 0}, {"scores": 1}),
        },
    )
    with littoral.load(content) as model:
        assert (model.inputs[0].name, model.outputs[0].name) == ("image", "scores")
        assert model.signatures["other"] == Signature(("in",), ("out",))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Whirl"], "needs the custom operator Whirl, which ai-edge-litert does not have"),
        (["FlexErf"], "operators of TensorFlow itself .FlexErf.*littoral convert"),
    ],
)
def test_a_custom_operator_is_named(names, message):
    operators = [Op("CUSTOM", [0], [1], custom=name) for name in names]
    content = write(Graph([T("x", [1]), T("y", [1])], [0], [1], operators))
    with pytest.raises(littoral.FormatError, match=message) as caught:
        littoral.load(content)
    assert "\n" not in str(caught.value)


def detector():
    """Boxes and scores of four anchors to at most two detections, as detection models end."""
    settings = {
        **{"max_detections": 2, "max_classes_per_detection": 1, "num_classes": 1},
        **{"nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "use_regular_nms": False},
        **{"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0},
    }
    anchors = np.array([[0.2 * k, 0.2 * k, 0.1, 0.1] for k in range(4)], np.float32)
    tensors = [T("boxes", [1, 4, 4]), T("scores", [1, 4, 2]), T("anchors", [4, 4], data=anchors)]
    tensors += [T("places", [1, 2, 4]), T("classes", [1, 2]), T("sure", [1, 2]), T("count", [1])]
    operator = Op(
        "CUSTOM",
        [0, 1, 2],
        [3, 4, 5, 6],
        custom="TFLite_Detection_PostProcess",
        custom_options=bytes(flexbuffers.Dumps(settings)),
    )
    return write(Graph(tensors, [0, 1], [3, 4, 5, 6], [operator]))


def test_a_custom_operator_that_the_engine_has_runs():
    content = detector()
    boxes = np.zeros((1, 4, 4), np.float32)
    scores = np.array([[[0, 0.9], [0, 0.2], [0, 0.7], [0, 0.05]]], np.float32)
    raw = Interpreter(model_content=content)
    raw.allocate_tensors()
    for detail, values in zip(raw.get_input_details(), (boxes, scores), strict=True):
        raw.set_tensor(detail["index"], values)
    raw.invoke()
    with littoral.load(content) as model:
        results = model.run({"boxes": boxes, "scores": scores})
    assert results["count"] == 2
    np.testing.assert_allclose(results["sure"], [[0.9, 0.7]])
    for detail, values in zip(raw.get_output_details(), results.values(), strict=True):
        np.testing.assert_array_equal(values, raw.get_tensor(detail["index"]))


def test_an_operator_that_onnxruntime_lacks_is_named():
    node = helper.make_node("Whirl", ["x"], ["y"], domain="com.acme")
    graph = helper.make_graph([node], "g", [tensor("x", [1])], [tensor("y", [1])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.acme", 1)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    with pytest.raises(littoral.FormatError, match=r"operator com.acme.Whirl, .* custom_ops"):
        littoral.load(content)


def test_a_file_that_leaves_open_how_many_axes_there_are():
    content = write_onnx(
        [("x", "float32", None)], [("y", "float32", None)], [("Add", ["x", "x"], ["y"], {})]
    )
    with littoral.load(content) as model:
        assert not model.inputs[0].is_ranked
        for shape in ((), (3,), (1, 2), (2, 3, 4)):
            x = np.full(shape, 2, np.float32)
            result = model.run(x)
            assert result.shape == shape
            assert (result == 4).all()


def test_an_input_that_may_be_left_out():
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [2]))
    has = helper.make_node("OptionalHasElement", ["o"], ["has"])
    twice = helper.make_node("Add", ["x", "x"], ["y"])
    content = model_of(
        [has, twice],
        [tensor("x", [2]), of_type("o", optional)],
        [tensor("has", [], onnx.TensorProto.BOOL), tensor("y", [2])],
        opset=18,
    )
    with littoral.load(content) as model:
        assert [spec.is_optional for spec in model.inputs] == [False, True]
        assert not model.run({"x": [1, 2]})["has"]
        assert model.run({"x": [1, 2], "o": [3, 4]})["has"]
        assert not model.run([[1, 2], None])["has"]
        assert model.run({"x": [1, 2]})["y"].tolist() == [2, 4]
        with pytest.raises(littoral.InputError, match="'x' is missing"):
            model.run({"o": [1, 2]})


def test_an_output_that_may_be_nothing():
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [2]))
    content = model_of(
        [helper.make_node("Optional", ["x"], ["y"])], [tensor("x", [2])], [of_type("y", optional)]
    )
    with littoral.load(content) as model:
        assert model.run([1, 2]).tolist() == [1, 2]


def test_a_constant_that_is_listed_among_the_inputs_need_not_be_given():
    content = write_onnx(
        [("x", "float32", [1, 2]), ("w", "float32", [2])],
        [("y", "float32", [1, 2])],
        [("Add", ["x", "w"], ["y"], {})],
        {"w": np.ones(2, np.float32)},
    )
    with littoral.load(content) as model:
        assert [spec.name for spec in model.inputs] == ["x"]
        assert model.run([[1, 2]]).tolist() == [[2, 3]]


def test_a_sequence_of_tensors_is_a_list():
    content = model_of(
        [helper.make_node("SplitToSequence", ["x"], ["y"], axis=0)],
        [tensor("x", [3, 2])],
        [of_type("y", helper.make_sequence_type_proto(TENSOR))],
    )
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    with littoral.load(content) as model:
        assert model.outputs[0].dtype == "list"
        np.testing.assert_array_equal(np.concatenate(model.run(x)), x)


def test_an_input_that_is_a_sequence_is_refused_by_name():
    content = model_of(
        [helper.make_node("SequenceLength", ["s"], ["n"])],
        [of_type("s", helper.make_sequence_type_proto(TENSOR))],
        [tensor("n", [], onnx.TensorProto.INT64)],
    )
    with pytest.raises(littoral.FormatError, match=r"s is a seq\(tensor\(float\)\)"):
        littoral.load(content)


def test_sparse_weights():
    values = numpy_helper.from_array(np.array([5, 7], np.float32), "w")
    places = numpy_helper.from_array(np.array([[0, 1], [2, 0]]), "w_places")
    content = model_of(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [tensor("x", [1, 3])],
        [tensor("y", [1, 2])],
        sparse=[helper.make_sparse_tensor(values, places, [3, 2])],
    )
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    x = np.array([[1, 2, 3]], np.float32)
    with littoral.load(content) as model:
        assert model.run(x).tolist() == [[21, 5]] == session.run(None, {"x": x})[0].tolist()


def test_an_open_axis_may_be_empty_and_samples_may_not():
    """A decoder's past has no entries at the first step."""
    content = write_onnx(
        [("x", "float32", [1, 1, 4]), ("past", "float32", [1, "p", 4])],
        [("present", "float32", [1, "q", 4])],
        [("Concat", ["past", "x"], ["present"], {"axis": 1})],
    )
    x, past = np.ones((1, 1, 4), np.float32), np.zeros((1, 0, 4), np.float32)
    with littoral.load(content) as model:
        for length in (1, 2, 3):
            past = model.run({"x": x, "past": past})
            assert past.shape == (1, length, 4)
        with pytest.raises(littoral.InputError, match="'x' is empty"):
            model.run({"x": x[:, :0], "past": past})


def test_an_empty_axis_does_not_reach_kernels_that_divide_by_it():
    graph = Graph(
        [T("x", [1, 1, 2], open_shape=[1, -1, 2]), T("y", [1, 1, 2], open_shape=[1, -1, 2])],
        [0],
        [1],
        [add(0, 0, 1)],
    )
    with (
        littoral.load(write(graph)) as model,
        pytest.raises(littoral.InputError, match=r"'x' is empty: its shape is \[1, 0, 2\]"),
    ):
        model.run(np.zeros((1, 0, 2), np.float32))
