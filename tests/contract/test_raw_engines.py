"""What `littoral.measure` says of a file, held against the engine's own interface and a plain loop.

The two take turns of some milliseconds, and the ratios of neighbours are compared: a machine that
changes speed changes both. The file is loaded anew now and then, since where it comes to lie in
memory makes it faster or slower too. It takes some 200 us and little goes in and out, so that the
figures differ by how time is taken and not by what a call costs in Python.
"""

from __future__ import annotations

import itertools
import time

import littoral
import numpy as np
import onnx_writer
import pytest
import tflite_writer
from littoral.measuring import measure
from tflite_writer import Graph, Op, T

pytestmark = [pytest.mark.slow, pytest.mark.alone]

LAYERS, WIDTH = 20, 96
LOADS, PAIRS = 12, 5
TURN_S = 0.03
WITHIN = 0.03
_random = np.random.default_rng(0)
WIDEN, NARROW = (
    _random.normal(size=shape).astype(np.float32) for shape in ((WIDTH, 1), (1, WIDTH))
)
WEIGHTS = _random.normal(scale=WIDTH**-0.5, size=(WIDTH, WIDTH)).astype(np.float32)
X = _random.normal(size=(WIDTH, 1)).astype(np.float32)
"""Few values in and out: `Model.run` looks for NaN in what goes in, which an engine does not."""


def tflite_file():
    weights = [WIDEN, *[WEIGHTS] * LAYERS, NARROW]
    tensors, operators = [T("x", X.shape)], []
    for layer, matrix in enumerate(weights):
        before, outputs = len(tensors) - 1, len(matrix)
        tensors += [
            T(f"weights{layer}", matrix.shape, data=matrix),
            T(f"bias{layer}", [outputs], data=np.zeros(outputs, np.float32)),
            T(f"y{layer}", [WIDTH, outputs]),
        ]
        places = [before, before + 1, before + 2]
        operators.append(
            Op("FULLY_CONNECTED", places, [before + 3], "FullyConnectedOptions", version=4)
        )
    last = len(tensors) - 1
    return tflite_writer.write(
        Graph(tensors, [0], [last], operators), signature=({"x": 0}, {"y": last})
    )


def onnx_file():
    weights = ["widen", *["weights"] * LAYERS, "narrow"]
    names = ["x", *(f"y{layer}" for layer in range(LAYERS + 1)), "y"]
    return onnx_writer.write(
        [("x", "float32", X.shape)],
        [("y", "float32", X.shape)],
        [
            ("MatMul", [before, matrix], [after], {})
            for (before, after), matrix in zip(itertools.pairwise(names), weights, strict=True)
        ],
        constants={"widen": WIDEN.T, "weights": WEIGHTS.T, "narrow": NARROW.T},
    )


def litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()[0]["index"]
    out = interpreter.get_output_details()[0]["index"]

    def call():
        interpreter.set_tensor(into, X)
        interpreter.invoke()
        return interpreter.get_tensor(out)

    return call


def onnxruntime(path):
    import onnxruntime as library

    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": X})


def raw_p50_ns(call):
    end = time.perf_counter() + TURN_S
    while time.perf_counter() < end:
        call()
    durations = []
    end = time.perf_counter() + TURN_S
    while time.perf_counter() < end:
        started = time.perf_counter_ns()
        call()
        durations.append(time.perf_counter_ns() - started)
    return float(np.median(durations))


@pytest.mark.parametrize(
    ("name", "content", "opened"),
    [("m.tflite", tflite_file, litert), ("m.onnx", onnx_file, onnxruntime)],
)
def test_our_p50_is_that_of_the_engine_itself(tmp_path, name, content, opened):
    path = tmp_path / name
    path.write_bytes(content())
    ratios = []
    for _ in range(LOADS):
        call = opened(path)
        with littoral.load(path) as model:
            for pair in range(PAIRS):
                ratios.append(ratio_of_neighbours(model, call, is_ours_first=pair % 2 == 0))
    found = float(np.median(ratios))
    assert 1 - WITHIN < found < 1 + WITHIN, (found, np.quantile(ratios, [0, 0.25, 0.75, 1]))


def ratio_of_neighbours(model, call, is_ours_first):
    ours = raw = 0.0
    for is_ours in (is_ours_first, not is_ours_first):
        if is_ours:
            measured = measure(model, data={"x": X}, duration_s=TURN_S)
            ours = measured.latency_p50.value
        else:
            raw = raw_p50_ns(call)
    assert raw > 25_000
    return ours / raw
