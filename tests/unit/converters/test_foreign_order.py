"""Somebody else's file of a model: other names, another order of inputs, no card."""

import json

import keras
import littoral
import numpy as np
import onnx
import pytest
import tensorflow as tf
from littoral.cli import main
from littoral.comparison import compare_files
from littoral_converters import convert, debug, isolation, verify


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model of two inputs; its .onnx with the inputs renamed and the other way round."""
    folder = tmp_path_factory.mktemp("foreign")
    keras.utils.set_random_seed(3)
    wide, narrow = keras.Input((6,), name="wide"), keras.Input((4,), name="narrow")
    joined = keras.layers.Concatenate()([wide, narrow])
    model = keras.Model([wide, narrow], keras.layers.Dense(2, name="head")(joined))
    model.save(folder / "net.keras")
    (made,) = convert(folder / "net.keras", folder, formats=("onnx",))
    graph = onnx.load(made.path)
    del graph.metadata_props[:]
    inputs = list(graph.graph.input)
    del graph.graph.input[:]
    graph.graph.input.extend(reversed(inputs))
    for value in graph.graph.input:
        for node in graph.graph.node:
            node.input[:] = [f"my_{name}" if name == value.name else name for name in node.input]
        value.name = f"my_{value.name}"
    onnx.save(graph, folder / "theirs.onnx")
    other = keras.Sequential([keras.Input((5,), name="five"), keras.layers.Dense(2, name="out")])
    other.save(folder / "other.keras")
    convert(folder / "other.keras", folder, formats=("onnx",))
    yield folder
    isolation.stop()


def test_inputs_of_other_names_are_found_by_their_shapes(place):
    random = np.random.default_rng(0)
    data = {
        "wide": random.normal(size=(9, 6)).astype("float32"),
        "narrow": random.normal(size=(9, 4)).astype("float32"),
    }
    found = verify(place / "net.keras", place / "theirs.onnx", data=data)
    assert found.passed, found.reason
    assert found.max_abs_error < 1e-5


def test_a_file_of_another_model_is_refused_with_what_both_take(place, capsys):
    words = ["verify", str(place / "net.keras"), str(place / "other.float32.onnx"), "--json"]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    line = err.strip().splitlines()[-1]
    assert "other.float32.onnx cannot be compared" in line
    assert "wide float32 [any, 6] and narrow float32 [any, 4]" in line
    assert "the second five float32 [1, 5]" in line


def test_json_has_null_where_there_is_no_figure(place, capsys):
    three = keras.Sequential([keras.Input((5,), name="five"), keras.layers.Dense(3, name="out")])
    three.save(place / "three.keras")
    words = ["verify", str(place / "three.keras"), str(place / "other.float32.onnx"), "--json"]
    assert main(words) == 1
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told["max_abs_error"] is None
    assert "shape (16, 2) where Keras has (16, 3)" in told["reason"]


def test_numbered_outputs_are_held_against_those_of_keras_in_their_numbers_order(tmp_path):
    """TFLiteConverter calls a list's outputs by their numbers and holds them in another order."""
    inputs = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(5, activation="relu")(inputs)
    names = [f"end_{letter}" for letter in "cabd"]
    model = keras.Model(inputs, [keras.layers.Dense(3, name=name)(hidden) for name in names])
    model.save(tmp_path / "net.keras")
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (tmp_path / "theirs.tflite").write_bytes(content)
    with littoral.load(content) as file:
        given = [spec.name for spec in file.outputs]
    assert given != sorted(given) == [f"output_{number}" for number in range(4)]
    found = verify(tmp_path / "net.keras", tmp_path / "theirs.tflite")
    assert found.passed, found.reason
    assert debug(tmp_path / "net.keras", tmp_path / "theirs.tflite").first_wrong is None
    (made,) = convert(model, tmp_path, formats=("onnx",))
    compared = compare_files(made.path, tmp_path / "theirs.tflite", is_timed=False)
    assert [(pair.a, pair.b) for pair in compared.outputs] == list(
        zip(names, sorted(given), strict=True)
    )
    assert compared.max_difference < 1e-5
