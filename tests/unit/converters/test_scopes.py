"""Layers go by their own names in files and messages, whatever Keras makes of them in a graph."""

import re

import keras
import onnx
import pytest
from littoral.errors import ConversionError
from littoral.profiling import profile
from littoral_converters import convert
from littoral_converters.graphs.scopes import name_after_layers, scopes_of


def test_a_numbered_scope_is_the_layer_that_has_none_yet():
    nodes = ["m/dense_1/MatMul", "m/dense_1_2/MatMul", "m/scores_1/MatMul", "x"]
    assert scopes_of(nodes, ["dense", "dense_1", "scores"]) == {
        "dense_1": "dense",
        "dense_1_2": "dense_1",
        "scores_1": "scores",
    }


def test_a_shared_layer_is_entered_more_than_once():
    nodes = [f"m/dense{end}/MatMul" for end in ("", "_1", "_2")]
    assert set(scopes_of(nodes, ["dense"]).values()) == {"dense"}


def test_references_follow_the_nodes_that_are_renamed():
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    graph.node.add(name="m/dense_1/MatMul", input=["x"])
    sum_ = graph.node.add(name="m/dense_1/Add", input=["m/dense_1/MatMul:0", "^m/dense_1/MatMul"])
    sum_.attr["_class"].list.s.append(b"loc:@m/dense_1/MatMul")
    name_after_layers(graph, ["dense", "other"])
    assert [node.name for node in graph.node] == ["m/dense/MatMul", "m/dense/Add"]
    assert list(sum_.input) == ["m/dense/MatMul:0", "^m/dense/MatMul"]
    assert not sum_.attr


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """As people have it: saved, and not the first model of its process."""
    inputs = keras.Input((12, 12, 3), name="image")
    h = keras.layers.Conv2D(8, 3, activation="relu", name="edges")(inputs)
    h = keras.layers.Flatten()(h)
    shared = keras.layers.Dense(6, name="twice")
    h = keras.layers.Subtract(name="between")(
        [shared(h), shared(keras.layers.Activation("tanh")(h))]
    )
    h = keras.layers.Activation("softsign", name="wave")(h)
    path = tmp_path_factory.mktemp("scopes") / "model.keras"
    keras.Model(inputs, keras.layers.Dense(4, "softmax", name="scores")(h)).save(path)
    return path


@pytest.mark.slow
def test_files_name_their_layers_as_the_model_does(model, tmp_path):
    tflite, onnx_file = convert(model, tmp_path, recommend=False)
    timed = profile(tflite.path)
    layers = {part for entry in timed["by_layer"] for part in re.split("[/;]", entry["name"])}
    assert {"edges", "wave", "scores"} <= layers
    assert not {"edges_1", "wave_1", "scores_1"} & layers
    nodes = {part for node in onnx.load(onnx_file.path).graph.node for part in node.name.split("/")}
    assert {"edges", "wave", "scores"} <= nodes
    assert {"twice", "twice_1", "twice_2"} & nodes
    with pytest.raises(ConversionError, match=r"\(layer wave\)"):
        convert(
            model,
            tmp_path,
            formats=["tflite"],
            schemes=["strict_int8"],
            representative_data={"image": keras.random.normal((8, 12, 12, 3)).numpy()},
        )


@keras.saving.register_keras_serializable("scopes")
class Encoder(keras.Model):
    """Makes its input itself, without a name, as the backbones of model libraries do."""

    def __init__(self, units, **options):
        inputs = keras.Input((3,))
        super().__init__(inputs, keras.layers.Dense(units)(inputs), **options)
        self.units = units

    def get_config(self):
        return {"units": self.units, "name": self.name}


def test_a_file_has_the_same_input_whatever_was_made_before(tmp_path):
    Encoder(2, name="encoder").save(tmp_path / "encoder.keras")
    names, counted = set(), [keras.layers.Dense(1).name]
    for _ in range(2):
        keras.Input((5,))
        (variant,) = convert(tmp_path / "encoder.keras", tmp_path, formats=("onnx",))
        names.add(onnx.load(variant.path).graph.input[0].name)
        counted.append(keras.layers.Dense(1).name)
    assert names == {"keras_tensor"}
    assert len(set(counted)) == len(counted)
