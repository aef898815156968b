"""Small files that remember from call to call, inside in every way, and outside."""

import numpy as np
from onnx_writer import write as write_onnx
from tflite_writer import Graph, Op, T, add, write


def recurrent():
    """Fused SimpleRNN whose state is a variable tensor: h = relu(x + h)."""
    one = np.array([[1.0]])
    tensors = [
        T("x", [1, 3, 1]),
        T("w", [1, 1], data=one),
        T("u", [1, 1], data=one),
        T("b", [1], data=np.zeros(1)),
        T("h", [1, 1], variable=True),
        T("y", [1, 3, 1]),
    ]
    cell = Op(
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        [0, 1, 2, 3, 4],
        [5],
        "SequenceRNNOptions",
        {"fusedActivationFunction": 1},
    )
    return write(Graph(tensors, [0], [5], [cell]))


def counter():
    """A resource variable that starts at 0 and grows by x with every call; y is its new value."""
    handle = T("v", [], "resource")
    start = Graph(
        [handle, T("zero", [1, 1], data=np.zeros((1, 1)))],
        [],
        [],
        [
            Op("VAR_HANDLE", [], [0], "VarHandleOptions", {"container": "", "sharedName": "v"}),
            Op("ASSIGN_VARIABLE", [0, 1], [], "AssignVariableOptions"),
        ],
    )
    main = Graph(
        [T("x", [1, 1]), handle, T("old", [1, 1]), T("y", [1, 1])],
        [0],
        [3],
        [
            Op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": 1}),
            Op("VAR_HANDLE", [], [1], "VarHandleOptions", {"container": "", "sharedName": "v"}),
            Op("READ_VARIABLE", [1], [2], "ReadVariableOptions"),
            add(2, 0, 3),
            Op("ASSIGN_VARIABLE", [1, 3], [], "AssignVariableOptions"),
        ],
    )
    return write(main, start)


def summing(format, names=("s", "s_out"), dtype="float32"):
    """y = x + s, and s_out = y: a running sum whose state is outside."""
    state, following = names
    if format == "onnx":
        return write_onnx(
            [("x", dtype, [1, 2]), (state, dtype, [1, 2])],
            [(following, dtype, [1, 2]), ("y", dtype, [1, 2])],
            [
                ("Add", ["x", state], [following], {}),
                ("Identity", [following], ["y"], {}),
            ],
        )
    tensors = [T("x", [1, 2]), T("s", [1, 2]), T("y", [1, 2]), T("z", [1, 2])]
    tensors.append(T("zero", [1, 2], data=np.zeros((1, 2))))
    graph = Graph(tensors, [0, 1], [3, 2], [add(0, 1, 2), add(2, 4, 3)])
    return write(graph, signature=({"x": 0, state: 1}, {following: 3, "y": 2}))


def gathering():
    """A state that grows: past [n, 2] and x [1, 2] become present [n + 1, 2]; y is its sum."""
    return write_onnx(
        [("x", "float32", [1, 2]), ("past_key", "float32", [1, None, 2])],
        [("present_key", "float32", [1, None, 2]), ("y", "float32", [1, 2])],
        [
            ("Unsqueeze", ["x", "axis"], ["row"], {}),
            ("Concat", ["past_key", "row"], ["present_key"], {"axis": 1}),
            ("ReduceSum", ["present_key", "axis"], ["y"], {"keepdims": 0}),
        ],
        {"axis": np.array([1], np.int64)},
    )
