"""Where int8 is used in an .onnx: the rules, and the files that come of them in onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from littoral_converters.schemes import _onnx_int8
from littoral_converters.schemes._onnx_gains import (
    Product,
    best_end,
    convolution_gain,
    gains_at_run_time,
    gains_calibrated,
)
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(7)

# Time of three such products and ReLUs against float32, one thread, AVX-512 VNNI, as measured:
# rows, depth, columns, quantized at run time, QDQ.
PRODUCTS = [
    (1, 64, 64, 1.39, 1.60),
    (1, 128, 128, 1.27, 1.48),
    (1, 784, 256, 0.65, 0.78),
    (1, 1024, 1024, 0.28, 0.33),
    (28, 64, 64, 1.13, 1.31),
    (28, 128, 128, 0.71, 0.88),
    (28, 256, 256, 0.49, 0.57),
    (128, 64, 10, 1.27, 1.21),
    (128, 128, 128, 0.46, 0.54),
    (128, 1024, 1024, 0.21, 0.21),
]

# Likewise of four convolutions: kernel, channels, groups, side, QDQ.
CONVOLUTIONS = [
    (3, 8, 1, 28, 1.34),
    (3, 16, 1, 28, 0.51),
    (3, 32, 1, 28, 0.34),
    (1, 8, 1, 7, 1.05),
    (1, 32, 1, 28, 0.57),
    (1, 128, 1, 14, 0.35),
]


@pytest.mark.parametrize(("rows", "depth", "columns", "at_run_time", "calibrated"), PRODUCTS)
def test_products_are_quantized_where_that_was_faster(
    rows, depth, columns, at_run_time, calibrated
):
    product = Product(rows, depth, columns)
    assert gains_at_run_time(product) == (at_run_time < 1)
    assert gains_calibrated(product) == (calibrated < 1)


@pytest.mark.parametrize(("size", "channels", "groups", "side", "ratio"), CONVOLUTIONS)
def test_convolutions_gain_where_they_were_faster(size, channels, groups, side, ratio):
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=groups)
    weights = [channels, channels // groups, size, size]
    assert (convolution_gain(node, weights, channels * side * side, 0) > 0) == (ratio < 1)


def test_the_end_that_gains_most_is_quantized():
    assert best_end([-5e3, 20e3, -1e3, 30e3], [0, 0, 0, 0]) == 1
    assert best_end([-5e3, 20e3, -1e3, 30e3], [0, 25e3, 0, 0]) == 0
    assert best_end([5e3, 2e3], [0, 0]) == 2, "less than entering and leaving costs"
    assert best_end([], []) == 0


def chain(layers, shape):
    """A model of nodes with weights: (operator, weights, attributes), ReLU after each."""
    nodes, constants, at = [], [], "x"
    for index, (operator, weights, attributes) in enumerate(layers):
        constants.append(numpy_helper.from_array(weights, f"w{index}"))
        nodes.append(helper.make_node(operator, [at, f"w{index}"], [f"p{index}"], **attributes))
        at = "y" if index == len(layers) - 1 else f"r{index}"
        nodes.append(helper.make_node("Relu", [f"p{index}"], [at]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return model.SerializeToString()


def weights_like(*shape):
    fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return (RNG.normal(size=shape) / np.sqrt(fan)).astype("float32")


def operators(content):
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def outputs(content, x):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def error(content, other, x):
    expected = outputs(content, x)
    return np.abs(outputs(other, x) - expected).max() / np.ptp(expected)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_large_product_is_an_integer_product_and_a_small_one_a_stored_weight(transposed):
    large, small = weights_like(256, 512), weights_like(512, 16)
    layers = [
        ("Gemm", large.T.copy() if transposed else large, {"transB": transposed}),
        ("Gemm", small.T.copy() if transposed else small, {"transB": transposed}),
    ]
    content = chain(layers, [1, 256])
    quantized = _onnx_int8.make_dynamic(content)
    assert operators(quantized).count("MatMulInteger") == 1
    assert operators(quantized).count("Gemm") == 1
    assert len(quantized) < len(content) / 3
    x = RNG.uniform(size=(1, 256)).astype("float32")
    assert error(content, quantized, x) < 0.04, "of 7 bits, twice what 8 would leave"


def test_a_node_that_is_kept_float_is_untouched():
    content = chain([("MatMul", weights_like(256, 512), {})], [1, 256])
    assert "MatMulInteger" in operators(_onnx_int8.make_dynamic(content))
    kept = _onnx_int8.make_dynamic(content, keep_float=frozenset({"p0"}))
    assert operators(kept) == ["MatMul", "Relu"]
    x = RNG.uniform(size=(1, 256)).astype("float32")
    np.testing.assert_array_equal(outputs(kept, x), outputs(content, x))


def test_convolutions_hand_integers_on_without_going_through_float():
    layers = [("Conv", weights_like(64, 64, 3, 3), {"pads": [1] * 4}) for _ in range(3)]
    content = chain(layers, [1, 64, 14, 14])
    samples = [{"x": RNG.normal(size=(1, 64, 14, 14)).astype("float32")} for _ in range(8)]
    quantized = _onnx_int8.make_static(content, samples)
    found = operators(quantized)
    assert found.count("Conv") == 3
    assert "Relu" not in found, "uint8 ends at 0 by itself"
    assert found.count("QuantizeLinear") == 4
    assert error(content, quantized, samples[0]["x"]) < 0.1


def test_an_lstm_is_quantized_from_the_size_on_where_it_gains():
    def lstm(units):
        node = helper.make_node("LSTM", ["x", "w", "r"], ["", "y"], hidden_size=units)
        constants = [
            numpy_helper.from_array(weights_like(1, 4 * units, size), name)
            for name, size in (("w", 28), ("r", units))
        ]
        graph = helper.make_graph(
            [node],
            "lstm",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [28, 1, 28])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, units])],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 8
        return model.SerializeToString()

    x = RNG.uniform(size=(28, 1, 28)).astype("float32")
    for units in (64, 160):
        content = lstm(units)
        quantized = _onnx_int8.make_dynamic(content)
        assert operators(quantized) == ["DynamicQuantizeLSTM"]
        assert error(content, quantized, x) < 0.05
    content = lstm(32)
    small = _onnx_int8.make_dynamic(content)
    assert operators(small)[-1] == "LSTM"
    assert error(content, small, x) < 0.02
