"""What the schemes store, read back by other parsers and held against Keras."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from converted import feeds, keras_outputs, randomize, worst_error
from keras import layers
from littoral_converters import convert


def network():
    """Every operator that the int8 schemes treat in a way of its own."""
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.add([x, layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)])
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(24, 3, activation="relu")(x)
    x = layers.Conv2D(8, 1)(x)
    x = layers.Flatten()(layers.AveragePooling2D(2)(x))
    return randomize(keras.Model(image, layers.Dense(5, name="scores")(x)), scale=0.2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The network in every scheme and format, by (format, scheme)."""
    model = network()
    variants = convert(
        model,
        tmp_path_factory.mktemp("schemes"),
        schemes=("float32", "float16", "dynamic_int8", "static_int8"),
        representative_data=feeds(model, 64, seed=2),
    )
    return model, {(v.format, v.scheme): v for v in variants}


def tensors(variant):
    """Constant tensors of a .tflite as LiteRT's own interpreter sees them: dtype and parameters."""
    interpreter = Interpreter(
        model_path=str(variant.path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter.get_tensor_details()


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_smaller_schemes_are_smaller(files, format_name):
    sizes = {scheme: v.size_bytes for (kind, scheme), v in files[1].items() if kind == format_name}
    assert sizes["float16"] < 0.8 * sizes["float32"]
    assert sizes["dynamic_int8"] < sizes["float16"]
    assert sizes["static_int8"] < sizes["float16"]


def test_int8_weights_have_one_symmetric_scale_per_channel(files):
    _, variants = files
    for scheme in ("dynamic_int8", "static_int8"):
        weights = [
            tensor
            for tensor in tensors(variants["tflite", scheme])
            if tensor["dtype"] == np.int8 and len(tensor["quantization_parameters"]["scales"]) > 1
        ]
        assert len(weights) == 5
        for tensor in weights:
            parameters = tensor["quantization_parameters"]
            axis = parameters["quantized_dimension"]
            assert len(parameters["scales"]) == tensor["shape"][axis]
            assert not parameters["zero_points"].any()


def test_static_int8_keeps_float_inputs_and_outputs_and_few_borders(files):
    """The first layer sees too few channels for int8: float are it, the image and the scores."""
    details = tensors(files[1]["tflite", "static_int8"])
    by_name = {tensor["name"]: tensor for tensor in details}
    assert by_name["image"]["dtype"] == by_name["scores"]["dtype"] == np.float32
    floats = [tensor for tensor in details if tensor["dtype"] == np.float32]
    assert len(floats) == 6, "with its weights, its bias, what it makes, and the engine's scratch"


@pytest.mark.parametrize("scheme", ["float16", "dynamic_int8", "static_int8"])
def test_the_reference_kernels_agree_with_the_delegate(files, scheme):
    """A file must not lean on XNNPACK: boards without it run the reference kernels."""
    model, variants = files
    data = feeds(model, 1, seed=3)
    results = []
    for resolver in (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        interpreter = Interpreter(
            model_path=str(variants["tflite", scheme].path), experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], data["image"])
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    wanted = keras_outputs(model, data)[0]
    for result in results:
        assert np.abs(result - wanted).max() < 0.1 * np.abs(wanted).max()


def test_onnx_files_are_standard_where_their_operators_are(files):
    _, variants = files
    for scheme in ("float32", "float16"):
        model = onnx.load(variants["onnx", scheme].path)
        onnx.checker.check_model(model, full_check=True)
        assert {entry.domain for entry in model.opset_import if entry.domain} <= {"ai.onnx.ml"}


def test_stored_weights_cost_nothing_at_run_time(files):
    """Cast and Mul in front of a stored weight are folded when onnxruntime loads the file."""
    options = onnxruntime.SessionOptions()
    path = files[1]["onnx", "dynamic_int8"].path
    options.optimized_model_filepath = str(path.with_suffix(".optimized"))
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(options.optimized_model_filepath).graph.node
    convolutions = [node for node in nodes if "Conv" in node.op_type]
    assert len(convolutions) == 4
    constants = {t.name for t in onnx.load(options.optimized_model_filepath).graph.initializer}
    assert all(node.input[1] in constants for node in convolutions)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_shared_layers_quantize_once(format_name, tmp_path):
    """Two uses of one LSTM and one Dense: the weights are in the file once, and right in both."""
    a, b = keras.Input((6, 8), name="a"), keras.Input((6, 8), name="b")
    lstm, dense = layers.LSTM(16), layers.Dense(12)
    outputs = layers.Subtract()([dense(lstm(a)), dense(lstm(b))])
    model = randomize(keras.Model([a, b], outputs))
    assert worst_error(model, tmp_path, format_name, "dynamic_int8") < 0.1


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("scheme", ["dynamic_int8", "static_int8"])
def test_embeddings_keep_close(scheme, format_name, tmp_path):
    tokens = keras.Input((10,), dtype="int32", name="tokens")
    x = layers.Embedding(40, 16)(tokens)
    model = randomize(keras.Model(tokens, layers.Dense(4)(layers.Flatten()(x))))
    assert worst_error(model, tmp_path, format_name, scheme) < 0.05
