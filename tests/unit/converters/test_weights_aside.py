"""Weights that are kept beside the graph are what onnxruntime computes with in the end."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from littoral_converters.formats import onnx as onnx_format
from littoral_converters.formats._onnx_weights import Weights
from littoral_converters.lowering import Plan
from littoral_converters.signature import signature_of
from littoral_converters.trace import trace
from tf2onnx.optimizer import MergeDuplicatedNodesOptimizer

RNG = np.random.default_rng(3)
KERNEL = RNG.normal(size=(40, 40)).astype(np.float32)
X = RNG.normal(size=(1, 40)).astype(np.float32)


class Products(keras.layers.Layer):
    """Products with matrices that an optimizer leaves alone, turns, scales and divides by."""

    def call(self, x):
        kernel = keras.ops.convert_to_tensor(KERNEL)
        x = keras.ops.matmul(x, kernel)
        x = keras.ops.matmul(x, keras.ops.transpose(kernel) * 0.5)
        x = keras.ops.matmul(x, keras.ops.convert_to_tensor(KERNEL.copy()))
        x = keras.ops.matmul(x, keras.ops.zeros((40, 40))) + x
        x = x[:, :, None] / keras.ops.convert_to_tensor(np.abs(KERNEL) + 1)
        return keras.ops.sum(x, -1)


def expected():
    x = X @ KERNEL @ (KERNEL.T * 0.5) @ KERNEL
    return (x[:, :, None] / (np.abs(KERNEL) + 1)).sum(-1)


@pytest.fixture(scope="module")
def graph():
    inputs = keras.Input((40,), name="x")
    model = keras.Model(inputs, Products()(inputs), name="net")
    return trace(model, signature_of(model), Plan("onnx"))


def answer_of(content):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


def test_a_weight_that_the_optimizer_changes_is_changed(graph):
    content = onnx_format.write(graph)
    np.testing.assert_allclose(answer_of(content), expected(), rtol=1e-4, atol=1e-4)
    held = [tuple(t.dims) for t in onnx.load_from_string(content).graph.initializer]
    assert held.count((40, 40)) <= 4  # what is equal is there once


def test_the_graph_that_is_worked_on_has_no_weights(graph):
    light = Weights(graph.graph_def).graph_def.SerializeToString()
    assert len(light) < len(graph.graph_def) - 3 * KERNEL.nbytes


def test_a_pass_that_fails_is_left_out(graph, monkeypatch):
    def fail(self, graph):
        for node in list(graph.get_nodes())[:2]:
            node.type = "Nonsense"  # what it has done by then must not stay
        raise ValueError("no")

    monkeypatch.setattr(MergeDuplicatedNodesOptimizer, "_optimize", fail)
    answer = answer_of(onnx_format.write(graph))
    np.testing.assert_allclose(answer, expected(), rtol=1e-4, atol=1e-4)
