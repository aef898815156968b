"""What goes in and what comes out of `convert`: names, order, card, refusals."""

import json
import zipfile

import keras
import littoral
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import feeds, file_outputs, keras_outputs, randomize, worst_error
from keras import layers
from littoral_converters import convert, verify


def dense(name="dense", units=3):
    inputs = keras.Input((4,), name="features")
    return randomize(keras.Model(inputs, layers.Dense(units, name="scores")(inputs), name=name))


def permuted():
    """Inputs and outputs whose alphabetical order is not their order, two of the same shape."""
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    outputs = {
        "late": layers.Dense(2, name="one")(layers.Subtract()([z, a])),
        "early": layers.Dense(2, name="two")(a),
    }
    return randomize(keras.Model([z, a], outputs))


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_names_and_order_are_keras_own(format_name, tmp_path):
    model = permuted()
    assert worst_error(model, tmp_path, format_name) < 1e-5
    (path,) = tmp_path.iterdir()
    with littoral.load(path) as loaded:
        assert [spec.name for spec in loaded.inputs] == ["z", "a"]
        assert {spec.name for spec in loaded.outputs} == {"early", "late"}
        data = feeds(model, 1, seed=3)
        results = loaded.run(data)
    wanted = model([data["z"], data["a"]])
    for name, values in results.items():
        np.testing.assert_allclose(values, wanted[name], atol=1e-5)


def test_an_output_that_is_called_as_an_input_gets_a_name_of_its_own(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"x": layers.Dense(4)(x), "y": x})
    for variant in convert(model, tmp_path):
        with littoral.load(variant.path) as loaded:
            assert [spec.name for spec in loaded.inputs] == ["x"]
            assert [spec.name for spec in loaded.outputs] == ["x_out", "y"]


def test_a_stateful_layer_starts_from_zeros_at_every_call_and_that_is_said(tmp_path):
    inputs = keras.Input(batch_shape=(1, 5, 3), name="x")
    model = randomize(keras.Model(inputs, layers.GRU(4, stateful=True, name="kept")(inputs)))
    said = []
    data = feeds(model, 1, seed=4)
    first = keras_outputs(model, data)[0]
    second = keras_outputs(model, data)[0]
    assert np.abs(first - second).max() > 1e-3
    for variant in convert(model, tmp_path, warn=said.append):
        with littoral.load(variant.path) as loaded:
            for _ in range(2):
                np.testing.assert_allclose(loaded.run(data), first, atol=1e-5)
    assert said == [
        "layer 'kept' is stateful: every call of the file starts from zeros; --streaming makes a "
        "file whose state goes in and out"
    ]
    # The model's own state is what it was.
    layer = model.get_layer("kept")
    assert layer.stateful
    np.testing.assert_allclose(np.asarray(layer.states[0]), second, atol=1e-6)


def test_other_readers_see_the_keras_names(tmp_path):
    tflite, onnx_file = convert(permuted(), tmp_path)
    runner = Interpreter(model_path=str(tflite.path)).get_signature_runner("serving_default")
    assert set(runner.get_input_details()) == {"z", "a"}
    assert set(runner.get_output_details()) == {"early", "late"}
    graph = onnx.load(onnx_file.path).graph
    assert [value.name for value in graph.input] == ["z", "a"]


def test_the_raw_engine_agrees_too(tmp_path):
    """The file itself is right, not only our way of running it."""
    model = dense()
    (variant,) = convert(model, tmp_path, formats=("tflite",))
    data = feeds(model, 1, seed=5)
    interpreter = Interpreter(model_path=str(variant.path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], data["features"])
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(got, keras_outputs(model, data)[0], atol=1e-6)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_the_file_carries_its_card(format_name, tmp_path):
    model = dense(name="little")
    x = feeds(model, 64, seed=1)["features"]
    y = keras_outputs(model, {"features": x})[0].argmax(1)
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), evaluation_data={"features": x, "y": y}
    )
    with littoral.load(variant.path) as loaded:
        card = loaded.card
    assert (card.name, card.format, card.scheme) == ("little", format_name, "float32")
    assert [tensor.name for tensor in card.inputs] == ["features"]
    assert card.verification["value"] == card.verification["float_value"] == 1.0
    assert card.verification["samples"] == 64
    assert card.versions["keras"] == keras.__version__


def test_labels_and_preprocessing_travel_from_the_keras_file(tmp_path):
    path = tmp_path / "model.keras"
    dense().save(path)
    card = {
        "schema": 1,
        "name": "mine",
        "family": "mlp",
        "inputs": [
            {
                "name": "features",
                "shape": [None, 4],
                "preprocessing": [{"step": "tabular", "columns": ["a", "b", "c", "d"]}],
            }
        ],
        "outputs": [{"name": "scores", "shape": [None, 3], "labels": ["x", "y", "z"]}],
    }
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("littoral_card.json", json.dumps(card))
    for variant in convert(path, tmp_path):
        with littoral.load(variant.path) as loaded:
            assert loaded.card.labels == ("x", "y", "z")
            assert loaded.card.inputs[0].preprocessing[0]["step"] == "tabular"
            assert loaded.card.family == "mlp"
            assert len(loaded.card.source_digest) == 64


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_dynamic_batch_takes_any_size(format_name, tmp_path):
    model = dense()
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=None)
    for count in (1, 3, 8):
        data = feeds(model, count, seed=count)
        np.testing.assert_allclose(
            file_outputs(variant.path, data)[0], keras_outputs(model, data)[0], atol=1e-5
        )


def test_verify_tells_a_wrong_file_from_a_right_one(tmp_path):
    model, other = dense(), dense(name="other")
    other.layers[-1].bias.assign([3.0, -1.0, 2.0])
    (right,) = convert(model, tmp_path, formats=("onnx",))
    (wrong,) = convert(other, tmp_path, formats=("onnx",))
    assert verify(model, right.path).passed
    found = verify(model, wrong.path)
    assert not found.passed
    difference = np.abs(np.array([3.0, -1.0, 2.0]) - model.layers[-1].bias.numpy())
    assert found.max_abs_error == pytest.approx(difference.max(), rel=1e-4)


def test_a_file_that_disagrees_is_not_kept(tmp_path):
    with pytest.raises(littoral.VerificationError, match="root mean square error"):
        convert(
            dense(),
            tmp_path,
            formats=("tflite",),
            schemes=("float32", "dynamic_int8"),
            tolerance=1e-12,
        )
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "unknown scheme 'int3'": {"schemes": ("int3",)},
    "unknown format 'coreml'": {"formats": ("coreml",)},
    "needs representative data": {"schemes": ("static_int8",)},
    "unknown lowering": {"lowering": "rolled"},
    "nothing to convert to": {"formats": ()},
    r"has shape \(5, 3\), expected \(n, 4\)": {"representative_data": np.zeros((5, 3), "float32")},
    "has no samples": {"representative_data": np.zeros((0, 4), "float32")},
    "NaN or infinity in 2 of 2": {"representative_data": np.full((2, 4), np.nan, "float32")},
    "has no labels": {"evaluation_data": np.zeros((5, 4), "float32")},
    "expected arrays named features": {"representative_data": {"other": np.zeros((5, 4))}},
    "y has 2 labels for 3": {
        "evaluation_data": {"x": np.zeros((3, 4), "float32"), "y": np.zeros(2, int)}
    },
    "output has 3 classes": {
        "evaluation_data": {"x": np.zeros((3, 4), "float32"), "y": np.array([0, 1, 7])}
    },
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_requests_are_refused_before_anything_is_written(message, tmp_path):
    with pytest.raises(littoral.LittoralError, match=message) as caught:
        convert(dense(), tmp_path / "out", **REFUSED[message])
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.tflite")) + list(tmp_path.rglob("*.onnx"))


def test_an_unbuilt_model_says_so(tmp_path):
    with pytest.raises(littoral.ConversionError, match="never built"):
        convert(keras.Sequential([layers.Dense(2)]), tmp_path)


def test_a_lambda_is_python_code_and_needs_permission(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Lambda(lambda x: x * 2.0, output_shape=(4,))(inputs))
    path = tmp_path / "lambda.keras"
    model.save(path)
    with pytest.raises(littoral.ConversionError, match="--allow-unsafe"):
        convert(path, tmp_path)
    assert convert(path, tmp_path, formats=("onnx",), allow_unsafe=True)[0].verification.passed


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_an_activation_by_lambda_converts_from_memory_alone(tmp_path):
    inputs = keras.Input((4,))
    scaled = layers.Dense(3, activation=lambda x: x * 2.0, name="scaled")(inputs)
    model = keras.Model(inputs, scaled)
    assert convert(model, tmp_path, formats=("onnx",))[0].verification.passed
    path = tmp_path / "nameless.keras"
    model.save(path)
    with pytest.raises(littoral.ConversionError, match=r"'scaled' was given a lambda.*from memory"):
        convert(path, tmp_path, allow_unsafe=True)


def test_a_damaged_keras_file_says_so(tmp_path):
    path = tmp_path / "model.keras"
    dense().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(littoral.FormatError, match="no Keras model, or is truncated"):
        convert(path, tmp_path)


def test_a_legacy_h5_file_converts_or_says_what_to_do(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(littoral.FormatError, match="does not load in Keras 3"):
        convert(path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_resizing_of_bytes_agrees_with_predict(format_name, tmp_path):
    inputs = keras.Input((6, 6, 3), dtype="uint8", name="image")
    resized = keras.layers.Rescaling(1 / 255)(keras.layers.Resizing(4, 5)(inputs))
    model = keras.Model(inputs, resized)
    data = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 3)).astype("uint8")
    (variant,) = convert(model, tmp_path, formats=(format_name,), schemes=("float32",))
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), model.predict(data, verbose=0), atol=1e-6)
