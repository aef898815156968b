"""The same model is the same file, in every process."""

import numpy as np
import onnx
import pytest
from littoral_converters.formats import _onnx_compaction
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

CONSTANTS = {"rows": np.float32([[1, 2], [3, 4]]), "bias": np.float32([5, 6]), "five": [5.0]}


def written(order, numbers):
    """A product, and a choice of two constants behind it, as a writer numbers them."""
    names = {key: f"const__{number}" for key, number in zip(CONSTANTS, numbers, strict=True)}
    tensors = {
        key: numpy_helper.from_array(np.asarray(values, np.float32), names[key])
        for key, values in CONSTANTS.items()
    }
    out = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)
    branches = {
        f"{branch}_branch": helper.make_graph(
            [helper.make_node("Add", ["product", names[key]], ["chosen"])], branch, [], [out]
        )
        for branch, key in (("then", "bias"), ("else", "five"))
    }
    nodes = [
        helper.make_node("MatMul", ["x", names["rows"]], ["product"]),
        helper.make_node("If", ["flag"], ["y"], **branches),
    ]
    flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph(nodes, "graph", [x, flag], [y], [tensors[key] for key in order])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize("flag", [True, False])
def test_the_order_in_which_constants_were_written_is_not_in_the_file(flag):
    contents = set()
    for order, numbers in ((CONSTANTS, (1, 2, 3)), (reversed(CONSTANTS), (7, 4, 9))):
        model = written(order, numbers)
        _onnx_compaction.compact(model)
        onnx.checker.check_model(model, full_check=True)
        contents.add(model.SerializeToString())
    (content,) = contents
    feeds = {"x": np.float32([[1, 1]]), "flag": np.array(flag)}
    (y,) = InferenceSession(content).run(None, feeds)
    np.testing.assert_array_equal(y, [[9, 12]] if flag else [[9, 11]])
