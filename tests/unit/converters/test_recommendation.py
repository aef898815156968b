"""What `convert` recommends is what runs faster, whatever the scheme is called."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from littoral_converters.calibration import Dataset
from littoral_converters.recommendation import recommended
from onnx import TensorProto, helper, numpy_helper

DATA = Dataset({"x": np.ones((3, 256), np.float32)})


def products(count: int) -> bytes:
    """An .onnx that multiplies by a (256, 256) matrix so many times."""
    weights = numpy_helper.from_array(np.eye(256, dtype=np.float32), "w")
    names = ["x", *(f"t{at}" for at in range(1, count)), "y"]
    nodes = [helper.make_node("MatMul", [a, "w"], [b]) for a, b in itertools.pairwise(names)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 256]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString()


SLOW, FAST = products(20), products(4)


@pytest.mark.alone
@pytest.mark.slow
def test_the_fastest_file_is_recommended():
    contents = {"float32": SLOW, "float16": SLOW, "static_int8": FAST}
    assert recommended(contents, DATA) == "static_int8"


@pytest.mark.alone
@pytest.mark.slow
def test_a_file_that_float32_beats_is_never_recommended():
    assert recommended({"float32": FAST, "static_int8": SLOW}, DATA) == "float32"


@pytest.mark.alone
@pytest.mark.slow
def test_a_draw_goes_to_float32():
    assert recommended({"float32": FAST, "float16": FAST}, DATA) == "float32"
