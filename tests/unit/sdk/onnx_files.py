"""Tiny ONNX models for tests, made with the format's own library."""

from itertools import pairwise

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def dense(width=4, classes=3, seed=0):
    """Bytes of softmax(x @ W): x float32 [1, width], scores float32 [1, classes]."""
    weights = np.random.default_rng(seed).standard_normal((width, classes)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["scores"]),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, classes])],
        [numpy_helper.from_array(weights, "w")],
    )
    return _file(graph)


def squares(size, times):
    """Bytes of a model that multiplies a matrix with itself: slow in proportion to `times`."""
    names = ["x", *[f"y{index}" for index in range(times)]]
    nodes = [
        helper.make_node("MatMul", [before, "x"], [after]) for before, after in pairwise(names)
    ]
    shape = [size, size]
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, shape)],
    )
    return _file(graph)


def _file(graph):
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
